"""Mixed precision: products of bfloat16 factors, in a chain whose numbers are wider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from ..ground.arrays import lift, zeros
from ..ground.contracts import Array, Layer, Noise, Pullback, Views
from ..ground.devices import short
from ..machine.layers import Dense

__all__ = ["ShortProducts", "with_short_products"]


@dataclass(frozen=True)
class ShortProducts:
    """A dense layer of a tensor chain that rounds W, b, x and g to bfloat16 for its products.

    θ, ∇ and what flows between layers keep their type, so that steps too small for bfloat16's
    eight binary digits are not lost.  Micikevicius et al. 2018, with bfloat16 for float16.
    """

    layer: Dense

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        """Those of the layer."""
        return self.layer.parameters

    @property
    def statistics(self) -> Mapping[str, tuple[int, ...]]:
        """Those of the layer: none."""
        return self.layer.statistics

    def initialize(self, p: Views, key: int) -> None:
        """As the layer does."""
        self.layer.initialize(p, key)

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        names = list(self.parameters)
        rounded = {name: short(getattr(p, name)) for name in names}
        written = {f"d{name}": zeros(tuple(v.shape), like=v) for name, v in rounded.items()}
        copy = SimpleNamespace(**rounded, **written)
        y, to_x = self.layer(copy, short(x), noise)

        def pullback(g: Array, to_input: bool = True) -> Array | None:
            below = to_x(short(g), to_input)
            for name in written:
                getattr(p, name)[...] = written[name]
            return None if below is None else lift(below, like=x)

        return lift(y, like=x), pullback


def with_short_products(layers: Mapping[str, Layer]) -> dict[str, Layer]:
    """The same layers, each dense one with products of bfloat16 factors."""
    return {
        name: ShortProducts(layer) if isinstance(layer, Dense) else layer
        for name, layer in layers.items()
    }
