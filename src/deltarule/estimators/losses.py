"""The losses by their names here, and one's own with what the library needs to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, did_you_mean, names_in
from ..ground.options import unbound
from ..mathematics import losses
from ..network.inputs import brief

__all__ = ["NUMBER_LOSSES", "NumberLoss", "OwnLoss", "check_loss", "own_loss"]

NumberLoss: TypeAlias = Literal["squared_error", "absolute_error", "huber", "quantile", "poisson"]
# What a name means here: scikit-learn's squared error has a ½.
NUMBER_LOSSES: dict[NumberLoss, str] = {
    "squared_error": "half_squared_error",
    "absolute_error": "absolute_error",
    "huber": "huber",
    "quantile": "quantile",
    "poisson": "poisson",
}
CLASS_LOSSES = ("log_loss",)


def check_loss(given: Any, task: str) -> None:
    """Require the name of a loss for a task, or a function.

    Raises
    ------
    InvalidInput
    """
    classes = task == "classification"
    known, others = (CLASS_LOSSES, NUMBER_LOSSES) if classes else (NUMBER_LOSSES, CLASS_LOSSES)
    if callable(given):
        function, _ = unbound(given)
        own = function not in _library()
        if getattr(function, "task", task) != task or (classes and not own):
            name = getattr(function, "__name__", brief(function))
            remedy = 'loss="log_loss", which fits any number of classes' if classes else "another"
            raise InvalidInput(f"The loss {name} is not for {task} here; use {remedy}.")
        return
    if isinstance(given, str) and given in known:
        return
    hint = did_you_mean(given, known)
    if not classes and isinstance(given, int | tuple | list):  # loss comes first there
        hint = f" For layers say hidden_layer_sizes={brief(given)}."
    if isinstance(given, str) and given in others:
        hint = f" It is a loss of MLP{'Regressor' if classes else 'Classifier'}."
    raise InvalidInput(
        f"Unknown loss {brief(given)}.{hint} Known are: {', '.join(known)}, or a function "
        "(y, z, weight, total) → (value, gradient)."
    )


def _library() -> list[Any]:
    return [getattr(losses, name) for name in names_in(losses)]


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
        return getattr(unbound(self.function)[0], "__name__", "loss")

    def __call__(self, y: Array, z: Array, weight: Array | None, total: float) -> tuple[Any, Any]:
        """What the function answers, checked: its mistakes would surface far from it.

        Raises
        ------
        InvalidInput
            For anything but a number and an array of z's shape, both finite where z is.
        """
        answer = self.function(y, z, weight, total)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise InvalidInput(
                f"The loss {self.__name__} must return two things, its value and its gradient by "
                f"z, not {brief(answer)}."
            )
        value, gradient = answer
        if np.ndim(value) != 0 or np.shape(gradient) != z.shape:
            raise InvalidInput(
                f"The loss {self.__name__} must return a number and a gradient of z's shape "
                f"{z.shape}, not values of the shapes {np.shape(value)} and {np.shape(gradient)}."
            )
        finite = np.isfinite(value) and np.isfinite(gradient).all()
        if not finite and np.isfinite(z).all():
            raise InvalidInput(
                f"The loss {self.__name__} returned nan or inf for finite scores z; mind logarithms"
                " and divisions by 0, and see check_gradients."
            )
        return value, gradient


def own_loss(function: Any, task: str, outputs: int) -> Any:
    """A user's function as a loss; one of the library as it is.

    Without a declaration the scores are the predictions of numbers, and the classes have the
    probabilities σ(z) at one output and softmax(z) at several.
    """
    if unbound(function)[0] in _library():
        return function
    link = losses.identity_link
    if task == "classification":
        link = losses.sigmoid_link if outputs == 1 else losses.softmax
    link = getattr(function, "link", link)
    return OwnLoss(function, task, link, getattr(function, "kinks", ()))
