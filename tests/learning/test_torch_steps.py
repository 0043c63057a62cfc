"""Steps on a device: what waits, what is kept, what is told."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning import torch_steps
from deltarule.learning.plan import Plan
from deltarule.learning.torch_steps import TorchSteps
from deltarule.learning.training import Training
from deltarule.machine.optimizer import Optimizer

torch = pytest.importorskip("torch", reason="needs the optional package torch")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), np.arange(30) % 3


def steps_of(net: dr.Network, *, every_step: bool = False, device: Any = None, **plan: Any) -> Any:
    """Steps of Adam with batches of 8."""
    optimizer = Optimizer(dr.optimizers.adam, net.chain.theta, lr=0.1, total=9)
    rows = net.preprocessing.rows(X, Y)
    parts = (net.chain, net.objective, optimizer, rows, net.chain)
    plan = Plan(1, 8, 0, device="cpu", **plan)
    return TorchSteps(*parts, plan, every_step=every_step, device=device)


def test_the_host_holds_what_it_held_until_it_is_stored() -> None:
    """Between load and store the chain holds what it held at load."""
    net = dr.Network([4, 5, 3])
    before, steps = net.chain.theta.copy(), steps_of(net)
    steps.load()
    losses = steps.advance(np.arange(30), 1)
    assert isinstance(losses, torch.Tensor)
    assert losses.shape == (4,)
    np.testing.assert_array_equal(net.chain.theta, before)
    steps.store()
    assert not np.array_equal(net.chain.theta, before)


def test_every_step_is_one_and_stored() -> None:
    """Who must hear of each step gets one at a time, with its loss and the weights after it."""
    net = dr.Network([4, 5, 3])
    steps = steps_of(net, every_step=True)
    steps.load()
    theta = net.chain.theta.copy()
    for t in range(4):
        losses = steps.advance(np.arange(30)[8 * t :], t + 1)
        assert isinstance(losses, np.ndarray)
        assert losses.shape == (1,)
        assert not np.array_equal(net.chain.theta, theta)
        theta = net.chain.theta.copy()


def test_cuts_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for an epoch and one for each step lead to the same bits."""
    thetas = []
    for seconds in (10.0, 0.0):
        monkeypatch.setattr(torch_steps, "SECONDS", seconds)
        net = dr.Network([4, 5, 3], dropout=0.3)
        steps = steps_of(net)
        steps.load()
        done = 0
        while done < 4:
            done += len(steps.advance(np.arange(30)[8 * done :], done + 1))
        steps.store()
        thetas.append(net.chain.theta.copy())
    np.testing.assert_array_equal(*thetas)


@pytest.mark.parametrize("precision", ["full", "bf16"])
@pytest.mark.parametrize("settings", [{}, {"normalization": "batch", "dropout": 0.2}], ids=str)
def test_a_step_needs_no_numbers(settings: dict[str, Any], precision: str) -> None:
    """It runs over tensors that hold none: nothing in it depends on one."""
    net = dr.Network([4, 5, 3], **settings)
    steps = steps_of(net, device=torch.device("meta"), clip_norm=1.0, precision=precision)
    steps._step(8)
    steps._step(6)
    assert steps._losses.device.type == "meta"


class Hears(dr.Callback):
    """Hears of every step."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def on_step(self, training: Training) -> None:
        self.seen.append(training.chain.theta.copy())


def test_callbacks_hear_of_every_step() -> None:
    """With the weights after it, and to the same end."""
    hears, thetas = Hears(), []
    for callbacks in ([hears], []):
        net = dr.Network([4, 5, 3])
        net.train(X, Y, epochs=2, batch_size=8, device="cpu", callbacks=callbacks, progress=False)
        thetas.append(net.chain.theta)
    assert len(hears.seen) == 8
    assert len({theta.tobytes() for theta in hears.seen}) == 8
    np.testing.assert_array_equal(*thetas)
    np.testing.assert_array_equal(hears.seen[-1], thetas[0])


def test_divergence_is_noticed_after_the_epoch() -> None:
    """The first step whose loss was not finite is told; the weights are those from before."""
    net = dr.Network([4, 5, 1], loss="squared_error", optimizer="sgd")
    before = net.chain.theta.copy()
    with pytest.raises(dr.Diverged, match=r"the loss was not finite at step [2-9] \(epoch 1\)"):
        net.train(X, X[:, 0], epochs=2, batch_size=2, lr=1e30, device="cpu", progress=False)
    np.testing.assert_array_equal(net.chain.theta, before)
    assert net.history is not None
    assert net.history.steps < 10


def test_a_run_on_a_device(tmp_path: Any) -> None:
    """Monitor, best weights, averages and checkpoints work as they do without."""
    net = dr.Network([4, 16, 3], normalization="batch")
    history = net.train(
        X,
        Y,
        X,
        Y,
        epochs=20,
        lr=0.01,
        batch_size=8,
        average=0.9,
        patience=3,
        monitor="val_accuracy",
        device="cpu",
        checkpoints=tmp_path,
        progress=False,
    )
    assert history.best
    assert history.best["val_loss"] == pytest.approx(net.evaluate(X, Y)["loss"], rel=1e-5)
    assert list(tmp_path.iterdir())


class FakeCuda:
    """What recording asks of torch.cuda, without a GPU."""

    def __init__(self, fails: bool) -> None:
        self.fails, self.replays, self.recording = fails, 0, False

    def Stream(self, device: Any) -> Any:
        """A stream."""
        return SimpleNamespace(wait_stream=lambda other: None)

    current_stream = Stream

    def stream(self, side: Any) -> Any:
        """A context."""
        return contextlib.nullcontext()

    def CUDAGraph(self) -> Any:
        """A graph."""
        return SimpleNamespace(replay=self._replay)

    def _replay(self) -> None:
        self.replays += 1

    @contextlib.contextmanager
    def graph(self, graph: Any) -> Any:
        """A recording."""
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        yield


@pytest.mark.parametrize("fails", [False, True])
def test_recording(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three whole steps are launched, then one recorded and replayed; if not, a note says why."""
    steps = steps_of(dr.Network([4, 5, 3]))
    steps._begin(np.arange(30), 1)
    fake, taken = FakeCuda(fails), []
    monkeypatch.setattr(torch_steps, "torch", lambda: SimpleNamespace(cuda=fake))
    monkeypatch.setattr(steps, "_step", taken.append)
    steps._records = True
    for n in (8, 8, 6, 8, 8, 8, 6):
        steps._take(n)
    if fails:
        assert taken == [8, 8, 6, 8, 8, 8, 6]
        (note,) = steps.notes
        assert "could not be recorded" in note
        assert "capturing" in note
        assert "more" not in note
    else:
        assert taken == [8, 8, 6, 8, 8, 6]  # the fifth is the recording
        assert fake.replays == 2
        assert steps.notes == ()
