"""A forward, and a forward and backward, pass with everything that it computes by name."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

from ..ground.contracts import Array, Batch, Objective
from ..ground.errors import did_you_mean
from ..learning.step import Penalty
from ..machine.chain import Chain, Link

__all__ = ["ForwardPass", "Gradients", "backward_pass"]

Found = TypeVar("Found")
# Arrays of so few numbers are shown whole.
FEW = 6


class ForwardPass(Sequence[Link]):
    """The layers' names, values and pullbacks, in order; prints as a table.

    Each is found by its place or its name: `passed[-1].value`, `passed["relu1"].value`.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = tuple(links)

    def __len__(self) -> int:
        return len(self._links)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            return any(link.name == key for link in self._links)
        return key in self._links

    @overload
    def __getitem__(self, key: int | str) -> Link: ...

    @overload
    def __getitem__(self, key: slice) -> Sequence[Link]: ...

    def __getitem__(self, key: int | str | slice) -> Link | Sequence[Link]:
        if not isinstance(key, str):
            return self._links[key]
        return by_name({link.name: link for link in self._links}, key, "layer")

    def __repr__(self) -> str:
        rows = [(x.name, shape_of(x.value), length(x.value), entries(x.value)) for x in self]
        return "\n".join(aligned([("layer", "value", "‖value‖", "entries"), *rows]))


@dataclass(frozen=True, eq=False, repr=False)
class Gradients:
    """What one backward pass computes, by name; prints as a table.

    It holds what `parameters` does: `grads["dense1.W"]`, `for name, g in grads.items()`.

    Attributes
    ----------
    loss : float
    values : dict of name to array
        "input" and the value of every layer, the last of which are the scores z.
    incoming : dict of name to array
        g = ∂L/∂y for the value of every layer, and ∂L/∂x for "input".
    parameters : dict of name to array
        ∂L/∂θ: "dense1.W", "dense1.b", …
    """

    loss: float
    values: dict[str, Array]
    incoming: dict[str, Array]
    parameters: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        return by_name(self.parameters, name, "parameter")

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    def keys(self) -> KeysView[str]:
        """The names of the parameters."""
        return self.parameters.keys()

    def items(self) -> ItemsView[str, Array]:
        """The names of the parameters, and ∂L/∂θ of each."""
        return self.parameters.items()

    def __repr__(self) -> str:
        incoming = [self.incoming[name] for name in self.values]
        of_values = [("layer", "value", "‖value‖", "‖∂L/∂value‖", "∂L/∂value")] + [
            (name, shape_of(y), length(y), length(g), entries(g))
            for (name, y), g in zip(self.values.items(), incoming, strict=True)
        ]
        of_parameters = [("parameter", "shape", "‖∂L/∂θ‖", "", "∂L/∂θ")] + [
            (name, shape_of(g), length(g), "", entries(g)) for name, g in self.parameters.items()
        ]
        lines = aligned([*of_values, *of_parameters])
        lines.insert(len(of_values), "")
        return "\n".join([f"loss {self.loss:.6g}", "", *lines])


def by_name(table: Mapping[str, Found], name: object, what: str) -> Found:
    """What has this name.

    Raises
    ------
    KeyError
        With the nearest name, and all.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise KeyError(
        f"There is no {what} {name!r}.{did_you_mean(name, table)} Known are: {', '.join(table)}."
    )


def shape_of(array: Array) -> str:
    """'(3, 4)'."""
    return str(tuple(array.shape))


def length(array: Array) -> str:
    """‖·‖, in four digits."""
    return f"{float(np.linalg.norm(np.asarray(array, np.float64))):.4g}"


def entries(array: Array) -> str:
    """A few numbers as they are, rounded; of many the least and the greatest."""
    numbers = np.asarray(array, np.float64).ravel()
    if len(numbers) <= FEW:
        return " ".join(f"{number:.3g}" for number in numbers)
    return f"{numbers.min():.3g} … {numbers.max():.3g}"


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a table: names, shapes and the last column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    return [
        "  ".join(
            f"{cell:<{width}}" if i in (0, 1, last) else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def backward_pass(
    chain: Chain, objective: Objective, batch: Batch, penalty: Penalty | None
) -> Gradients:
    """∂L/∂y of every layer's value y, and ∂L/∂θ: the pullbacks one by one, last to first."""
    links = chain.forward(batch.x, batch.noise)
    value, g = objective(batch.y, links[-1].value, batch.weight, batch.total)
    incoming: dict[str, Array] = {}
    for link in reversed(links):
        incoming[link.name] = g
        below = link.pullback(g, True)
        assert below is not None
        g = below
    incoming["input"] = g
    if penalty:
        value = value + penalty(chain)
    values = {"input": batch.x, **{link.name: link.value for link in links}}
    return Gradients(float(value), values, incoming, chain.layout.views(chain.grad.copy()))
