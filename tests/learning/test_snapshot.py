"""A training that stops after any step and goes on is the same training."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest

from deltarule.data.batches import Rows
from deltarule.data.scaling import learn_scaling
from deltarule.learning.callbacks import Callback
from deltarule.learning.evaluation import Judge
from deltarule.learning.monitor import Monitor
from deltarule.learning.plan import Plan
from deltarule.learning.snapshot import Snapshot, number, plain
from deltarule.learning.training import Training
from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import metrics, schedules
from deltarule.network.network import Network

LONG = os.environ.get("DELTARULE_LONG") == "1"


def steps_of(whole: Training) -> list[int]:
    """Every step; in the short form those of the first epoch, every seventh, and the last.

    An epoch has ten steps, so every place in one is among those, too.
    """
    return [t for t in range(1, whole.t + 1) if LONG or t < 12 or t % 7 == 0 or t == whole.t]


class Halt(Exception):
    """Ends a training as a killed process would: nothing is tidied up."""


class StopAt(Callback):
    """Keeps a snapshot, written and read as JSON, at a step or an epoch, and halts."""

    def __init__(self, step: int = 0, epoch: int = 0, every_step: bool = True) -> None:
        self.step, self.epoch, self.every_step = step, epoch, every_step
        self.snapshot: Snapshot | None = None

    def on_step(self, training: Training) -> None:
        if self.step and training.t >= self.step and self.snapshot is None:
            self._halt(training)

    def on_epoch(self, training: Training) -> None:
        if self.epoch and training.epoch == self.epoch:
            self._halt(training)

    def _halt(self, training: Training) -> None:
        found = training.snapshot()
        self.snapshot = Snapshot(found.arrays, json.loads(json.dumps(found.facts, allow_nan=False)))
        raise Halt


def made(
    rule: str,
    callbacks: list[Callback],
    *,
    engine: str = "auto",
    device: str | None = None,
    seed: int = 1,
    **settings: Any,
) -> Training:
    """A training of 6 epochs of 10 steps, with everything that can be remembered."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(79, 5)), rng.integers(3, size=79)
    scaling, dtype = learn_scaling("none", X), np.dtype(np.float32)
    rows = Rows(X[:59], y[:59], scaling, dtype, rng.uniform(0.5, 2, 59).astype(np.float32))
    rows_val = Rows(X[59:], y[59:], scaling, dtype)
    net = Network([5, 7, 3], optimizer=rule, dropout=0.2, seed=2, **settings)
    s, chain = net.settings, net.chain
    optimizer = Optimizer(
        s.optimizer.function,
        chain.theta,
        lr=0.02,
        total=60,
        schedule=schedules.cosine,
        weight_decay=0.01,
        matrices=chain.layout.matrices,
    )
    judge = Judge({"accuracy": metrics.accuracy}, lambda z: z.argmax(1), lambda y: y)
    plan = Plan(6, 6, seed, l2=1e-3, clip_norm=1.0, average=0.9, engine=engine, device=device)
    monitor = Monitor("val_accuracy", True, patience=5)
    return Training(chain, s.loss.bound, optimizer, rows, rows_val, plan, judge, monitor, callbacks)


def without_times(training: Training) -> list[dict[str, float]]:
    """The records of a history but for the seconds."""
    return [{k: v for k, v in r.items() if k != "seconds"} for r in training.history.epochs]


def same(one: Training, other: Training) -> bool:
    """Whether two trainings ended alike, to the bit."""
    return (
        np.array_equal(one.chain.theta, other.chain.theta)
        and np.array_equal(one.chain.statistics, other.chain.statistics)
        and one.history.weights_sha256 == other.history.weights_sha256
        and one.history.best_epoch == other.history.best_epoch
        and one.history.stopped_early == other.history.stopped_early
        and without_times(one) == without_times(other)
    )


@pytest.mark.parametrize("settings", [{}, {"normalization": "batch"}], ids=["plain", "batch norm"])
@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam", "nadam", "lion"])
def test_each_step_by_the_reference(rule: str, settings: dict[str, Any]) -> None:
    """Halted after each of its steps and gone on, it ends in the same bits."""
    whole = made(rule, [], engine="reference", **settings)
    whole.run()
    for step in steps_of(whole):
        stop = StopAt(step)
        with pytest.raises(Halt):
            made(rule, [stop], engine="reference", **settings).run()
        assert stop.snapshot
        rest = made(rule, [], engine="reference", **settings)
        rest.resume(stop.snapshot)
        rest.run()
        assert same(rest, whole), step


@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam", "nadam", "lion"])
def test_each_step_by_the_engine(rule: str, monkeypatch: pytest.MonkeyPatch, core: Any) -> None:
    """The same where the engine takes the steps, some at a time."""
    monkeypatch.setattr("deltarule.engine.fast.FIRST_STEPS", 1)
    monkeypatch.setattr("deltarule.engine.fast.SECONDS", 0.0)
    whole = made(rule, [])
    whole.run()
    assert whole.history.engine == "fast"
    for step in steps_of(whole):
        stop = StopAt(step, every_step=False)
        with pytest.raises(Halt):
            made(rule, [stop]).run()
        assert stop.snapshot
        rest = made(rule, [])
        rest.resume(stop.snapshot)
        rest.run()
        assert same(rest, whole), step


@pytest.mark.parametrize("settings", [{}, {"normalization": "batch"}], ids=["plain", "batch norm"])
@pytest.mark.parametrize("rule", ["sgd", "nadam"])
def test_steps_on_a_device(
    rule: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on a device, where losses are looked at late: when a snapshot or the epoch asks."""
    pytest.importorskip("torch", reason="needs the optional package torch")
    whole = made(rule, [], device="cpu", **settings)
    whole.run()
    assert whole.history.engine == "torch"
    monkeypatch.setattr("deltarule.learning.torch_steps.SECONDS", 0.0)
    for step in steps_of(whole):
        stop = StopAt(step, every_step=False)
        with pytest.raises(Halt):
            made(rule, [stop], device="cpu", **settings).run()
        assert stop.snapshot
        assert stop.snapshot.facts["t"] == step
        rest = made(rule, [], device="cpu", **settings)
        rest.resume(stop.snapshot)
        rest.run()
        assert same(rest, whole), step


@pytest.mark.parametrize("given", [{}, {"engine": "reference"}, {"device": "cpu"}], ids=str)
def test_after_each_epoch(given: dict[str, Any]) -> None:
    """Halted at the end of an epoch, also of the last, it goes on to the same end."""
    if "device" in given:
        pytest.importorskip("torch", reason="needs the optional package torch")
    whole = made("adam", [], **given)
    whole.run()
    for epoch in range(1, whole.epoch + 1):
        stop = StopAt(epoch=epoch, every_step=False)
        with pytest.raises(Halt):
            made("adam", [stop], **given).run()
        assert stop.snapshot
        rest = made("adam", [], **given)
        rest.resume(stop.snapshot)
        rest.run()
        assert same(rest, whole), epoch


def test_numbers_without_json() -> None:
    """inf and NaN, which JSON has no numbers for, come back as they were."""
    facts = {"a": [float("inf"), -float("inf"), 1.5, None, True], "b": {"c": float("nan")}}
    found = json.loads(json.dumps(plain(facts), allow_nan=False))
    assert [number(v) for v in found["a"]] == facts["a"]
    assert np.isnan(number(found["b"]["c"]))
