"""The short way to the scores of a few plain rows: the same results, the same refusals."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.network.lane import Lane

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)


def trained(dtype: str = "float32", **settings: Any) -> dr.Network:
    """A network that has seen rows."""
    net = dr.Network([4, 6, 2], dtype=dtype, scaling="feature", **settings)
    net.train(X, Y, epochs=2, progress=False)
    return net


PLAIN: dict[str, Any] = {
    "one row": X[:1],
    "float32": X[:1].astype(np.float32),
    "bytes": np.array([[1, 0, 255, 3]], np.uint8),
    "many": np.tile(X, (17, 1)),
    "strided": np.hstack([X, X])[3:1:-1, ::2],
}


@pytest.mark.parametrize("rows", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("core")
def test_the_same_scores(rows: np.ndarray, dtype: str) -> None:
    """Plain rows take the lane, and their scores are those of the long way, to rounding."""
    net = trained(dtype)
    z = Lane(net.chain, net.preprocessing)(rows)
    assert z is not None
    rtol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(z, net._scores(rows), rtol=rtol, atol=rtol)
    np.testing.assert_array_equal(net.scores(rows), z)


class Own(np.ndarray):
    """Whoever makes such a class may mean anything by it."""


UNUSUAL: dict[str, Any] = {
    "a list": X[:1].tolist(),
    "one axis": X[0],
    "other features": X[:1, :3],
    "no rows": X[:0],
    "whole numbers": np.ones((1, 4), np.int64),
    "text": np.array([["a", "b", "c", "d"]]),
    "masked": np.ma.masked_array(X[:1], X[:1] > 0),
    "a subclass": X[:1].view(Own),
    "byte-swapped": X[:1].astype(">f8"),
    "NaN": np.array([[0, np.nan, 0, 0]]),
    "infinite": np.array([[0, 0, -np.inf, 0]], np.float32),
    "beyond all": np.array([[0, 0, 1e160, 0]]),
}


@pytest.mark.parametrize("rows", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_unusual_goes_the_long_way(rows: Any, dtype: str) -> None:
    """What is unusual is refused with the sentence, or has the scores, of the long way."""
    net = trained(dtype)
    assert Lane(net.chain, net.preprocessing)(rows) is None
    assert outcome(net.scores, rows) == outcome(net._scores, rows)


def outcome(function: Callable[[Any], np.ndarray], rows: Any) -> Any:
    """What comes of a call: an array's bytes, or an error's sentence."""
    try:
        return function(rows).tobytes()
    except dr.InvalidInput as error:
        return str(error)


def test_too_large_for_float32() -> None:
    """A number that only float64 holds takes the lane of a float64 network, and no other's."""
    rows = np.array([[0, 0, 1e39, 0]])
    assert "too large for float32" in outcome(trained().scores, rows)
    assert np.isfinite(trained("float64").scores(rows)).all()


def test_no_lane_before_a_training() -> None:
    """Where the scaling is not known, rows teach their own, as on the long way."""
    net = dr.Network([4, 2])
    assert Lane(net.chain, net.preprocessing)(X[:1]) is None


def test_no_lane_past_an_encoder() -> None:
    """A network that was trained on a table takes no bare array."""
    table = {"a": X[:, 0], "b": [f"t{i % 3}" for i in range(60)]}
    from deltarule.data.dataset import Table
    from deltarule.data.tables import TableEncoder

    encoder = TableEncoder.fit(Table.from_any(table))
    net = dr.Network([len(encoder.feature_names), 2], encoder=encoder)
    net.train(table, Y, epochs=1, progress=False)
    assert Lane(net.chain, net.preprocessing)(np.ones((1, 4))) is None
    with pytest.raises(dr.InvalidInput, match="must be a table"):
        net.predict(np.ones((1, net.settings.sizes[0])))


def test_other_networks_have_no_lane() -> None:
    """What the engine cannot do has none, and predicts all the same."""
    net = trained(normalization="batch")
    assert Lane(net.chain, net.preprocessing)(X[:1]) is None
    assert net.predict(X[:1]).shape == (1,)


def test_a_further_training_counts_at_once() -> None:
    """New weights and what was newly learned of the rows are what predicts."""
    net = trained()
    before = net.scores(X[:1])
    net.train(X, Y, epochs=2, progress=False)
    after = net.scores(X[:1])
    assert (before != after).all()
    np.testing.assert_allclose(after, net._scores(X[:1]), rtol=1e-5, atol=1e-6)


def test_another_chain_counts_at_once() -> None:
    """Where the chain is replaced, the new one predicts."""
    net = trained()
    before = net.scores(X[:1])
    net.chain = net.chain.over(-net.chain.theta, net.chain.statistics)
    assert (net.scores(X[:1]) != before).all()
    np.testing.assert_allclose(net.scores(X[:1]), net._scores(X[:1]), rtol=1e-5, atol=1e-6)


def test_a_copy_predicts_by_itself() -> None:
    """A deep copy of a network that has predicted has a lane of its own weights."""
    net = trained()
    before = net.scores(X[:1])
    other = copy.deepcopy(net)
    np.testing.assert_array_equal(other.scores(X[:1]), before)
    net.chain.theta *= 2.0
    np.testing.assert_array_equal(other.scores(X[:1]), before)
    assert pickle.loads(pickle.dumps(net)).scores(X[:1]).shape == (1, 2)
