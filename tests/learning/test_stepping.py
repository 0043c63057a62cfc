"""Who takes the steps: the reference's step, and the choice between it and the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.batches import Rows
from deltarule.engine import native
from deltarule.engine.fast import FastSteps
from deltarule.learning.callbacks import ProgressBar
from deltarule.learning.plan import Plan
from deltarule.learning.stepping import ReferenceSteps, judge_engine, steps_for
from deltarule.learning.training import Training
from deltarule.machine.optimizer import Optimizer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 4))
Y = np.arange(10) % 3


class Each(dr.Callback):
    """Wants to hear of every step."""

    def on_step(self, training: Training) -> None:
        """Do nothing."""


class Sometimes(Each):
    """Need not."""

    every_step = False


class EpochsOnly(dr.Callback):
    """Hears of epochs."""

    def on_epoch(self, training: Training) -> None:
        """Do nothing."""


def judged(net: dr.Network, engine: str = "auto", *callbacks: dr.Callback) -> tuple[str, ...]:
    """What speaks against the engine for a network."""
    s = net.settings
    rule, options = s.optimizer.function, s.optimizer.options
    return judge_engine(engine, "full", net.chain, net.objective, rule, options, callbacks).reasons


def parts(net: dr.Network, **plan: Any) -> tuple[Any, ...]:
    """What `steps_for` takes, for a network."""
    rows: Rows = net.preprocessing.rows(X, Y)
    optimizer = Optimizer(dr.optimizers.adam, net.chain.theta, lr=0.1, total=9)
    return net.chain, net.objective, optimizer, rows, net.chain, Plan(1, 4, 0, **plan), ()


def test_one_step_of_the_reference() -> None:
    """It takes the first batch of the order and keeps the scores that its rows had before."""
    net = dr.Network([4, 3], dtype="float64")
    before = net.chain(X)[0]
    steps = ReferenceSteps(*parts(net)[:-1])
    steps.load()
    theta = net.chain.theta.copy()
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    losses = steps.advance(order, 1)
    assert losses.shape == (1,)
    assert losses[0] == pytest.approx(net.objective(Y[order[:4]], before[order[:4]], None, 4)[0])
    np.testing.assert_array_equal(steps.scores[order[:4]], before[order[:4]])
    np.testing.assert_allclose(abs(net.chain.theta - theta), 0.1, rtol=1e-4)  # Adam's first step
    stepped = net.chain.theta.copy()
    steps.store()
    np.testing.assert_array_equal(net.chain.theta, stepped)


def test_the_choice(core: Any) -> None:
    """What the engine can do it does; else the reference, with a reason."""
    fast, reasons = steps_for(*parts(dr.Network([4, 3])))
    assert isinstance(fast, FastSteps)
    assert reasons == ()
    steps, reasons = steps_for(*parts(dr.Network([4, 5, 3], normalization="layer")))
    assert isinstance(steps, ReferenceSteps)
    assert "layernorm1" in reasons[0]
    steps, reasons = steps_for(*parts(dr.Network([4, 3]), engine="reference"))
    assert isinstance(steps, ReferenceSteps)
    assert reasons == ('It was asked for by engine="reference".',)


def test_callbacks_decide(core: Any) -> None:
    """A callback that wants every step needs the reference; others do not."""
    net = dr.Network([4, 3])
    assert judged(net, "auto", Sometimes(), EpochsOnly(), ProgressBar()) == ()
    (reason,) = judged(net, "auto", EpochsOnly(), Each())
    assert reason.startswith("The callback Each is called after every step")


@pytest.mark.parametrize("callback", [Each(), None])
def test_history_says_who(core: Any, callback: dr.Callback | None) -> None:
    """The history of a training names its engine, and the reasons where it is the reference."""
    net = dr.Network([4, 3])
    net.train(X, Y, epochs=1, progress=False, callbacks=[callback] if callback else [])
    assert net.history
    assert net.history.engine == ("reference" if callback else "fast")
    assert bool(net.history.engine_reasons) == (callback is not None)


def test_fast_or_nothing(core: Any) -> None:
    """engine="fast" refuses what it cannot do, with every reason, and nothing has changed."""
    net = dr.Network([4, 5, 3], normalization="layer")
    before, prepared = net.chain.theta.copy(), net.preprocessing
    with pytest.raises(dr.InvalidInput, match=r"LayerNorm.*The callback Each"):
        net.train(X, Y, engine="fast", callbacks=[Each()], progress=False)
    np.testing.assert_array_equal(net.chain.theta, before)
    assert net.preprocessing is prepared
    assert net.trainings == 0


def test_fast_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the core engine="fast" is not available; "auto" takes the reference and says why."""
    monkeypatch.setattr(native, "_find", lambda: (None, native.NOT_COMPILED))
    net = dr.Network([4, 3])
    with pytest.raises(dr.NotAvailable, match="install a wheel"):
        net.train(X, Y, engine="fast", progress=False)
    history = net.train(X, Y, epochs=1, progress=False)
    assert history.engine == "reference"
    assert history.engine_reasons == (native.NOT_COMPILED,)
