"""Scores, losses and metrics of many rows, a chunk at a time."""

from __future__ import annotations

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning import evaluation
from deltarule.learning.evaluation import Judge, evaluate, scores

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.integers(0, 3, 50)
WEIGHT = RNG.uniform(0.1, 3.0, 50)


@pytest.mark.parametrize("rows_at_once", [1, 7, 49, 50, 51])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_chunks_do_not_matter(
    rows_at_once: int, weight: np.ndarray | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows are taken at once, the loss is that of all rows."""
    net = dr.Network([4, 6, 3], dtype="float64", normalization="batch", dropout=0.5)
    whole, z = net.evaluate(X, Y, weight), net.scores(X)
    monkeypatch.setattr(evaluation, "ROWS_AT_ONCE", rows_at_once)
    assert net.evaluate(X, Y, weight) == pytest.approx(whole, rel=1e-13)
    np.testing.assert_allclose(net.scores(X), z, rtol=1e-12)


def test_by_hand() -> None:
    """The loss is the weighted mean of −log p of the right class; accuracy counts weights."""
    net = dr.Network([4, 6, 3], dtype="float64")
    p = net.predict_proba(X)
    found = net.evaluate(X, Y, WEIGHT)
    right = p[np.arange(50), Y]
    assert found["loss"] == pytest.approx(np.average(-np.log(right), weights=WEIGHT), rel=1e-12)
    assert found["accuracy"] == pytest.approx(np.average(p.argmax(1) == Y, weights=WEIGHT))


def test_judge_works_in_the_units_of_the_data() -> None:
    """Targets are restored and scores decided before a metric sees them."""
    seen = []

    def metric(y: np.ndarray, prediction: np.ndarray, weight: np.ndarray | None) -> float:
        seen.append((y, prediction, weight))
        return 0.5

    judge = Judge({"m": metric}, decide=lambda z: 10 * z, restore=lambda y: 100 * y)
    assert judge(np.ones(2), np.ones(2), None) == {"m": 0.5}
    ((y, prediction, weight),) = seen
    assert y.tolist() == [100, 100]
    assert prediction.tolist() == [10, 10]
    assert weight is None


def test_scores_by_another() -> None:
    """Whoever gives the scores is asked for those of the rows, and nobody else."""
    net = dr.Network([4, 3], dtype="float64")
    rows = net.preprocessing.rows(X, Y)
    judge = Judge({}, decide=lambda z: z, restore=lambda y: y)
    z = np.zeros((50, 3))
    halves = [(slice(0, 20), z[:20]), (slice(20, 50), z[20:])]
    found = evaluate(net.chain, net.objective, rows, judge, lambda chain, rows: iter(halves))
    assert found["loss"] == pytest.approx(np.log(3), rel=1e-12)


def test_the_parts_alone() -> None:
    """`scores` and `evaluate` work on rows and a chain, without the network around them."""
    net = dr.Network([4, 3], dtype="float64")
    rows = net.preprocessing.rows(X, Y)
    judge = Judge({}, decide=lambda z: z, restore=lambda y: y)
    np.testing.assert_array_equal(scores(net.chain, rows), net.scores(X))
    found = evaluate(net.chain, net.objective, rows, judge)
    assert found == {"loss": net.evaluate(X, Y)["loss"]}
