"""Each metric is scikit-learn's of the same name."""

from __future__ import annotations

import numpy as np
import pytest

from deltarule.mathematics import metrics

RNG = np.random.default_rng(0)
N = 60
CLASSES, CALLED = RNG.integers(0, 4, N), RNG.integers(0, 4, N)
LABELS, LABELLED = RNG.integers(0, 2, (N, 3)), RNG.integers(0, 2, (N, 3))
NUMBERS, FORECAST = RNG.normal(size=(N, 2)), RNG.normal(size=(N, 2))
WEIGHT = RNG.uniform(0.1, 2.0, N)


@pytest.fixture(scope="module")
def sklearn():  # type: ignore[no-untyped-def]
    """scikit-learn's metrics, or a skip."""
    return pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("name", "theirs", "y", "prediction", "options"),
    [
        ("accuracy", "accuracy_score", CLASSES, CALLED, {}),
        ("accuracy", "accuracy_score", LABELS, LABELLED, {}),
        ("balanced_accuracy", "balanced_accuracy_score", CLASSES, CALLED, {}),
        ("f1_macro", "f1_score", CLASSES, CALLED, {"average": "macro"}),
        ("f1_macro", "f1_score", LABELS, LABELLED, {"average": "macro"}),
        ("r2", "r2_score", NUMBERS, FORECAST, {}),
        ("mean_absolute_error", "mean_absolute_error", NUMBERS, FORECAST, {}),
        ("root_mean_squared_error", "root_mean_squared_error", NUMBERS, FORECAST, {}),
    ],
)
def test_is_sklearns(name, theirs, y, prediction, options, weight, sklearn) -> None:  # type: ignore[no-untyped-def]
    """With and without weights, the number is scikit-learn's."""
    expected = getattr(sklearn, theirs)(y, prediction, sample_weight=weight, **options)
    assert getattr(metrics, name)(y, prediction, weight) == pytest.approx(expected, rel=1e-12)


def probabilities(k: int, ties: bool) -> np.ndarray:
    """Rows of probabilities, of which many are equal if there are to be ties."""
    p = RNG.dirichlet(np.ones(k), N)
    return p if not ties else np.round(4 * p) / np.maximum(np.round(4 * p).sum(1, keepdims=True), 1)


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_roc_auc_is_sklearns(weight: np.ndarray | None, ties: bool, sklearn) -> None:  # type: ignore[no-untyped-def]
    """Of two classes, of several against the rest, and of labels, ties counting half."""
    two = probabilities(2, ties)
    expected = sklearn.roc_auc_score(CLASSES % 2, two[:, 1], sample_weight=weight)
    assert metrics.roc_auc(CLASSES % 2, two, weight) == pytest.approx(expected, rel=1e-12)
    four = RNG.dirichlet(np.ones(4), N)
    if ties:  # that sum up to 1, as theirs must
        four = np.eye(4)[four.argmax(1)] * 0.5 + 0.125
    given = {"multi_class": "ovr", "average": "macro", "sample_weight": weight}
    expected = sklearn.roc_auc_score(CLASSES, four, **given)
    assert metrics.roc_auc(CLASSES, four, weight) == pytest.approx(expected, rel=1e-12)
    labels = probabilities(3, ties)
    expected = sklearn.roc_auc_score(LABELS, labels, average="macro", sample_weight=weight)
    assert metrics.roc_auc(LABELS, labels, weight) == pytest.approx(expected, rel=1e-12)


def test_roc_auc_of_classes_that_are_not_there() -> None:
    """Classes without a row, or of all rows, are left out; where none is left it is not known."""
    p = RNG.dirichlet(np.ones(3), 6)
    y = np.array([0, 1, 0, 1, 1, 0])
    each = [metrics.roc_auc((y == j).astype(int), np.column_stack([1 - p[:, j], p[:, j]]))
            for j in (0, 1)]  # fmt: skip
    assert metrics.roc_auc(y, p) == pytest.approx(np.mean(each))
    assert np.isnan(metrics.roc_auc(np.zeros(6, int), p))
    assert np.isnan(metrics.roc_auc(y, p, np.zeros(6)))


def test_balanced_accuracy_of_labels_is_the_mean_over_labels(sklearn) -> None:  # type: ignore[no-untyped-def]
    """For several labels it is the mean of each label's balanced accuracy."""
    each = [sklearn.balanced_accuracy_score(LABELS[:, j], LABELLED[:, j]) for j in range(3)]
    assert metrics.balanced_accuracy(LABELS, LABELLED) == pytest.approx(np.mean(each))


def test_classes_that_do_not_occur_do_not_count(sklearn) -> None:  # type: ignore[no-untyped-def]
    """Classes between 0 and k − 1 that neither side has leave F₁ as it is."""
    y, prediction = np.array([0, 7, 7, 3]), np.array([0, 7, 3, 3])
    expected = sklearn.f1_score(y, prediction, average="macro")
    assert metrics.f1_macro(y, prediction) == pytest.approx(expected)


@pytest.mark.parametrize(("prediction", "score"), [([2.0, 2.0], 1.0), ([2.0, 3.0], 0.0)])
def test_r2_of_a_constant_target(prediction: list[float], score: float) -> None:
    """A constant target gives R² = 1 if it is met exactly, else 0."""
    assert metrics.r2(np.array([2.0, 2.0]), np.array(prediction)) == score


def test_f1_of_labels_never_seen_nor_said_is_0() -> None:
    """A label that never occurs and is never predicted counts as 0, without a warning."""
    y = np.array([[1, 0], [1, 0]])
    assert metrics.f1_macro(y, y) == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.1, 0.3, -1e9 / 3, 1e-30])
@pytest.mark.parametrize("n", [3, 7, 1000])
def test_r2_of_a_target_constant_to_rounding(value: float, n: int, dtype: type) -> None:
    """Equal numbers whose mean is rounded, or that differ in the last place, are constant."""
    y = np.full(n, value, dtype)
    y[0] = np.nextafter(y[0], dtype(9e9))
    constant = np.full(n, value, dtype)
    for target in (y, constant):
        assert metrics.r2(target, constant) == 1.0
        assert metrics.r2(target, 1.001 * constant) == 0.0
        assert metrics.r2(target, 1.001 * constant, np.linspace(0.1, 2.0, n)) == 0.0


@pytest.mark.parametrize("spread", [1e-12, 1e-9, 1.0])
def test_r2_of_a_small_spread_is_sklearns(spread: float, sklearn) -> None:  # type: ignore[no-untyped-def]
    """A spread above rounding counts, however small beside the mean."""
    y = 1.0 + spread * NUMBERS
    prediction = 1.0 + 0.5 * spread * NUMBERS
    expected = sklearn.r2_score(y, prediction)
    assert 0.5 < expected < 1.0
    assert metrics.r2(y, prediction) == pytest.approx(expected, rel=1e-9)
