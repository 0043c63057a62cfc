"""One step of training: the page that everything else serves."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import deltarule as dr
from deltarule.ground.contracts import Batch
from deltarule.ground.randomness import StepNoise
from deltarule.learning.step import clip_norm, l2, train_step
from deltarule.machine.optimizer import Optimizer

laws = settings(deadline=None, derandomize=True)
RNG = np.random.default_rng(0)
N = 12
X, Y = RNG.normal(size=(N, 4)), RNG.integers(0, 3, N)


def network(**options: Any) -> dr.Network:
    """A small network in float64 that steps by plain gradient descent."""
    return dr.Network([4, 6, 3], dtype="float64", optimizer="sgd", **options)


def step(net: dr.Network, batch: Batch, lr: float = 0.1, **options: Any) -> float:
    """One step; returns the loss before it."""
    optimizer = Optimizer(dr.optimizers.sgd, net.chain.theta, lr=lr, total=1)
    value, _ = train_step(net.chain, net.objective, optimizer, batch, 1, **options)
    return float(value)


def test_the_step() -> None:
    """θ ← θ − η∇L: the difference is η times the gradient that the pass shows."""
    net, other = network(), network()
    batch = net.batch(X, Y)
    value = step(net, batch)
    found = other.backward(X, Y)
    assert value == found.loss
    for name, gradient in found.parameters.items():
        expected = other.parameters[name] - 0.1 * gradient
        np.testing.assert_array_equal(net.parameters[name], expected)


def test_scores_are_those_before_the_step() -> None:
    """The scores that come back are of the weights that made the loss."""
    net = network()
    before = net.scores(X)
    optimizer = Optimizer(dr.optimizers.sgd, net.chain.theta, lr=0.1, total=1)
    _, z = train_step(net.chain, net.objective, optimizer, net.batch(X, Y), 1)
    np.testing.assert_array_equal(z, before)
    assert not np.array_equal(net.scores(X), before)


def test_penalty() -> None:
    """(λ/2)‖W‖² is in the loss and λW in the gradient, for matrices and nothing else."""
    net, other = network(), network()
    value = step(net, net.batch(X, Y), penalty=l2(0.5))
    plain = other.backward(X, Y)
    squares = sum((w * w).sum() for w in other.parameters.values() if w.ndim == 2)
    assert value == pytest.approx(plain.loss + 0.25 * squares, rel=1e-14)
    for name, w in other.parameters.items():
        pull = 0.5 * w if w.ndim == 2 else 0.0
        expected = w - 0.1 * (plain.parameters[name] + pull)
        np.testing.assert_allclose(net.parameters[name], expected, rtol=1e-13)


def test_no_penalty() -> None:
    """Strength zero is no penalty at all."""
    assert l2(0.0) is None


@laws
@given(
    grad=hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(-1e200, 1e200)),
    limit=st.floats(1e-3, 1e3),
)
def test_clipping(grad: np.ndarray, limit: float) -> None:
    """A long gradient keeps its direction and gets the length; a short one stays to the bit."""
    before = grad.copy()
    with np.errstate(over="ignore"):
        clip_norm(grad, limit)
    peak = abs(before).max()
    length = peak * math.sqrt(float(((before / peak) ** 2).sum())) if peak > 0 else 0.0
    if length <= limit * (1 - 1e-12):
        np.testing.assert_array_equal(grad, before)
    else:
        assert np.linalg.norm(grad) <= limit * (1 + 1e-9)
        np.testing.assert_allclose(grad * (length / limit), before, rtol=1e-9, atol=length * 1e-9)


def test_clipped_step_has_the_length() -> None:
    """With clipping the step of gradient descent is at most η·c long, and that long if clipped."""
    net = network()
    before = net.chain.theta.copy()
    step(net, net.batch(X, Y), lr=1.0, clip=1e-3)
    assert np.linalg.norm(net.chain.theta - before) == pytest.approx(1e-3, rel=1e-9)


def test_clipping_is_of_the_whole_gradient() -> None:
    """The penalty is in before the length is taken."""
    net = network()
    before = net.chain.theta.copy()
    step(net, net.batch(X, Y), lr=1.0, clip=1e-3, penalty=l2(1e3))
    moved = before - net.chain.theta
    assert np.linalg.norm(moved) == pytest.approx(1e-3, rel=1e-9)
    matrices = net.chain.layout.matrices
    direction = moved[matrices] / np.linalg.norm(moved[matrices])
    assert direction @ before[matrices] / np.linalg.norm(before[matrices]) > 0.999


@pytest.mark.parametrize("cuts", [[0, 12], [0, 6, 12], [0, 3, 6, 9, 12], [0, 1, 12], [0, 5, 12]])
@pytest.mark.parametrize("weighted", [False, True])
def test_shards_add_up(cuts: list[int], weighted: bool) -> None:
    """Gradients of shards, summed, are the gradient of the batch: dropout, weights and all."""
    weight = RNG.uniform(0.1, 2, N) if weighted else None
    whole = network(dropout=0.3)
    total = float(N if weight is None else weight.sum())
    noise = StepNoise(0, 1, np.arange(N))
    step(whole, Batch(X, Y, weight, total, noise))
    outgoing = []
    for start, stop in itertools.pairwise(cuts):
        rows = slice(start, stop)
        net = network(dropout=0.3)
        shard = StepNoise(0, 1, np.arange(N)[rows], share=(stop - start) / N)
        w = None if weight is None else weight[rows]
        batch = Batch(X[rows], Y[rows], w, total, shard)

        def keep(value: np.ndarray, flat: np.ndarray) -> np.ndarray:
            outgoing.append(flat.copy())
            return value

        step(net, batch, reduce=keep)
    summed = sum(outgoing)
    expected = network(dropout=0.3).chain.theta - 0.1 * summed
    np.testing.assert_allclose(whole.chain.theta, expected, rtol=1e-13, atol=1e-15)


def test_what_is_reduced() -> None:
    """Gradient and increments of statistics travel as one vector, changed in place."""
    net = network(normalization="batch")
    seen = []

    def double(value: np.ndarray, flat: np.ndarray) -> np.ndarray:
        seen.append(len(flat))
        flat *= 2.0
        return 2.0 * value

    before = net.chain.statistics.copy()
    other = network(normalization="batch")
    step(other, other.batch(X, Y, step=1))
    step(net, net.batch(X, Y, step=1), reduce=double)
    assert seen == [net.n_parameters + len(net.chain.statistics)]
    theta = network(normalization="batch").chain.theta
    np.testing.assert_allclose(net.chain.theta - theta, 2 * (other.chain.theta - theta), rtol=1e-9)
    np.testing.assert_allclose(net.chain.statistics - before, 2 * (other.chain.statistics - before))
