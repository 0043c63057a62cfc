"""Targets as people have them, and as the loss takes them; and back.

`encode` turns y into what the loss takes, `decide` turns scores into what metrics compare,
`restore` turns encoded targets into the same, and `present` turns decisions into what `predict`
returns: labels in the type of the training y, numbers in its units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import Problems, did_you_mean
from .inputs import shape_of
from .settings import Settings

__all__ = [
    "ClassTargets",
    "LabelTargets",
    "NumberTargets",
    "Targets",
    "require_two_classes",
    "targets_for",
]


class Targets(Protocol):
    """What the three kinds of targets have in common."""

    @property
    def task(self) -> str: ...
    def learn(self, y: Any, problems: Problems) -> Targets: ...
    def encode(self, y: Any, n: int, problems: Problems, name: str) -> Array | None: ...
    def decide(self, z: Array) -> Array: ...
    def restore(self, y: Array) -> Array: ...
    def present(self, decision: Array) -> Array: ...
    def probabilities(self, z: Array) -> Array | None: ...
    def to_json(self) -> dict[str, Any]: ...
    def from_json(self, facts: dict[str, Any]) -> Targets: ...


def _rows(y: Any, n: int, name: str, problems: Problems) -> Array | None:
    """y as an array with n rows."""
    try:
        array = np.asarray(y)
    except ValueError:
        problems.add(f"{name} is ragged: its rows have different lengths.")
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or len(array) != n:
        problems.add(
            f"{name} must have one target for each of the {n} rows of X, not the shape "
            f"{shape_of(array)}."
        )
        return None
    if array.dtype.kind == "O":
        if any(isinstance(v, str) for v in array.ravel()):
            if not all(isinstance(v, str) for v in array.ravel()):
                problems.add(f"{name} mixes text with other values (or gaps); use one kind.")
                return None
            return array.astype(str)
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            problems.add(f"{name} must hold labels or numbers, not {type(array.flat[0]).__name__}.")
            return None
    if array.dtype.kind not in "fiubUT":
        problems.add(f"{name} must hold labels or numbers; it has the type {array.dtype}.")
        return None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        at = int(np.argwhere(~np.isfinite(array))[0][0])
        problems.add(f"{name} holds {array[at]} (row {at}); remove such rows or fill in the value.")
        return None
    return array


def _as_classes(
    y: Array, classes: Array, name: str, problems: Problems, n_outputs: int
) -> Array | None:
    """The place of each label among the classes, (n,) int64."""
    if y.dtype.kind == "f" and classes.dtype.kind in "iu":
        if (y != np.floor(y)).any():
            problems.add(
                f"{name} holds fractions such as {y[y != np.floor(y)][0]:g}, which are no class "
                'labels; to predict numbers use loss="squared_error".'
            )
            return None
        y = y.astype(np.int64)
    if (y.dtype.kind in "UT") != (classes.dtype.kind in "UT"):
        problems.add(
            f"{name} holds {'text' if y.dtype.kind in 'UT' else 'numbers'}, but the classes are "
            f"{_some(classes)}."
        )
        return None
    order = np.argsort(classes, kind="stable")
    place = np.minimum(np.searchsorted(classes, y, sorter=order), len(classes) - 1)
    codes = order[place]
    wrong = classes[codes] != y
    if wrong.any():
        stranger = y[wrong][0]
        near = did_you_mean(stranger, map(str, classes)) if classes.dtype.kind in "UT" else ""
        hint = (
            f" Labels are counted from 0: for {n_outputs} classes 0 to {n_outputs - 1}."
            if classes.dtype.kind in "iu"
            else ""
        )
        problems.add(
            f"{name} holds {int(wrong.sum())} labels outside the classes {_some(classes)}; the "
            f"first is {stranger.item()!r}.{near}{hint}"
        )
        return None
    return codes.astype(np.int64)


def _some(classes: Array) -> str:
    values = [repr(c) for c in classes.tolist()]
    return ", ".join(values) if len(values) <= 6 else f"{', '.join(values[:3])}, …, {values[-1]}"


def _classes_in(y: Array, k: int, problems: Problems) -> Array:
    """The classes that integer labels (0..k−1) or k distinct strings or booleans stand for."""
    if y.dtype.kind not in "UTb":
        return np.arange(k)
    found = np.unique(y)
    problems.require(
        len(found) == k,
        f"y holds {len(found)} different labels ({_some(found)}), but the network tells {k} apart; "
        "make its last size fit, or name all labels with classes=[…].",
    )
    return found


def require_two_classes(targets: Targets, encoded: Array | None, problems: Problems) -> None:
    """Training rows of a single class teach nothing."""
    if encoded is None or targets.task == "regression":
        return
    decision = targets.restore(encoded)
    if decision.ndim == 1 and (decision == decision[0]).all():
        only = targets.present(decision[:1])[0].item()
        problems.add(f"y holds one class only, {only!r}; there is nothing to tell apart.")


@dataclass(frozen=True, eq=False)
class ClassTargets:
    """One of k classes: integers 0..k−1, strings, booleans, one-hot or soft rows.

    Attributes
    ----------
    k : int
    classes : array, (k,), or None before they are learned
    """

    k: int
    classes: Array | None = None
    task: str = field(default="classification", init=False)

    def learn(self, y: Any, problems: Problems) -> ClassTargets:
        if self.classes is not None:
            return self
        array = _rows(y, len(y), "y", Problems())
        if array is None or array.ndim == 2 or array.dtype.kind in "fiu":
            return ClassTargets(self.k, np.arange(self.k))
        return ClassTargets(self.k, _classes_in(array, self.k, problems))

    def encode(self, y: Any, n: int, problems: Problems, name: str = "y") -> Array | None:
        array = _rows(y, n, name, problems)
        if array is None:
            return None
        assert self.classes is not None
        if array.ndim == 2:
            return self._soft(array, name, problems)
        return _as_classes(array, self.classes, name, problems, self.k)

    def _soft(self, y: Array, name: str, problems: Problems) -> Array | None:
        if y.shape[1] != self.k or y.dtype.kind in "UT":
            problems.add(
                f"{name} has {y.shape[1]} columns, but the network has {self.k} outputs; give one "
                f"label for each row, or {self.k} shares that add up to 1."
            )
            return None
        q = y.astype(np.float64)
        if (q < 0).any() or (abs(q.sum(1) - 1) > 1e-4).any():
            problems.add(f"each row of {name} must hold shares of at least 0 that add up to 1.")
            return None
        if ((q == 0) | (q == 1)).all():
            return q.argmax(1)
        return q

    def decide(self, z: Array) -> Array:
        return z.argmax(1)

    def restore(self, y: Array) -> Array:
        return y.argmax(1) if y.ndim == 2 else y

    def present(self, decision: Array) -> Array:
        assert self.classes is not None
        return self.classes[decision]

    def probabilities(self, z: Array) -> Array | None:
        from ..mathematics.losses import softmax

        return softmax(z)

    def to_json(self) -> dict[str, Any]:
        return {"classes": None if self.classes is None else self.classes.tolist()}

    def from_json(self, facts: dict[str, Any]) -> ClassTargets:
        return ClassTargets(self.k, _classes_from(facts, self.k))


@dataclass(frozen=True, eq=False)
class LabelTargets:
    """Yes or no for each output: two classes at one output, or k labels that may hold at once.

    Attributes
    ----------
    k : int
        Outputs.
    classes : array, (2,), or None
        At one output: the label for no and the label for yes.
    """

    k: int
    classes: Array | None = None
    task: str = field(default="classification", init=False)

    def learn(self, y: Any, problems: Problems) -> LabelTargets:
        if self.k > 1 or self.classes is not None:
            return self
        array = _rows(y, len(y), "y", Problems())
        if array is None or array.dtype.kind in "fiu":
            return LabelTargets(1, np.arange(2))
        return LabelTargets(1, _classes_in(array, 2, problems))

    def encode(self, y: Any, n: int, problems: Problems, name: str = "y") -> Array | None:
        array = _rows(y, n, name, problems)
        if array is None:
            return None
        if self.k == 1:
            if array.ndim == 2:
                problems.add(f"{name} has {array.shape[1]} columns, but the network has 1 output.")
                return None
            assert self.classes is not None
            codes = _as_classes(array, self.classes, name, problems, 2)
            return None if codes is None else codes[:, None].astype(np.float64)
        if array.ndim != 2 or array.shape[1] != self.k or array.dtype.kind in "UT":
            problems.add(
                f"{name} must be ({n}, {self.k}), 0 or 1 for each row and label, not "
                f"{shape_of(array)} of {array.dtype}."
            )
            return None
        targets = array.astype(np.float64)
        if ((targets < 0) | (targets > 1)).any():
            problems.add(f"{name} must hold values from 0 to 1, one for each label.")
            return None
        return targets

    def decide(self, z: Array) -> Array:
        decision = (z > 0).astype(np.int64)
        return decision[:, 0] if self.k == 1 else decision

    def restore(self, y: Array) -> Array:
        labels = (y >= 0.5).astype(np.int64)
        return labels[:, 0] if self.k == 1 else labels

    def present(self, decision: Array) -> Array:
        return decision if self.classes is None else self.classes[decision]

    def probabilities(self, z: Array) -> Array | None:
        from ..mathematics.losses import sigmoid_link

        p = sigmoid_link(z)
        return np.hstack([1 - p, p]) if self.k == 1 else p

    def to_json(self) -> dict[str, Any]:
        return {"classes": None if self.classes is None else self.classes.tolist()}

    def from_json(self, facts: dict[str, Any]) -> LabelTargets:
        return LabelTargets(self.k, _classes_from(facts, 2))


@dataclass(frozen=True, eq=False)
class NumberTargets:
    """k numbers, standardised inside and back where asked for.

    Attributes
    ----------
    k : int
    loss : callable
        Its link turns scores into predictions.
    standardize : bool
    mean, std : float64 arrays, (k,)
        Of the training targets; 0 and 1 where they are not standardised.
    flat : bool
        Whether y was (n,), so that predictions are, too.
    """

    k: int
    loss: Any
    standardize: bool
    mean: Array = field(default_factory=lambda: np.zeros(1))
    std: Array = field(default_factory=lambda: np.ones(1))
    flat: bool = True
    learned: bool = False
    task: str = field(default="regression", init=False)

    def learn(self, y: Any, problems: Problems) -> NumberTargets:
        array = None if self.learned else _rows(y, len(y), "y", Problems())
        if array is None or array.dtype.kind in "UT":
            return self
        columns = array.reshape(len(array), -1).astype(np.float64)
        mean, std = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        if self.standardize:
            mean, std = columns.mean(0), columns.std(0)
            std = np.where(std <= 1e-12 * abs(mean), 1.0, std)
        return NumberTargets(
            self.k, self.loss, self.standardize, mean, std, array.ndim == 1, learned=True
        )

    def encode(self, y: Any, n: int, problems: Problems, name: str = "y") -> Array | None:
        array = _rows(y, n, name, problems)
        if array is None:
            return None
        if array.dtype.kind in "UT":
            problems.add(
                f"{name} holds text such as {array.flat[0].item()!r}, but this network predicts "
                'numbers; for classes use loss="cross_entropy".'
            )
            return None
        columns = array.reshape(n, -1).astype(np.float64)
        if columns.shape[1] != self.k:
            problems.add(
                f"{name} has {columns.shape[1]} columns, but the network has {self.k} outputs."
            )
            return None
        if self.loss.__name__ == "poisson" and (columns < 0).any():
            problems.add(f"{name} holds negative numbers; the loss poisson takes counts.")
            return None
        return (columns - self.mean) / self.std

    def decide(self, z: Array) -> Array:
        return self.loss.link(z.astype(np.float64)) * self.std + self.mean

    def restore(self, y: Array) -> Array:
        return y.astype(np.float64) * self.std + self.mean

    def present(self, decision: Array) -> Array:
        return decision[:, 0] if self.flat else decision

    def probabilities(self, z: Array) -> Array | None:
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "flat": self.flat,
            "learned": self.learned,
        }

    def from_json(self, facts: dict[str, Any]) -> NumberTargets:
        mean, std = (np.array(facts[name], np.float64) for name in ("mean", "std"))
        fits = {mean.shape, std.shape} <= {(1,), (self.k,)} and np.isfinite(mean).all()
        if not fits or not (np.isfinite(std) & (std > 0)).all():
            raise ValueError("its target scaling does not fit")
        return NumberTargets(
            self.k,
            self.loss,
            self.standardize,
            mean,
            std,
            bool(facts["flat"]),
            bool(facts["learned"]),
        )


def _classes_from(facts: dict[str, Any], k: int) -> Array | None:
    """The classes that `to_json` wrote."""
    if facts["classes"] is None:
        return None
    classes = np.array(facts["classes"])
    if classes.shape != (k,) or classes.dtype.kind not in "iUb":
        raise ValueError("its classes do not fit its outputs")
    return classes


def targets_for(settings: Settings) -> Targets:
    """The kind of targets that the loss takes."""
    k = settings.sizes[-1]
    classes = None if settings.classes is None else np.asarray(settings.classes)
    if settings.loss.function.task == "regression":  # type: ignore[attr-defined]
        return NumberTargets(k, settings.loss.function, settings.standardize_targets)
    kind = LabelTargets if settings.loss.name == "binary_cross_entropy" else ClassTargets
    return kind(k, classes)
