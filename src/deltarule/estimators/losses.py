"""A loss of one's own, with what the library needs to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..ground.contracts import Array
from ..mathematics import losses

__all__ = ["OwnLoss", "own_loss"]


@dataclass(frozen=True)
class OwnLoss:
    """A function (y, z, weight, total) → (value, gradient) with its task and its link.

    A value that pickles wherever the function does.
    """

    function: Callable[..., tuple[Any, Any]]
    task: str
    link: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", "loss")

    def __call__(self, y: Array, z: Array, weight: Array | None, total: float) -> tuple[Any, Any]:
        return self.function(y, z, weight, total)


def own_loss(function: Any, task: str, outputs: int) -> Any:
    """A user's function as a loss; one that was declared already as it is.

    Without a declaration the scores are the predictions of numbers, and the classes have the
    probabilities σ(z) at one output and softmax(z) at several.
    """
    if hasattr(function, "task") and hasattr(function, "link"):
        return function
    link = losses.identity_link
    if task == "classification":
        link = losses.sigmoid_link if outputs == 1 else losses.softmax
    return OwnLoss(function, task, link)
