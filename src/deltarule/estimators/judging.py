"""What an epoch is judged by: scikit-learn's score, its scorers by name, or one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ..data.batches import Rows
from ..ground.contracts import Array
from ..ground.errors import InvalidInput, did_you_mean
from ..learning.evaluation import Judge
from ..mathematics import metrics
from ..network.inputs import brief
from ..network.targets import NumberTargets, Targets
from .reporting import Reporting

__all__ = ["ClassifierAnswers", "RegressorAnswers", "ScoreJudge", "scorer_named"]


def scorer_named(given: Any) -> tuple[str, Any]:
    """The name of a validation metric, and its scorer: None for the loss and for the default.

    Raises
    ------
    InvalidInput
        If it is neither a name of a scorer nor a function.
    """
    if given is None or (isinstance(given, str) and given == "loss"):
        return given or "", None
    if callable(given):
        name = getattr(getattr(given, "_score_func", given), "__name__", "score")
        return name, given
    from sklearn.metrics import get_scorer, get_scorer_names  # slow to import, and seldom used

    if isinstance(given, str) and given in get_scorer_names():
        return given, get_scorer(given)
    known = ["loss", *get_scorer_names()] if isinstance(given, str) else []
    raise InvalidInput(
        f"Unknown validation_metric {brief(given)}.{did_you_mean(given, known)} It may be "
        '"loss", a name of sklearn.metrics.get_scorer_names(), or a function '
        "(estimator, X, y) → number."
    )


class _Answers(BaseEstimator):
    """The end of a network as an estimator: its X are the scores z."""

    def __init__(self, targets: Any = None) -> None:
        self.targets = targets

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> Any:
        """There is nothing to learn."""
        return self

    def predict(self, z: Array) -> Array:
        """Labels, or numbers in the units of y."""
        answer: Array = self.targets.present(self.targets.point(z))
        return answer


class ClassifierAnswers(ClassifierMixin, _Answers):
    """Scores z as the answers of a classifier.

    Parameters
    ----------
    targets : with `classes`
    """

    def __init__(self, targets: Any = None, labels: Any = None) -> None:
        self.targets, self.labels = targets, labels

    @property
    def classes_(self) -> Array:
        classes: Array = self.labels.classes
        return classes

    def predict(self, z: Array) -> Array:
        decision = self.targets.decide(z)
        answer: Array = decision if self.labels.multilabel else self.labels.classes[decision]
        return answer

    def predict_proba(self, z: Array) -> Array:
        """The probability of each class, or of each label."""
        p: Array = self.targets.probabilities(z)
        return p

    def decision_function(self, z: Array) -> Array:
        """z; (n,) for two classes."""
        return z[:, 0] if self.labels.n_outputs == 1 else z


class RegressorAnswers(RegressorMixin, _Answers):
    """Scores z as the answers of a regressor."""


class ScoreJudge(Judge):
    """Of an epoch's scores: scikit-learn's score, the validation metric, and the loss it reports.

    Parameters
    ----------
    targets : Targets
    answers : ClassifierAnswers or RegressorAnswers
    reporting : Reporting
    name, scorer : the validation metric
    decode : encoded targets → y as the scorer takes them
    """

    def __init__(
        self,
        targets: Targets,
        answers: Any,
        reporting: Reporting,
        name: str,
        scorer: Any,
        decode: Callable[[Array], Array],
    ) -> None:
        default = "r2" if isinstance(targets, NumberTargets) else "accuracy"
        super().__init__({default: getattr(metrics, default)}, targets.point, targets.restore)
        self.default = default
        self.answers, self.reporting, self.decode = answers, reporting, decode
        self.name, self.scorer = name, scorer
        self.held_out: tuple[Rows, Callable[[], Any], Any, Any] | None = None

    @property
    def monitored(self) -> str:
        """The column, without its prefix, that decides which epoch is the best."""
        return self.name or self.default

    @property
    def greater_is_better(self) -> bool:
        """Which way is up; of scorers it always is."""
        return self.name != "loss"

    def __call__(self, y: Array, z: Array, weight: Array | None) -> dict[str, float]:
        """Every value of scores z against targets y."""
        found = super().__call__(y, z, weight)
        if self.reporting.anew is not None:
            found["loss_in_units"] = self.reporting.anew(y, z, weight)
        if self.reporting.plus is not None:
            found["loss_plus"] = self.reporting.plus(y, weight)
        if self.scorer is None:
            return found
        try:
            self._ask_scorer(found, y, z, weight)
        except Exception as error:  # whatever a scorer, or one's own, raises
            told = str(error).strip().rstrip(".")
            raise InvalidInput(
                f"validation_metric={brief(self.name)} cannot judge these answers: {told}. A "
                "function is called with (estimator, X, y); of a metric (y, prediction) make it by "
                "sklearn.metrics.make_scorer, which also takes a pos_label. Or choose "
                "another: not every metric is for every kind of target."
            ) from error
        if not np.isfinite(found.get(self.name, 0.0)):
            found[self.name] = -np.inf  # never the best
        return found

    def _ask_scorer(
        self, found: dict[str, float], y: Array, z: Array, weight: Array | None
    ) -> None:
        if not np.isfinite(z).all():
            found[self.name] = -np.inf
        elif hasattr(self.scorer, "_score_func"):
            more = {} if weight is None else {"sample_weight": weight}
            found[self.name] = float(self.scorer(self.answers, z, self.decode(y), **more))
        elif self.held_out is not None and y is self.held_out[0].y:
            _, estimator, X, labels = self.held_out
            found[self.name] = float(self.scorer(estimator(), X, labels))
