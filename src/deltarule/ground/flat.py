"""One flat vector, many named views."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .contracts import Array

__all__ = ["Layout", "Slot"]


@dataclass(frozen=True)
class Slot:
    """Where one named array lies in the flat vector."""

    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.start + math.prod(self.shape)


class Layout:
    """Where each named array lies in a flat vector; matrices come first.

    Because matrices come first, `matrices` is one slice: decaying the weights and not the biases
    is one operation on θ[matrices].

    Parameters
    ----------
    shapes : mapping of name to shape
        In the order in which the matrices, and after them the vectors, are to lie.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.slots: dict[str, Slot] = {}
        self.matrices = slice(0, 0)
        size = 0
        matrices_first = sorted(shapes.items(), key=lambda item: len(item[1]) < 2)
        for name, shape in matrices_first:
            self.slots[name] = Slot(size, shape)
            size = self.slots[name].stop
            if len(shape) >= 2:
                self.matrices = slice(0, size)
        self.size = size

    def __iter__(self) -> Iterator[str]:
        return iter(self.slots)

    def view(self, vector: Array, name: str) -> Array:
        """The named array as a window on `vector`: writing to one writes to the other."""
        slot = self.slots[name]
        return vector[slot.start : slot.stop].reshape(slot.shape)

    def views(self, vector: Array) -> dict[str, Array]:
        """All named arrays, as windows on `vector`."""
        return {name: self.view(vector, name) for name in self.slots}
