"""A training that goes on from where another stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deltarule import Network
from deltarule.data.batches import Rows
from deltarule.data.scaling import learn_scaling
from deltarule.ground.contracts import Array
from deltarule.learning.evaluation import Judge
from deltarule.learning.plan import Plan
from deltarule.learning.progress import Progress
from deltarule.learning.training import Training
from deltarule.machine.optimizer import Optimizer


def training(network: Network, epochs: int, start: Progress | None, **plan: Any) -> Training:
    """A training of some rows that are the same every time."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(70, 5)), rng.integers(3, size=70)
    rows = Rows(X, y, learn_scaling("none", X), np.dtype(np.float64))
    s, chain = network.settings, network.chain
    rule = s.optimizer
    optimizer = Optimizer(rule.function, chain.theta, lr=0.01, total=100, options=rule.options)
    judge = Judge({}, lambda z: z, lambda y: y)
    given = Plan(epochs=epochs, batch_size=16, seed=5, **plan)
    return Training(chain, s.loss.bound, optimizer, rows, None, given, judge, None, (), start)


def network(rule: str, **more: Any) -> Network:
    """A small network, the same every time."""
    return Network([5, 7, 3], optimizer=rule, dropout=0.2, dtype="float64", seed=2, **more)


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam", "nadam", "lion"])
def test_going_on(rule: str, average: float, engine: str) -> None:
    """3 epochs, and 4 more from their progress by a new training, are 7 epochs, bit for bit."""
    whole = network(rule)
    training(whole, 7, None, average=average, engine=engine).run()
    first = network(rule)
    begun = training(first, 3, None, average=average, engine=engine)
    begun.run()
    second = network(rule)
    rest = training(second, 7, begun.progress, average=average, engine=engine)
    history = rest.run()
    assert history["epoch"] == [4, 5, 6, 7]
    assert np.array_equal(second.chain.theta, whole.chain.theta)


def test_going_on_with_statistics() -> None:
    """The running statistics of a batch normalisation go on, too."""

    def made() -> Network:
        return network("adam", normalization="batch")

    whole, first, second = made(), made(), made()
    training(whole, 4, None).run()
    begun = training(first, 2, None)
    begun.run()
    training(second, 4, begun.progress).run()
    assert np.array_equal(second.chain.theta, whole.chain.theta)
    assert np.array_equal(second.chain.statistics, whole.chain.statistics)


def test_own_arrays() -> None:
    """Progress holds arrays of its own: what happens to the network later does not change it."""
    net = network("adam")
    done = training(net, 1, None)
    done.run()
    assert done.progress
    kept: Array = done.progress.theta.copy()
    net.chain.theta += 1.0
    done.optimizer.state += 1.0
    assert np.array_equal(done.progress.theta, kept)
    assert not np.shares_memory(done.progress.state, done.optimizer.state)


def test_without_shuffling() -> None:
    """shuffle=False takes the rows in their order: with one batch the same as any order."""
    ordered, shuffled = network("sgd"), network("sgd")
    training(ordered, 2, None, shuffle=False).run()
    training(shuffled, 2, None, shuffle=True).run()
    assert not np.array_equal(ordered.chain.theta, shuffled.chain.theta)
