"""What is searched of one key: a span of numbers, choices, or hidden layers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

__all__ = ["Choices", "Domain", "Layers", "Span", "Take"]

Take = Callable[[str, "Span | Choices"], Any]
"""Takes a value for a parameter: a search proposes one, a finished trial remembers its own."""


@dataclass(frozen=True)
class Span:
    """Numbers from low to high, both among them.

    Attributes
    ----------
    low, high : int or float
    step : int, float or None
        Between neighbours; None for 1 of whole numbers, and for any number of others.
    log : bool
        Whether each order of magnitude is as likely as the next.
    whole : bool
        Whether they are whole numbers.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    def value(self, name: str, take: Take) -> Any:
        """One of the numbers."""
        return take(name, self)

    def corners(self) -> list[Any]:
        """Both ends."""
        return list(dict.fromkeys([self.low, self.high]))

    @property
    def count(self) -> int | None:
        """How many there are; None without a step."""
        if self.whole:
            return int(self.high - self.low) // int(self.step or 1) + 1
        if self.step is None:
            return 1 if self.low == self.high else None
        low, high, step = (Decimal(repr(x)) for x in (self.low, self.high, self.step))
        return int((high - low) // step) + 1

    def nth(self, name: str, i: int) -> dict[str, Any]:
        """The parameter at a point of the grid."""
        if self.whole:
            return {name: self.low + i * int(self.step or 1)}
        step = Decimal(repr(self.step or 0.0))
        return {name: float(Decimal(repr(self.low)) + i * step)}


@dataclass(frozen=True)
class Choices:
    """Some values, none nearer to another.

    Attributes
    ----------
    values : tuple
    labels : tuple
        What a store keeps of them: what is no plain value, as JSON.
    """

    values: tuple[Any, ...]

    @property
    def labels(self) -> tuple[Any, ...]:
        """One for each value."""
        return tuple(map(_label, self.values))

    def value(self, name: str, take: Take) -> Any:
        """One of the values."""
        return self.values[self.labels.index(take(name, self))]

    def corners(self) -> list[Any]:
        """All of them."""
        return list(self.values)

    @property
    def count(self) -> int | None:
        """How many there are."""
        return len(self.values)

    def nth(self, name: str, i: int) -> dict[str, Any]:
        """The parameter at a point of the grid."""
        return {name: self.labels[i]}


@dataclass(frozen=True)
class Layers:
    """How many hidden layers, and of how many units each.

    Each layer's width is a parameter of its own, that only trials with so many layers have.
    """

    low: int
    high: int
    width: Span | Choices

    def value(self, name: str, take: Take) -> list[Any]:
        """The sizes of the hidden layers."""
        depth = take(f"{name}.depth", Span(self.low, self.high, whole=True))
        return [self.width.value(f"{name}.width{i}", take) for i in range(1, depth + 1)]

    def corners(self) -> list[Any]:
        """Fewest and most layers, of each end of the widths."""
        every = [[w] * n for n in {self.low, self.high} for w in self.width.corners()]
        return [sizes for i, sizes in enumerate(every) if sizes not in every[:i]]

    @property
    def count(self) -> int | None:
        """How many nets there are; None where widths have no step."""
        widths = self.width.count
        return widths and sum(widths**n for n in range(self.low, self.high + 1))

    def nth(self, name: str, i: int) -> dict[str, Any]:
        """The parameters at a point of the grid."""
        widths, depth = self.width.count or 1, self.low
        while i >= widths**depth:
            i -= widths**depth
            depth += 1
        found: dict[str, Any] = {f"{name}.depth": depth}
        for layer in range(1, depth + 1):
            i, digit = divmod(i, widths)
            found |= self.width.nth(f"{name}.width{layer}", digit)
        return found


Domain = Span | Choices | Layers


def _label(value: Any) -> Any:
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else json.dumps(value, default=str)
