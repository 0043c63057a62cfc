"""Where a first training begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.contracts import Array
from deltarule.mathematics import losses

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
COUNTS = np.random.default_rng(1).poisson(4000 * np.exp(0.2 * X[:, :2]))


def first_bias(net: dr.Network, y: Array, **options: Any) -> Array:
    """The last bias as it is before the first step."""
    seen: list[Array] = []

    class Look(dr.Callback):
        def on_start(self, training: Any) -> None:
            seen.append(training.chain.views["dense2"].b.copy())

    net.train(X, y, epochs=1, progress=False, callbacks=[Look()], **options)
    return seen[0]


def test_counts_begin_at_their_weighted_mean() -> None:
    """With the loss poisson the bias of each output is the log of its weighted mean."""
    weight = np.linspace(0.0, 2.0, len(X))
    net = dr.Network([3, 5, 2], loss="poisson", dtype="float64")
    found = first_bias(net, COUNTS, sample_weight=weight)
    np.testing.assert_allclose(found, np.log(np.average(COUNTS, axis=0, weights=weight)))


def test_no_other_constant_has_less_loss() -> None:
    """∂L/∂b is 0 at log ȳ, and L rises on both sides."""
    at = first_bias(dr.Network([3, 5, 2], loss="poisson", dtype="float64"), COUNTS)
    y, ones = COUNTS.astype(np.float64), np.ones((len(X), 1))

    def told(b: Array) -> tuple[Any, Array]:
        return losses.poisson(y, ones * b, None, float(len(y)))

    value, gradient = told(at)
    np.testing.assert_allclose(gradient.sum(0), 0, atol=1e-9)
    for away in (-0.1, 0.1):
        assert told(at + away)[0] > value


def test_zeros_begin_at_a_rate_of_one() -> None:
    """Where no count is above 0 there is no logarithm; the bias stays 0."""
    net = dr.Network([3, 5, 1], loss="poisson")
    assert first_bias(net, np.zeros(len(X))) == [0.0]


def test_a_bias_that_was_set_stays() -> None:
    """Weights that somebody has given, or a training has left, are where a training begins."""
    net = dr.Network([3, 5, 2], loss="poisson")
    net.parameters["dense2.b"][...] = 1.0, 2.0
    np.testing.assert_array_equal(first_bias(net, COUNTS), [1.0, 2.0])
    left = net.parameters["dense2.b"].copy()
    np.testing.assert_array_equal(first_bias(net, COUNTS), left)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
def test_other_losses_begin_as_they_did(loss: str) -> None:
    """Every other loss begins with biases of zero."""
    assert not first_bias(dr.Network([3, 5, 2], loss=loss), COUNTS).any()


def test_large_counts_are_learned() -> None:
    """Counts in the thousands are learned in a few epochs at the usual rate."""
    X = np.random.default_rng(0).normal(size=(600, 4))
    y = np.random.default_rng(1).poisson(5000 * np.exp(0.3 * X[:, 0]))
    net = dr.Network([4, 20, 1], loss="poisson")
    net.train(X, y, epochs=100, batch_size=32, progress=False)
    assert net.evaluate(X, y)["r2"] > 0.85
