"""Whatever parameters and rows an estimator is given, it answers finite numbers or refuses them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.errors import names_in

HUGE = (1e-300, 1e-3, 1e-3, 1e-2, 1.0, 1e10, 1e300)
STRANGE = (None, -1, 2.5, "a", np.nan, np.inf, [], {}, True, np.array([1, 2]), 10**400, b"x")
PARAMETERS: dict[str, tuple[Any, ...]] = {
    "hidden_layer_sizes": ((), (1,), (4, 3), np.array([3, 2]), 5),
    "activation": (*names_in(dr.activations), "logistic"),
    "solver": ("lbfgs", *names_in(dr.optimizers)),
    "max_iter": (1, 2, 4),
    "batch_size": ("auto", 1, 7, 10**6),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "learning_rate_init": HUGE,
    "alpha": (0, *HUGE),
    "early_stopping": (False, True),
    "validation_fraction": (0.1, 0.5, 0.9),
    "dropout": (0.0, 0.5),
    "normalization": (None, "batch", "layer"),
    "scaling": ("none", "unit", "feature"),
    "schedule": (None, *names_in(dr.schedules)),
    "weight_decay": (0.0, 0.01),
    "clip_norm": (None, *HUGE),
    "average": (0.0, 0.9),
    "validation_metric": (None, "loss", "accuracy", "roc_auc", "neg_log_loss", "r2", "f1"),
    "engine": ("auto", "reference", "fast"),
    "dtype": (None, "float32", "float64"),
    "epsilon": HUGE,
}
OF_CLASSES = {
    "class_weight": (None, "balanced", {0: 2.0}, {0: 1e300}, {"a": 1}),
    "calibrate": (False, True),
}
OF_NUMBERS = {
    "loss": ("squared_error", "absolute_error", "huber", "quantile", "poisson"),
    "quantile": (0.5, [0.1, 0.9]),
    "delta": HUGE,
    "standardize_targets": (True, False),
}

NEEDS = {
    "quantile": ("loss", "quantile"),
    "delta": ("loss", "huber"),
    "validation_metric": ("early_stopping", True),
}


class Chance:
    """Random parameters, rows, targets and weights."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def one(self, *options: Any) -> Any:
        return options[self.generator.integers(len(options))]

    def parameters(self, classes: bool) -> dict[str, Any]:
        table = {**PARAMETERS, **(OF_CLASSES if classes else OF_NUMBERS)}
        few = {name: self.one(*table[name]) for name in table if self.generator.random() < 0.15}
        for name, (needs, value) in NEEDS.items():  # mostly, since alone it is refused
            if name in few and self.generator.random() < 0.8:
                few[needs] = value
        if self.generator.random() < 0.1:
            few[self.one(*table)] = self.one(*STRANGE)
        return {"hidden_layer_sizes": (3,), "max_iter": 2, **few}

    def rows(self, n: int) -> Any:
        X = self.generator.normal(size=(n, 3)) * self.one(1, 1, 1, 1e-300, 1e30, 1e140, 0)
        if self.generator.random() < 0.1:
            X[:1, :1] = self.one(np.nan, np.inf, 1e300)
        return self.one(X, X, X.tolist(), X > 0, np.ma.masked_less(X, 0))

    def targets(self, n: int, classes: bool) -> Any:
        if classes:
            y = self.generator.integers(self.one(1, 2, 2, 3, 5), size=n)
            texts, mixed = np.array(list("abcde")), np.array(["a", 1, None, 2.5, "b"], object)
            return self.one(y, y, y > 0, texts[y], mixed[y], np.eye(5, dtype=int)[y], y * 10**18)
        y = self.generator.normal(size=n) * self.one(1, 1, 1, 1e-300, 1e100, 1e160, 0)
        return self.one(y, y, abs(y), np.column_stack([y, y]), y.tolist())

    def weights(self, n: int) -> Any:
        w = self.generator.random(n)
        return self.one(None, None, None, w, -w, w * 0, w * 1e300, w * 1e-300, w > 0.5)


def outcome(chance: Chance) -> list[Any]:
    """All answers of one estimator that was fitted somehow."""
    classes = chance.one(True, False)
    make: Any = dr.MLPClassifier if classes else dr.MLPRegressor
    n = chance.one(1, 2, 5, 20, 20, 40)
    X, y = chance.rows(n), chance.targets(n, classes)
    estimator = make(**chance.parameters(classes))
    held = chance.one({}, {}, {"X_val": chance.rows(7), "y_val": chance.targets(7, classes)})
    if chance.one(True, True, not hasattr(estimator, "partial_fit")):
        estimator.fit(X, y, chance.weights(n), **held)
        if chance.one(True, False):
            more = chance.one({}, chance.parameters(classes))
            estimator.set_params(**more).set_params(warm_start=True)
            estimator.fit(X, y, chance.weights(n))
    else:
        first = {"classes": range(5)} if classes else {}
        estimator.partial_fit(X, y, chance.weights(n), **first, **held)
        estimator.partial_fit(X, y)
    answers = [estimator.predict(X)]
    if classes:
        answers += [estimator.predict_proba(X), estimator.decision_function(X)]
    if estimator.network_.settings.sizes[1:-1]:
        answers.append(estimator.transform(X))
    return answers


@pytest.mark.parametrize("seed", range(4))
def test_nothing_but_answers_and_refusals(seed: int) -> None:
    """Only ValueErrors and TypeErrors come out, no NaN is answered, and NumPy has no complaint."""
    fitted, refused = [], []
    for number in range(300):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            try:
                fitted += [outcome(Chance(1000 * seed + number))]
            except (ValueError, TypeError) as refusal:
                refused.append(str(refusal))
    assert min(map(len, refused)) >= 20
    assert len(fitted) >= 25
    for answer in (answer for answers in fitted for answer in answers):
        assert answer.dtype.kind in "OUbi" or np.isfinite(answer).all()
