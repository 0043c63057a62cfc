"""A training that diverges stops, goes back, or raises; any other is untouched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.batches import Rows
from deltarule.data.scaling import learn_scaling
from deltarule.learning.callbacks import Callback
from deltarule.learning.divergence import MOST_ROLLBACKS
from deltarule.learning.evaluation import Judge
from deltarule.learning.monitor import Monitor
from deltarule.learning.plan import POLICIES, Plan
from deltarule.learning.snapshot import Snapshot
from deltarule.learning.training import Training
from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import metrics
from deltarule.network.network import Network

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
QUIET: dict[str, Any] = {"progress": False, "epochs": 5, "batch_size": 16, "lr": 0.05}
STEPS = 4  # of an epoch


@pytest.fixture(params=["reference", "auto", "device"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every law holds for both engines and on a device."""
    if request.param == "device":
        pytest.importorskip("torch", reason="needs the optional package torch")
        monkeypatch.setitem(QUIET, "device", "cpu")
    else:
        monkeypatch.setitem(QUIET, "engine", request.param)
    return request.param


class Explode(Callback):
    """Raises the rate beyond all measure after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, training: Training) -> None:
        if training.epoch == self.epoch:
            training.optimizer.lr = 1e30


def without_times(history: dr.History) -> list[dict[str, float]]:
    """The records but for the seconds."""
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history.epochs]


# -- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("rows", [(), (X, Y)], ids=["unmonitored", "monitored"])
def test_stop(average: float, rows: tuple[Any, ...]) -> None:
    """It ends with the best weights, or the last whole ones, and says so in history and warning."""
    net, same = dr.Network([4, 6, 3]), dr.Network([4, 6, 3])
    with pytest.warns(dr.CutShort, match="Training diverged: .* at step 1[34]") as caught:
        history = net.train(X, Y, *rows, **QUIET, average=average, callbacks=[Explode(3)])
    assert caught[0].filename == __file__
    expected = same.train(X, Y, *rows, **{**QUIET, "epochs": 3}, average=average)
    np.testing.assert_array_equal(net.chain.theta, same.chain.theta)
    assert without_times(history) == without_times(expected)
    assert history.stop_reason == "diverged"
    assert history.notes == (str(caught[0].message),)
    assert net.history is history
    assert not history.stopped_early


@pytest.mark.parametrize("policy", POLICIES)
def test_before_the_first_epoch_ends_there_is_nothing_to_keep(policy: str) -> None:
    """It raises under any policy, and the weights are those of before."""
    net = dr.Network([4, 6, 3])
    before = net.chain.theta.copy()
    with pytest.raises(dr.Diverged, match="Kept are the weights from before this epoch"):
        net.train(X, Y, X, Y, **{**QUIET, "lr": 1e30}, on_divergence=policy)
    np.testing.assert_array_equal(net.chain.theta, before)
    assert net.history is not None
    assert net.history.stop_reason == ""


def test_raise() -> None:
    """The weights are those that "stop" keeps, and the error's sentence is the same."""
    nets = [dr.Network([4, 6, 3]) for _ in range(2)]
    with pytest.warns(dr.CutShort) as caught:
        nets[0].train(X, Y, X, Y, **QUIET, callbacks=[Explode(3)])
    with pytest.raises(dr.Diverged, match=re.escape(str(caught[0].message))):
        nets[1].train(X, Y, X, Y, **QUIET, callbacks=[Explode(3)], on_divergence="raise")
    np.testing.assert_array_equal(nets[0].chain.theta, nets[1].chain.theta)
    assert nets[1].history is not None
    assert nets[1].history.notes == ()


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_callback_raises_goes_up(policy: str) -> None:
    """A `Diverged` of a callback's own is an error as any other, whatever the policy."""

    def fail(training: Training) -> None:
        if training.epoch == 3:
            raise dr.Diverged("Enough.", training.t)

    with pytest.raises(dr.Diverged, match="Enough"):
        dr.Network([4, 6, 3]).train(X, Y, **QUIET, callbacks=fail, on_divergence=policy)


# -- going back -----------------------------------------------------------------------------------


def too_fast(t: float, total: float) -> float:
    """A factor of the rate that leaps in the middle of the third epoch."""
    return 1.0 if t < 10 else 1000.0


@pytest.mark.parametrize(("average", "seed"), [(0.0, 2), (0.5, 1)])
def test_rollback_is_a_training_at_half_the_rate(average: float, seed: int) -> None:
    """Its bits are those of a training whose rate was halved as often, from that epoch on."""
    options: dict[str, Any] = {"optimizer": "sgd", "seed": seed}
    net = dr.Network([4, 16, 3], schedule=too_fast, **options)
    kept: dict[str, Any] = {"average": average, "restore_best": False}
    history = net.train(X, Y, X, Y, **QUIET, **kept, on_divergence="rollback")
    back_to = [int(note.split("went back to step ")[1].split()[0]) for note in history.notes]
    assert len(back_to) > len(set(back_to)) >= 2  # from several epochs, some more than once
    assert history.stop_reason == ""

    def halved(t: float, total: float) -> float:
        return too_fast(t, total) * 0.5 ** sum(step <= t for step in back_to)

    same = dr.Network([4, 16, 3], schedule=halved, **options)
    expected = same.train(X, Y, X, Y, **QUIET, **kept, on_divergence="raise")
    np.testing.assert_array_equal(net.chain.theta, same.chain.theta)
    assert without_times(history) == without_times(expected)
    assert history.steps == expected.steps == 5 * STEPS
    assert history["lr"] == [0.05 * halved(t, 20) for t in range(0, 20, STEPS)]


def test_each_rollback_is_noted() -> None:
    """One sentence each: where, what was seen, back to where, and the rate from there on."""
    net = dr.Network([4, 16, 3], optimizer="sgd", seed=2)
    history = net.train(X, Y, X, Y, **{**QUIET, "lr": 50.0}, on_divergence="rollback")
    assert 2 <= len(history.notes) <= MOST_ROLLBACKS
    for i, note in enumerate(history.notes, 1):
        told = re.fullmatch(
            r"At step (\d+) the (validation loss|mean loss of the epoch) was [\d.e+]+; "
            rf"went back to step (\d+) with half the learning rate, {50 / 2**i:.3g}\.",
            note,
        )
        assert told, note
        assert int(told[3]) < int(told[1]) <= int(told[3]) + STEPS
        assert int(told[3]) % STEPS == 0
    assert history["lr"][-1] == 50 / 2 ** len(history.notes)


@pytest.mark.parametrize("epoch", [0, 3])
def test_rollbacks_are_bounded(epoch: int) -> None:
    """After five it stops: with the best weights, or, where no epoch was finished, an error."""
    net = dr.Network([4, 6, 3])
    given = {**QUIET, "on_divergence": "rollback", "callbacks": [Explode(epoch)]}
    if epoch:
        with pytest.warns(dr.CutShort, match="It had gone back 5 times, each time with half"):
            history = net.train(X, Y, X, Y, **given)
        assert len(history) == epoch
        assert history.stop_reason == "diverged"
        assert history.best is not None
        assert net.evaluate(X, Y)["loss"] == history.best["val_loss"]
    else:
        with pytest.raises(dr.Diverged, match="It had gone back 5 times, each time with half"):
            net.train(X, Y, X, Y, **{**given, "lr": 1e30})
        assert net.history is not None
        history = net.history
    assert len(history.notes) == MOST_ROLLBACKS + bool(epoch)
    assert "5e+29" in history.notes[0]
    assert f"{1e30 / 2**MOST_ROLLBACKS:.3g}" in history.notes[MOST_ROLLBACKS - 1]


def test_what_no_rate_can_mend_is_not_tried_again() -> None:
    """A loss that is infinite before the first step stays so at any rate; it does not go back."""
    net = dr.Network([4, 1], loss="poisson", scaling="none")
    net.parameters["dense1.b"][...] = 1e4
    with pytest.raises(dr.Diverged, match="at step 1 ") as caught:
        net.train(X, abs(X[:, 0]), **QUIET, on_divergence="rollback")
    assert "gone back" not in str(caught.value)
    assert net.history is not None
    assert net.history.notes == ()


def test_a_stop_asked_for_comes_after_the_epoch() -> None:
    """Asked for in an epoch that is then done again, it holds at that epoch's end."""

    class Stop(Callback):
        every_step = False
        asked = False

        def on_epoch(self, training: Training) -> None:
            if training.epoch == 2:
                self.asked = True

        def on_step(self, training: Training) -> None:
            training.stop = self.asked

    net = dr.Network([4, 16, 3], schedule=too_fast, optimizer="sgd", seed=2)
    history = net.train(X, Y, X, Y, **QUIET, on_divergence="rollback", callbacks=[Stop()])
    assert history.notes
    assert len(history) == 3


# -- what is seen first ---------------------------------------------------------------------------


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "nadam", "lion"])
def test_a_gradient_that_is_not_finite(optimizer: str, clip_norm: float | None) -> None:
    """It is seen in its step, although the loss before it was finite, and by any rule."""
    net = dr.Network(
        [4, 1], loss="squared_error", scaling="none", standardize_targets=False,
        optimizer=optimizer, initializer="zeros",
    )  # fmt: skip
    with pytest.raises(dr.Diverged, match="the gradient was not finite at step 1 ") as caught:
        net.train(X * 1e25, X[:, 0] * 1e14, **QUIET, clip_norm=clip_norm)
    assert caught.value.step == 1
    assert "the last finite loss was" in str(caught.value)
    assert not net.chain.theta.any()


@pytest.mark.parametrize("clip_norm", [None, 1e30])
def test_a_gradient_whose_squares_overflow_is_finite(clip_norm: float | None) -> None:
    """A length beyond the dtype is no divergence where every entry is a number."""
    net = dr.Network(
        [4, 1], loss="squared_error", scaling="none", standardize_targets=False,
        optimizer="sgd", initializer="zeros",
    )  # fmt: skip
    given = {**QUIET, "lr": 1e-38, "clip_norm": clip_norm}
    history = net.train(X * 1e6, X[:, 0] * 1e15, **given)
    assert len(history) == 5
    assert history.notes == ()


# -- healthy trainings ----------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_healthy_bits(optimizer: str) -> None:
    """No policy changes a bit of a training that does not diverge."""
    found = []
    for policy in POLICIES:
        net = dr.Network([4, 6, 3], optimizer=optimizer, dropout=0.1)
        given = {**QUIET, "average": 0.9, "clip_norm": 1.0, "on_divergence": policy}
        history = net.train(X, Y, X, Y, **given)
        assert history.notes == ()
        assert history.stop_reason == ""
        found.append((net.chain.theta.tobytes(), history.weights_sha256, without_times(history)))
    assert found[0] == found[1] == found[2]


def test_wrong_policies() -> None:
    """A word that is none is told the nearest."""
    with pytest.raises(dr.InvalidInput, match=r"'rolback'\. Did you mean 'rollback'"):
        dr.Network([4, 3]).train(X, Y, on_divergence="rolback")


# -- interrupted and gone on ----------------------------------------------------------------------


class Halt(Exception):
    """Ends a training as a killed process would: nothing is tidied up."""


class StopAt(Callback):
    """Keeps a snapshot, written and read as JSON, after so many steps taken, and halts."""

    every_step = False

    def __init__(self, taken: int) -> None:
        self.taken = taken
        self.snapshot: Snapshot | None = None

    def on_step(self, training: Training) -> None:
        if training.taken >= self.taken and self.snapshot is None:
            found = training.snapshot()
            facts = json.loads(json.dumps(found.facts, allow_nan=False))
            self.snapshot = Snapshot(found.arrays, facts)
            raise Halt

    on_epoch = on_step


Case = tuple[str, float, tuple[int, ...]]
GOES_ON: Case = ("sgd", 400.0, (7, 17))
CASES: dict[Case, int] = {GOES_ON: 25, ("adam", 1000.0, (7, 17)): 25, ("sgd", 1e30, (11,)): 13}
"""The rule, the rate, and the steps at which it is so high; and the steps that the training has."""


def made(case: Case, engine: str, average: float, callbacks: list[Callback]) -> Training:
    """A training of up to 5 epochs of 5 steps that goes back several times."""
    rule, leap, leaps = case
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(40, 5)), rng.integers(3, size=40)
    scaling, dtype = learn_scaling("none", X), np.dtype(np.float32)
    rows = Rows(X[:30], y[:30], scaling, dtype, rng.uniform(0.5, 2, 30).astype(np.float32))
    rows_val = Rows(X[30:], y[30:], scaling, dtype)
    net = Network([5, 7, 3], optimizer=rule, dropout=0.2, seed=2)
    s, chain = net.settings, net.chain
    optimizer = Optimizer(
        s.optimizer.function,
        chain.theta,
        lr=1.0,
        total=25,
        schedule=lambda t, total: leap if t in leaps else 0.02,
        matrices=chain.layout.matrices,
    )
    judge = Judge({"accuracy": metrics.accuracy}, lambda z: z.argmax(1), lambda y: y)
    plan = Plan(5, 6, 1, l2=1e-3, average=average, engine=engine, on_divergence="rollback")
    monitor = Monitor("val_loss", False)
    return Training(chain, s.loss.bound, optimizer, rows, rows_val, plan, judge, monitor, callbacks)


def ended(training: Training) -> tuple[Any, ...]:
    """All that must be the same, to the bit."""
    history = training.history
    facts = (history.weights_sha256, history.best_epoch, history.notes, training.taken)
    return (training.chain.theta.tobytes(), *facts, without_times(history))


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("case", CASES)
def test_each_step_taken(
    case: Case, average: float, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halted after each step taken, given up or not, and gone on, it ends in the same bits."""
    monkeypatch.setattr("deltarule.engine.fast.FIRST_STEPS", 1)
    monkeypatch.setattr("deltarule.engine.fast.SECONDS", 0.0)
    whole = made(case, engine, average, [])
    whole.run()
    assert whole.t == CASES[case]
    assert len(whole.history.notes) >= 3
    assert whole.taken >= whole.t + 3
    for taken in range(1, whole.taken + (whole.t == 25)):  # of the step that ends it none is told
        stop = StopAt(taken)
        with pytest.raises(Halt):
            made(case, engine, average, [stop]).run()
        assert stop.snapshot
        rest = made(case, engine, average, [])
        rest.resume(stop.snapshot)
        rest.run()
        assert ended(rest) == ended(whole), taken


class Kill(Callback):
    """Halts after so many steps taken; what was written by then stays."""

    every_step = False

    def __init__(self, taken: int) -> None:
        self.taken = taken

    def on_step(self, training: Training) -> None:
        if training.taken >= self.taken:
            raise Halt


def test_the_newest_checkpoint_is_the_last_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed anywhere, at most the steps since the last checkpoint are lost, and no bit."""
    monkeypatch.setattr("deltarule.engine.fast.FIRST_STEPS", 1)
    monkeypatch.setattr("deltarule.engine.fast.SECONDS", 0.0)
    monkeypatch.setattr("deltarule.learning.torch_steps.SECONDS", 0.0)
    given: dict[str, Any] = {**QUIET, "on_divergence": "rollback"}

    def network() -> Network:
        return dr.Network([4, 16, 3], schedule=too_fast, optimizer="sgd", seed=2)

    whole = network()
    expected = whole.train(X, Y, X, Y, **given)
    taken = []
    for at in range(1, 34, 3):
        folder = {"resume": tmp_path / str(at), "checkpoint_every": "1 step"}
        with pytest.raises(Halt):
            network().train(X, Y, X, Y, **given, **folder, callbacks=[Kill(at)])
        first = Kill(10**9)
        first.on_start = lambda training: taken.append(training.taken)  # type: ignore[method-assign]
        rest = network()
        history = rest.train(X, Y, X, Y, **given, **folder, callbacks=[first])
        assert taken[-1] >= at - 1
        np.testing.assert_array_equal(rest.chain.theta, whole.chain.theta)
        assert history.notes == expected.notes
        assert without_times(history) == without_times(expected)
