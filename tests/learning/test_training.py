"""The loop: epochs of shuffled batches, validation, the average, the best, and the guard."""

from __future__ import annotations

import hashlib
import itertools
import math
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.batches import batch_indices
from deltarule.ground.contracts import Batch
from deltarule.ground.randomness import StepNoise
from deltarule.learning.step import l2, train_step
from deltarule.learning.training import Training
from deltarule.machine.optimizer import Optimizer

RNG = np.random.default_rng(0)
N = 50
X = RNG.normal(size=(N, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
WEIGHT = RNG.uniform(0.1, 2.0, N)
QUIET: dict[str, Any] = {"progress": False, "epochs": 4, "batch_size": 16, "lr": 0.05}


@pytest.fixture(params=["reference", "auto"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every law holds for both engines."""
    monkeypatch.setitem(QUIET, "engine", request.param)


class Recorder(dr.Callback):
    """Notes every event and the weights at it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.thetas: list[np.ndarray] = []
        self.statistics: list[np.ndarray] = []

    def on_start(self, training: Training) -> None:
        self.events.append("start")

    def on_step(self, training: Training) -> None:
        self.events.append(f"step {training.t} of epoch {training.epoch}")
        self.thetas.append(training.chain.theta.copy())
        self.statistics.append(training.chain.statistics.copy())

    def on_epoch(self, training: Training) -> None:
        self.events.append(f"epoch {training.history.epochs[-1]['epoch']}")

    def on_end(self, training: Training) -> None:
        self.events.append("end")


# -- what an epoch is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.3, "normalization": "batch", "l2": 0.1, "lr_decay": 0.01}]
)
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_loop_written_out(options: dict[str, Any], weight: np.ndarray | None) -> None:
    """The same loop by hand, from `train_step` alone: equal weights and equal training metrics."""
    net, other = (dr.Network([4, 8, 3], dtype="float64", seed=3, **options) for _ in range(2))
    history = net.train(X, Y, sample_weight=weight, **{**QUIET, "engine": "reference"})

    chain = other.chain
    optimizer = Optimizer(
        dr.optimizers.adam,
        chain.theta,
        lr=0.05,
        total=4 * math.ceil(N / 16),
        schedule=other.settings.factor(),
        matrices=chain.layout.matrices,
    )
    t = 0
    for epoch in range(1, 5):
        losses, totals, right = [], [], np.zeros(N)
        for index in batch_indices(N, 16, 3, epoch):
            t += 1
            w = None if weight is None else weight[index]
            total = float(len(index)) if w is None else float(w.sum())
            noise = StepNoise(3, t, np.arange(len(index)))
            batch = Batch(X[index], Y[index], w, total, noise)
            value, z = train_step(
                chain, other.objective, optimizer, batch, t, penalty=l2(other.settings.l2)
            )
            losses.append(float(value))
            totals.append(total)
            right[index] = z.argmax(1) == Y[index]
        record = history.epochs[epoch - 1]
        assert record["step"] == t
        assert record["train_loss"] == pytest.approx(np.average(losses, weights=totals), rel=1e-12)
        assert record["train_accuracy"] == pytest.approx(np.average(right, weights=weight))
        assert record["lr"] == optimizer.rate(t - len(losses) + 1)
    np.testing.assert_array_equal(net.chain.theta, chain.theta)
    np.testing.assert_array_equal(net.chain.statistics, chain.statistics)


@pytest.mark.parametrize("batch_size", [1, 7, 16, 49, 50, 51])
def test_every_row_once(batch_size: int) -> None:
    """Each epoch takes every row once, the last short batch included, in an order of its own."""
    seen: list[list[float]] = []

    @dr.losses.declare("regression")
    def watching(y: Any, z: Any, weight: Any, total: float) -> Any:
        seen.append(y[:, 0].tolist())
        assert total == len(y)
        return dr.losses.squared_error(y, z, weight, total)

    net = dr.Network([4, 1], loss=watching, dtype="float64", standardize_targets=False)
    history = net.train(X, np.arange(float(N)), epochs=2, batch_size=batch_size, progress=False)
    steps = math.ceil(N / batch_size)
    assert history.steps == 2 * steps == len(seen)
    epochs = [list(itertools.chain(*part)) for part in (seen[:steps], seen[steps:])]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(N))
    assert epochs[0] != epochs[1] != list(range(N))
    assert [len(batch) for batch in seen[:steps]] == [
        min(batch_size, N - start) for start in range(0, N, batch_size)
    ]


def test_events_in_order() -> None:
    """Callbacks hear of the start, every step, every epoch and the end, once and in order."""
    recorder = Recorder()
    dr.Network([4, 3]).train(X, Y, **{**QUIET, "epochs": 2}, callbacks=[recorder])
    steps = [f"step {t} of epoch {1 + (t - 1) // 4}" for t in range(1, 9)]
    assert recorder.events == ["start", *steps[:4], "epoch 1", *steps[4:], "epoch 2", "end"]


@pytest.mark.parametrize("event", ["on_step", "on_epoch"])
def test_a_callback_stops(event: str) -> None:
    """`training.stop = True` ends the training after the current epoch, which is whole."""

    class Stop(dr.Callback):
        def on_step(self, training: Training) -> None:
            if event == "on_step" and training.t == 6:
                training.stop = True

        def on_epoch(self, training: Training) -> None:
            if event == "on_epoch" and training.epoch == 2:
                training.stop = True

    history = dr.Network([4, 3]).train(X, Y, X, Y, **QUIET, callbacks=[Stop()])
    assert len(history) == 2
    assert history.steps == 8
    assert not history.stopped_early


def test_a_function_is_called_after_each_epoch() -> None:
    """A plain function sees the training with the record of the epoch."""
    seen: list[float] = []
    history = dr.Network([4, 3]).train(
        X, Y, **QUIET, callbacks=lambda training: seen.append(training.history["train_loss"][-1])
    )
    assert seen == history["train_loss"]


def test_an_error_in_a_callback_goes_up() -> None:
    """What a callback raises reaches the caller; the end is told, and the best weights are back."""
    recorder = Recorder()

    def fail(training: Training) -> None:
        if training.epoch == 3:
            raise RuntimeError("enough")

    net = dr.Network([4, 8, 3])
    with pytest.raises(RuntimeError, match="enough"):
        net.train(X, Y, X, Y, **{**QUIET, "lr": 0.5}, callbacks=[recorder, fail])
    assert recorder.events[-1] == "end"
    assert net.history is not None
    best = net.history.best
    assert best is not None
    assert net.evaluate(X, Y)["loss"] == best["val_loss"]


# -- early stopping -------------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_patience(patience: int) -> None:
    """Training stops `patience` epochs after the last improvement, with the best weights."""
    net = dr.Network([4, 16, 3])
    history = net.train(
        X[:30], Y[:30], X[30:], Y[30:], **{**QUIET, "epochs": 200, "lr": 0.1}, patience=patience
    )
    assert history.stopped_early
    losses = history["val_loss"]
    waited, best = 0, math.inf
    for epoch, loss in enumerate(losses, 1):
        waited, best = (0, loss) if loss < best else (waited + 1, best)
        assert (waited >= patience) == (epoch == len(losses))
    assert history.best_epoch == losses.index(min(losses)) + 1
    assert net.evaluate(X[30:], Y[30:])["loss"] == min(losses)


def test_patience_on_the_training_loss() -> None:
    """Without validation rows a training value may be watched."""
    history = dr.Network([4, 3], initializer="zeros").train(
        X,
        Y,
        **{**QUIET, "epochs": 99, "lr": 1e-12},
        monitor="train_loss",
        patience=3,
        min_delta=0.1,
    )
    assert len(history) == 4


# -- the average ----------------------------------------------------------------------------------


@pytest.mark.parametrize("average", [0.5, 0.9, 0.999])
def test_the_average_by_hand(average: float) -> None:
    """θ̄ ← dθ̄ + (1 − d)θ from the initial weights on, d at most (1 + t)/(10 + t); statistics too."""
    recorder = Recorder()
    net = dr.Network([4, 6, 3], dtype="float64", normalization="batch")
    mean, statistics = net.chain.theta.copy(), net.chain.statistics.copy()
    history = net.train(X, Y, **QUIET, average=average, callbacks=[recorder])
    pairs = zip(recorder.thetas, recorder.statistics, strict=True)
    for t, (theta, running) in enumerate(pairs, 1):
        d = min(average, (1 + t) / (10 + t))
        mean = d * mean + (1 - d) * theta
        statistics = d * statistics + (1 - d) * running
    np.testing.assert_allclose(net.chain.theta, mean, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(net.chain.statistics, statistics, rtol=1e-12)
    digest = hashlib.sha256(recorder.thetas[-1].tobytes()).hexdigest()
    assert history.weights_sha256 == digest  # of the weights that were stepped


def test_averaging_does_not_steer() -> None:
    """The steps are those without averaging; validation is that of the average."""
    recorders = [Recorder(), Recorder()]
    nets = [dr.Network([4, 6, 3], dtype="float64") for _ in range(2)]
    histories = [
        net.train(X, Y, X, Y, **QUIET, average=average, callbacks=[recorder])
        for net, recorder, average in zip(nets, recorders, (0.0, 0.9), strict=True)
    ]
    np.testing.assert_array_equal(recorders[0].thetas[-1], recorders[1].thetas[-1])
    assert histories[0]["train_loss"] == histories[1]["train_loss"]
    assert histories[0]["val_loss"] != histories[1]["val_loss"]
    assert histories[1].best is not None
    assert nets[1].evaluate(X, Y)["loss"] == histories[1].best["val_loss"]


# -- the guard ------------------------------------------------------------------------------------


def diverged(net: dr.Network, *rows: Any, **options: Any) -> dr.Diverged:
    """The error of a training that leaves the finite numbers."""
    with pytest.raises(dr.Diverged) as caught:
        net.train(*rows, **{**QUIET, "on_divergence": "raise", **options})
    assert np.isfinite(net.chain.theta).all()
    assert np.isfinite(net.chain.statistics).all()
    sentence = str(caught.value)
    assert sentence.startswith("Training diverged: ")
    assert f"at step {caught.value.step} (epoch " in sentence
    assert "with learning rate " in sentence
    assert "Kept are the weights " in sentence
    assert "\n" not in sentence
    return caught.value


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "poisson"])
@pytest.mark.parametrize("options", [{}, {"normalization": "batch"}, {"optimizer": "sgd"}])
def test_a_huge_rate(loss: str, options: dict[str, Any]) -> None:
    """A rate far too high is named, with a lower one to try."""
    y = Y if loss == "cross_entropy" else abs(X[:, :3])
    error = diverged(dr.Network([4, 6, 3], loss=loss, **options), X, y, lr=1e30)
    assert "learning rate 1e+30" in str(error)
    assert "try 1e+29, or limit the gradient with clip_norm=1." in str(error)
    assert "the last finite loss was " in str(error)
    assert "from before this epoch" in str(error)


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "rmsprop", "sgd"])
def test_huge_inputs(optimizer: str) -> None:
    """Inputs far from one are named as the cause, also where a rule would stand still."""
    net = dr.Network([4, 6, 3], scaling="none", optimizer=optimizer)
    error = diverged(net, 1e30 * X, Y, epochs=50)
    assert 'scale it (scaling="feature")' in str(error)
    assert "e+30" in str(error)


def test_an_infinite_loss() -> None:
    """A loss that overflows at the first step is told as such, without a warning."""
    net = dr.Network([4, 1], loss="poisson", scaling="none")
    net.parameters["dense1.b"][...] = 1e4
    error = diverged(net, X, abs(X[:, 0]))
    assert error.step == 1
    assert "no step had a finite loss" in str(error)
    np.testing.assert_array_equal(net.parameters["dense1.b"], [1e4])


def test_clipping_is_not_advised_twice() -> None:
    """Where the gradient is clipped already, only the rate is left to lower."""
    net = dr.Network([4, 6, 3], loss="squared_error")
    error = diverged(net, X, X[:, :3], lr=1e38, clip_norm=1e30)
    assert "clip_norm" not in str(error)
    assert "try 1e+37." in str(error)


def test_a_runaway_loss() -> None:
    """A loss that is finite but ten thousand times the first one stops the training, too."""
    net = dr.Network([4, 6, 1], loss="squared_error", optimizer="sgd", dtype="float64")
    error = diverged(net, X, X[:, 0], lr=50.0, epochs=50)
    assert "the mean loss of the epoch was " in str(error) or "not finite" in str(error)


class Explode(dr.Callback):
    """Raises the rate beyond all measure after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, training: Training) -> None:
        if training.epoch == self.epoch:
            training.optimizer.lr = 1e30


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_best_weights_survive(average: float) -> None:
    """Where a training diverges late, the best weights of before are kept and the error says so."""
    net = dr.Network([4, 6, 3], normalization="batch")
    error = diverged(net, X, Y, X, Y, average=average, callbacks=[Explode(3)])
    assert net.history is not None
    assert len(net.history) == 3
    best = net.history.best
    assert best is not None
    assert f"of epoch {net.history.best_epoch}, the best" in str(error)
    assert net.evaluate(X, Y)["loss"] == best["val_loss"]
    assert error.step > 12


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("rows", [(), (X, Y)])
def test_the_weights_before_the_epoch(average: float, rows: tuple[Any, ...]) -> None:
    """Where nothing is monitored, or the best are not wanted, those from before the epoch stay."""
    net, same = dr.Network([4, 6, 3]), dr.Network([4, 6, 3])
    error = diverged(net, X, Y, *rows, average=average, callbacks=[Explode(3)], restore_best=False)
    same.train(X, Y, **{**QUIET, "epochs": 3}, average=average)
    assert "from before this epoch" in str(error)
    np.testing.assert_array_equal(net.chain.theta, same.chain.theta)


def test_infinite_statistics() -> None:
    """Running statistics that overflow are a divergence, although the loss stays finite."""
    net = dr.Network([4, 6, 3], normalization="batch", scaling="none")
    error = diverged(net, X * 1e25, Y)
    assert "not finite" in str(error)


def test_after_a_divergence_the_network_trains_on() -> None:
    """What was kept is good to go on with."""
    net = dr.Network([4, 6, 3])
    diverged(net, X, Y, lr=1e30)
    assert net.train(X, Y, **QUIET)["train_loss"][-1] < 1.2
