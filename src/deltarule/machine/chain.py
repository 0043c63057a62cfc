"""A chain of layers over one flat vector of parameters and one of gradients.             (C0)"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..ground.arrays import zeros
from ..ground.contracts import Array, Layer, Noise, Pullback
from ..ground.flat import Layout
from ..ground.randomness import derive

__all__ = ["Chain", "Link"]


@dataclass(frozen=True)
class Link:
    """One layer's part of a forward pass: its name, its value and its pullback."""

    name: str
    value: Array
    pullback: Pullback

    def __repr__(self) -> str:
        return f"Link({self.name!r}, value {tuple(self.value.shape)}, pullback)"


class Chain:
    """z = f_L(… f_2(f_1(x)))   ⇒   ∂x = f_1*(f_2*(… f_L*(∂z)))                             (C1)

    The chain rule: the pullback of a composition is the composition of the pullbacks in reverse.

    Parameters
    ----------
    layers : mapping of name to Layer
        In the order in which they are applied.
    dtype : dtype
        Of θ, ∇ and the statistics; ignored where vectors are given.
    theta, statistics : flat arrays, optional
        Vectors to lie over; zeros by default.

    Attributes
    ----------
    theta : array, (n_parameters,)
        θ, matrices first.
    grad : array, (n_parameters,)
        ∇, written by the pullback.
    statistics : array, (n_statistics,)
        Running statistics.
    increments : array, (n_statistics,)
        What a training forward adds to the statistics; lies behind ∇ in `outgoing`.
    outgoing : array, (n_parameters + n_statistics,)
        ∇ and the increments: what workers sum.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        dtype: Any = np.float32,
        theta: Array | None = None,
        statistics: Array | None = None,
    ) -> None:
        self.layers = dict(layers)
        self.layout = Layout(_shapes(layers, "parameters"))
        self.statistics_layout = Layout(_shapes(layers, "statistics"))
        n, s = self.layout.size, self.statistics_layout.size
        self.theta = np.zeros(n, dtype) if theta is None else theta
        self.statistics = zeros(s, like=self.theta) if statistics is None else statistics
        self.outgoing = zeros(n + s, like=self.theta)
        self.grad, self.increments = self.outgoing[:n], self.outgoing[n:]
        self.views = {name: self._views_of(name) for name in layers}
        has = [bool(layer.parameters) for layer in layers.values()]
        self._lowest = has.index(True) if any(has) else len(has)

    def _views_of(self, layer_name: str) -> SimpleNamespace:
        views = SimpleNamespace()
        for layout, values, changes in (
            (self.layout, self.theta, self.grad),
            (self.statistics_layout, self.statistics, self.increments),
        ):
            for name in layout:
                owner, _, short = name.rpartition(".")
                if owner == layer_name:
                    setattr(views, short, layout.view(values, name))
                    setattr(views, f"d{short}", layout.view(changes, name))
        return views

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies get windows on their own vectors; copied one by one, windows would be arrays."""
        return type(self), (self.layers, None, self.theta, self.statistics)

    def initialize(self, seed: int) -> None:
        """Write initial parameters and statistics: a function of the seed and the layer's place."""
        for index, (name, layer) in enumerate(self.layers.items()):
            layer.initialize(self.views[name], derive(seed, "weights", index))

    def over(self, theta: Array, statistics: Array) -> Chain:
        """The same layers over other vectors: another dtype, averaged weights, a worker's own."""
        return Chain(self.layers, theta=theta, statistics=statistics)

    def forward(self, x: Array, noise: Noise | None = None) -> list[Link]:
        """Every layer's name, value and pullback, in order."""
        links = []
        for index, (name, layer) in enumerate(self.layers.items()):
            x, pullback = layer(self.views[name], x, noise and noise.of_layer(index))
            links.append(Link(name, x, pullback))
        return links

    def __call__(
        self, x: Array, noise: Noise | None = None
    ) -> tuple[Array, Callable[..., Array | None]]:
        """The scores z, (n, n_out), and the pullback, which writes `grad`.

        The pullback returns ∂L/∂x only where asked to: while training nobody reads it, and below
        the lowest layer with parameters there is nothing to do.
        """
        links = self.forward(x, noise)

        def pullback(g: Array, to_input: bool = False) -> Array | None:
            stop = 0 if to_input else self._lowest
            for index in range(len(links) - 1, stop - 1, -1):
                below = links[index].pullback(g, to_input or index > stop)
                if below is not None:
                    g = below
            return g if to_input else None

        return links[-1].value if links else x, pullback


def _shapes(layers: Mapping[str, Layer], what: str) -> dict[str, tuple[int, ...]]:
    return {
        f"{layer_name}.{name}": shape
        for layer_name, layer in layers.items()
        for name, shape in getattr(layer, what).items()
    }
