"""y under scikit-learn's contract, as the network's targets, and what of them was learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ..ground.contracts import Array
from ..ground.errors import InvalidInput
from ..mathematics import losses
from ..network.inputs import brief
from ..network.parts import Part, levels_of
from ..network.targets import ClassTargets, LabelTargets, NumberTargets, Targets
from .refusals import refuse_labels

__all__ = [
    "Labels",
    "class_weights",
    "classes_in",
    "labels_in",
    "number_targets",
    "one_each",
    "require_classes",
]


@dataclass(frozen=True, eq=False)
class Labels:
    """The classes of a classifier.

    Attributes
    ----------
    classes : array, (n_classes,), sorted; of several labels at once their columns 0, 1, …
    multilabel : bool
    smoothing : float
        Of the labels of a sigmoid; a softmax has its own.
    """

    classes: Array
    multilabel: bool = False
    smoothing: float = 0.0

    @property
    def n_outputs(self) -> int:
        """One for two classes, as scikit-learn has it; else one for each."""
        return 1 if len(self.classes) == 2 and not self.multilabel else len(self.classes)

    @property
    def activation(self) -> str:
        """scikit-learn's name of the link."""
        return "logistic" if self.multilabel or self.n_outputs == 1 else "softmax"

    def targets(self) -> Targets:
        """How the network sees them."""
        if self.multilabel:
            return LabelTargets(len(self.classes))
        kind = LabelTargets if self.n_outputs == 1 else ClassTargets
        classes = self.classes
        if classes.dtype.kind == "O":
            texts = all(isinstance(label, str) for label in classes)
            classes = classes.astype(str) if texts else np.arange(len(classes))
        return kind(self.n_outputs, classes)

    def codes(self, y: Array, name: str = "y") -> Array:
        """The place of each label among the classes, (n,); of several labels their indicators.

        Raises
        ------
        InvalidInput
            For labels that are no class.
        """
        if self.multilabel:
            indicators = y.toarray() if hasattr(y, "toarray") else y
            if indicators.ndim != 2 or indicators.shape[1] != len(self.classes):
                raise InvalidInput(
                    f"{name} must have a column for each of the {len(self.classes)} labels, not "
                    f"the shape {tuple(indicators.shape)}."
                )
            return np.asarray(indicators, np.int64)
        if y.ndim != 1:
            raise InvalidInput(
                f"{name} must hold one label for each row, as the first fit had it, not the "
                f"shape {tuple(y.shape)}."
            )
        try:
            place = np.searchsorted(self.classes, y)
        except TypeError:
            raise InvalidInput(
                f"{name} holds labels of another type than the classes {_some(self.classes)}."
            ) from None
        place = np.minimum(place, len(self.classes) - 1)
        strange = self.classes[place] != y
        if np.any(strange):
            raise InvalidInput(
                f"`{name}` has classes not in `self.classes_`, such as "
                f"{_some(np.asarray(y)[strange][:1])[1:-1]}; the classes are {_some(self.classes)}."
            )
        return place

    def require_same(self, y: Array) -> None:
        """Refuse another set of classes where a fit goes on from the last one.

        Raises
        ------
        InvalidInput
            With both sets.  Of several labels `codes` sees to it.
        """
        if self.multilabel:
            return
        found = set(np.ravel(y).tolist())
        if found != set(self.classes.tolist()):
            shown = np.array(sorted(found, key=lambda label: (type(label).__name__, label)))
            raise InvalidInput(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {shown}; for other classes "
                "use warm_start=False, and for rows that show only some use partial_fit."
            )

    def encode(self, y: Array, dtype: Any, name: str = "y") -> Array:
        """What the loss takes: (n,) integers for a softmax, (n, k) of `dtype` for a sigmoid."""
        codes = self.codes(y, name)
        if self.activation == "softmax":
            return codes.astype(np.int64)
        columns = codes.reshape(len(codes), -1).astype(dtype)
        if self.smoothing:
            columns = columns * dtype.type(1 - self.smoothing) + dtype.type(self.smoothing / 2)
        return columns


def labels_in(y: Any, smoothing: float = 0.0, classes: Any = None) -> Labels:
    """The classes of y; or those that are given, of which y need not show all.

    Raises
    ------
    ValueError
        As scikit-learn's for targets that are no classes.
    InvalidInput
        For a single class.
    """
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise InvalidInput(f"{error} To predict numbers use MLPRegressor.") from error
    kind = type_of_target(y)
    if kind == "multiclass-multioutput":
        raise InvalidInput(
            "y has several columns of classes (multiclass-multioutput is not supported); wrap the "
            "classifier in sklearn.multioutput.MultiOutputClassifier, or give one column of 0 and "
            "1 for each label."
        )
    if kind == "multilabel-indicator":
        return Labels(np.arange(y.shape[1]), True, smoothing)
    found = np.unique(y) if classes is None else classes_in(classes)
    if len(found) < 2:
        name = "y has" if classes is None else "classes names"
        raise InvalidInput(
            f"{name} only one class, {_some(found)}; a classifier needs at least two to learn from."
        )
    return Labels(found, False, smoothing)


def classes_in(given: Any) -> Array:
    """The classes that are named, sorted.

    Raises
    ------
    InvalidInput
        If they are no list of labels of one type.
    """
    if given is None or isinstance(given, str) or np.ndim(given) != 1:
        raise InvalidInput(f"classes must be a list of all the labels, not {brief(given)}.")
    refuse_labels(given, "classes")
    return np.unique(np.asarray(given))


def one_each(weight: Any, y: Any) -> bool:
    """Whether there is a weight for each row, as far as that can be told before any check."""
    try:
        return weight is None or len(weight) == len(y)
    except TypeError:
        return True


def require_classes(given: Any, known: Array | None, third: Any) -> None:
    """Require partial_fit's classes at its first call, and later the same, if any.

    `third` is the third argument where it cannot be what it should, the weights of rows.

    Raises
    ------
    InvalidInput
    """
    if known is None and given is None:
        hint = (
            ""
            if third is None
            else " The third argument is sample_weight, as in scikit-learn since 1.7; for the "
            f"labels write classes={brief(third)}."
        )
        raise InvalidInput(
            "classes must be passed on the first call to partial_fit: later rows may show labels "
            f"that these do not.{hint}"
        )
    if known is not None and given is not None:
        classes = classes_in(given)
        if not np.array_equal(classes, known):
            raise InvalidInput(
                f"`classes={_some(classes)}` is not the same as on last call to partial_fit, was: "
                f"{_some(known)}."
            )


def _some(classes: Array) -> str:
    return brief(classes.tolist())


def class_weights(given: Any, labels: Labels, y: Array, weight: Array | None) -> Array | None:
    """The weight of each class, (n_classes,); None where all weigh 1.

    `given` is None, "balanced" or a dictionary of class to a number of at least 0.
    "balanced": Σw/(k·Σw of the class), so that all weigh the same.

    Raises
    ------
    InvalidInput
        For a class that is none of y's.
    """
    if given is None:
        return None
    if labels.multilabel:
        raise InvalidInput(
            "class_weight weighs classes of which each row has one; with several labels a row use "
            "sample_weight."
        )
    if isinstance(given, str) and given == "balanced":
        k = len(labels.classes)
        mass = np.bincount(labels.codes(y), weight, minlength=k).astype(np.float64)
        of_class = np.where(mass > 0, mass.sum() / (k * np.maximum(mass, 1e-300)), 0.0)
    else:
        known = labels.classes.tolist()
        for label in given:
            if label not in known:
                raise InvalidInput(
                    f"class_weight names the class {brief(label)}, which is not in y; the classes "
                    f"are {_some(labels.classes)}."
                )
        of_class = np.array([given.get(label, 1.0) for label in known], np.float64)
    return of_class


def number_targets(y: Array, weight: Array | None, loss: Part, standardize: bool) -> NumberTargets:
    """Mean and spread of y, (n,) or (n, k), each row counting by its weight.

    Raises
    ------
    InvalidInput
        For negative counts.
    """
    columns = y.reshape(len(y), -1).astype(np.float64)
    function: Any = loss.function
    levels = levels_of(loss)
    if function.link is losses.exp_link and (columns < 0).any():
        raise InvalidInput(
            "Some value(s) of y are negative, such as "
            f"{columns.min():g}; the Poisson loss takes counts, y >= 0. For other numbers use "
            'loss="squared_error".'
        )
    k = columns.shape[1]
    if levels and k > 1:
        raise InvalidInput(
            f"y has {k} columns, and several quantiles are of one; fit an estimator for each "
            "column, or give one quantile."
        )
    mean, std = np.zeros(k), np.ones(k)
    if standardize:
        mean = np.average(columns, axis=0, weights=weight)
        std = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=weight))
        std = np.where(std <= 1e-12 * abs(mean), 1.0, std)
        std = np.where(std > 0, std, 1.0)
    outputs, flat = len(levels or mean), y.ndim == 1
    return NumberTargets(
        outputs, function, standardize, mean, std, flat, learned=True, levels=levels
    )
