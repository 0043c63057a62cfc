"""Targets as people have them, and as the loss takes them; and back.

`encode` turns y into what the loss takes, `decide` turns scores into decisions, `point` into the
part of them that metrics compare, `restore` turns encoded targets into the same, and `present`
turns decisions into what `predict` returns: labels in the type of the training y, numbers in its
units.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ..engine.inference import softmax
from ..ground.contracts import Array
from ..ground.errors import Problems
from ..mathematics import losses
from .inputs import brief, shape_of
from .labels import classes_in, one_class_only, places_of, target_rows
from .parts import levels_of
from .settings import Settings

__all__ = [
    "ClassTargets",
    "LabelTargets",
    "NumberTargets",
    "Targets",
    "require_two_classes",
    "targets_for",
]

# The largest target: it fits float32, and the squares of such numbers fit float64.
GREATEST = float(np.finfo(np.float32).max)


class Targets(Protocol):
    """What the three kinds of targets have in common."""

    @property
    def task(self) -> str: ...
    def learn(self, y: Any, problems: Problems) -> Targets: ...
    def encode(self, y: Any, n: int, problems: Problems, name: str) -> Array | None: ...
    def decide(self, z: Array) -> Array: ...
    def point(self, z: Array) -> Array: ...
    def restore(self, y: Array) -> Array: ...
    def present(self, decision: Array) -> Array: ...
    def probabilities(self, z: Array) -> Array | None: ...
    def to_json(self) -> dict[str, Any]: ...
    def from_json(self, facts: dict[str, Any]) -> Targets: ...


def require_two_classes(targets: Targets, encoded: Array | None, problems: Problems) -> None:
    """Training rows of a single class teach nothing."""
    soft = encoded is not None and encoded.ndim == 2 and encoded.shape[1] > 1
    if encoded is None or soft or targets.task == "regression":
        return
    decision = targets.restore(encoded)
    if (decision == decision[0]).all():
        problems.add(one_class_only(targets.present(decision[:1])[0]))


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
        array = target_rows(y, len(y), "y", Problems())
        if array is None or array.ndim == 2 or array.dtype.kind in "fiu":
            return ClassTargets(self.k, np.arange(self.k))
        return ClassTargets(self.k, classes_in(array, self.k, problems))

    def encode(self, y: Any, n: int, problems: Problems, name: str = "y") -> Array | None:
        array = target_rows(y, n, name, problems)
        if array is None:
            return None
        assert self.classes is not None
        if array.ndim == 2:
            return self._soft(array, name, problems)
        return places_of(array, self.classes, name, problems, self.k)

    def _soft(self, y: Array, name: str, problems: Problems) -> Array | None:
        if y.shape[1] != self.k or y.dtype.kind == "U":
            problems.add(
                f"{name} has {y.shape[1]} columns, but the network has {self.k} outputs; give one "
                f"label for each row, or {self.k} shares that add up to 1."
            )
            return None
        q = y.astype(np.float64)
        wrong = (q < 0).any(1) | (abs(q.sum(1) - 1) > 1e-4)
        if wrong.any():
            at = int(wrong.argmax())
            problems.add(
                f"Each row of {name} must hold shares of at least 0 that add up to 1; row {at} "
                f"holds {brief(q[at].tolist())}."
            )
            return None
        if ((q == 0) | (q == 1)).all():
            return q.argmax(1)
        return q

    def decide(self, z: Array) -> Array:
        return z.argmax(1)

    def point(self, z: Array) -> Array:
        return self.decide(z)

    def restore(self, y: Array) -> Array:
        return y.argmax(1) if y.ndim == 2 else y

    def present(self, decision: Array) -> Array:
        return decision if self.classes is None else self.classes[decision]

    def probabilities(self, z: Array) -> Array | None:
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
        array = target_rows(y, len(y), "y", Problems())
        if array is None or array.dtype.kind in "fiu":
            return LabelTargets(1, np.arange(2))
        return LabelTargets(1, classes_in(array, 2, problems))

    def encode(self, y: Any, n: int, problems: Problems, name: str = "y") -> Array | None:
        array = target_rows(y, n, name, problems)
        if array is None:
            return None
        if self.k == 1:
            if array.ndim == 2:
                problems.add(
                    f"{name} has {array.shape[1]} columns, but the network has 1 output; give one "
                    "label for each row."
                )
                return None
            assert self.classes is not None
            codes = places_of(array, self.classes, name, problems, 2)
            return None if codes is None else codes[:, None].astype(np.float64)
        if array.ndim != 2 or array.shape[1] != self.k or array.dtype.kind == "U":
            problems.add(
                f"{name} must be ({n}, {self.k}), 0 or 1 for each row and label, not "
                f"{shape_of(array)} of {array.dtype}; for one class a row use "
                'loss="cross_entropy".'
            )
            return None
        targets = array.astype(np.float64)
        if ((targets < 0) | (targets > 1)).any():
            strange = targets[(targets < 0) | (targets > 1)][0]
            problems.add(
                f"{name} must hold values from 0 to 1, one for each label, not {strange:g}."
            )
            return None
        return targets

    def decide(self, z: Array) -> Array:
        decision = (z > 0).astype(np.int64)
        return decision[:, 0] if self.k == 1 else decision

    def point(self, z: Array) -> Array:
        return self.decide(z)

    def restore(self, y: Array) -> Array:
        labels = (y >= 0.5).astype(np.int64)
        return labels[:, 0] if self.k == 1 else labels

    def present(self, decision: Array) -> Array:
        return decision if self.classes is None else self.classes[decision]

    def probabilities(self, z: Array) -> Array | None:
        p = losses.sigmoid_link(z)
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
    levels : tuple of float, or None
        Of quantiles, one for each output.  Where y has one column, they are all of that one, the
        loss compares each with it, and metrics compare the one whose level is nearest to ½.
    """

    k: int
    loss: Any
    standardize: bool
    mean: Array = field(default_factory=lambda: np.zeros(1))
    std: Array = field(default_factory=lambda: np.ones(1))
    flat: bool = True
    learned: bool = False
    levels: tuple[float, ...] | None = None
    task: str = field(default="regression", init=False)

    @property
    def of_one(self) -> bool:
        """Whether all outputs are quantiles of one number."""
        return self.levels is not None and len(self.mean) == 1

    def learn(self, y: Any, problems: Problems) -> NumberTargets:
        array = None if self.learned else target_rows(y, len(y), "y", Problems())
        if array is None or array.dtype.kind == "U":
            return self
        columns = array.reshape(len(array), -1).astype(np.float64)
        mean, std = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        if self.standardize:
            with np.errstate(over="ignore", invalid="ignore"):  # `encode` refuses such numbers
                mean, std = columns.mean(0), columns.std(0)
            std = np.where(std <= 1e-12 * abs(mean), 1.0, std)
        return replace(self, mean=mean, std=std, flat=array.ndim == 1, learned=True)

    def encode(self, y: Any, n: int, problems: Problems, name: str = "y") -> Array | None:
        array = target_rows(y, n, name, problems)
        if array is None:
            return None
        if array.dtype.kind == "U":
            problems.add(
                f"{name} holds text such as {array.flat[0].item()!r}, but this network predicts "
                'numbers; for classes use loss="cross_entropy".'
            )
            return None
        columns = array.reshape(n, -1).astype(np.float64)
        if columns.shape[1] != (1 if self.of_one else self.k):
            problems.add(
                f"{name} has {columns.shape[1]} columns, but the network's {self._expected}."
            )
            return None
        if self.loss.link is losses.exp_link and (columns < 0).any():
            problems.add(
                f"{name} holds negative numbers, such as {columns.min():g}; the loss poisson takes "
                'counts. For other numbers use loss="squared_error".'
            )
            return None
        if (abs(columns) > GREATEST).any():
            problems.add(
                f"{name} holds {columns[abs(columns) > GREATEST][0]:.3g}, too large to learn from; "
                "use other units."
            )
            return None
        return (columns - self.mean) / self.std

    @property
    def _expected(self) -> str:
        """The end of a sentence about y with another number of columns."""
        if self.levels is None:
            return f"last size is {self.k}; it must be the number of columns"
        if self.of_one:
            return f"{self.k} outputs are quantiles of one number; give one column"
        return (
            f"{self.k} outputs are quantiles; give one column for each, or for a new network one "
            "for all of them"
        )

    def decide(self, z: Array) -> Array:
        numbers = self.loss.link(z.astype(np.float64)) * self.std + self.mean
        return rearranged(numbers, self.levels) if self.levels and self.of_one else numbers

    def point(self, z: Array) -> Array:
        decision = self.decide(z)
        if not (self.levels and self.of_one):
            return decision
        nearest = int(abs(np.array(self.levels) - 0.5).argmin())
        return decision[:, nearest : nearest + 1]

    def restore(self, y: Array) -> Array:
        return y.astype(np.float64) * self.std + self.mean

    def present(self, decision: Array) -> Array:
        return decision[:, 0] if self.flat and decision.shape[1] == 1 else decision

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
        flat, learned = bool(facts["flat"]), bool(facts["learned"])
        return replace(self, mean=mean, std=std, flat=flat, learned=learned)


def rearranged(quantiles: Array, levels: tuple[float, ...]) -> Array:
    """Each row's quantiles in the order of their levels, (n, k) → (n, k), so that none cross.

    It lowers the loss of every row where they did.  Chernozhukov, Fernández-Val and Galichon 2010.
    """
    sorted_ = np.empty_like(quantiles)
    sorted_[:, np.argsort(levels, kind="stable")] = np.sort(quantiles, axis=1)
    return sorted_


def _classes_from(facts: dict[str, Any], k: int) -> Array | None:
    """The classes that `to_json` wrote."""
    if facts["classes"] is None:
        return None
    classes = np.array(facts["classes"])
    whole = classes.dtype.kind == "f" and np.isfinite(classes).all() and not (classes % 1).any()
    if classes.shape != (k,) or not (whole or classes.dtype.kind in "iUb"):
        raise ValueError("its classes do not fit its outputs")
    return classes


def targets_for(settings: Settings) -> Targets:
    """The kind of targets that the loss takes."""
    k = settings.sizes[-1]
    classes = None if settings.classes is None else np.asarray(settings.classes)
    if settings.loss.function.task == "regression":  # type: ignore[attr-defined]
        loss, standardize = settings.loss.function, settings.standardize_targets
        levels = levels_of(settings.loss)
        return NumberTargets(k, loss, standardize, flat=k == 1, levels=levels)
    link = settings.loss.function.link  # type: ignore[attr-defined]
    # One score can only tell yes from no, whatever a loss of one's own says of its link.
    kind = LabelTargets if link is losses.sigmoid_link or k == 1 else ClassTargets
    return kind(k, classes)
