"""Steps by the core: the same as the reference's, however they are cut, and never half a step.

With the stand-in, which is made of the reference, float64 agrees to the bit: what is tested is
everything between a training and the core.  With the compiled core it agrees to rounding.
"""

from __future__ import annotations

import signal
import threading
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning.training import Training

RNG = np.random.default_rng(0)
N = 90
X = RNG.normal(size=(N, 5))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
LABELS = np.array(["low", "middle", "high"])[Y]
SOFT = RNG.dirichlet(np.ones(3), N)
WEIGHT = RNG.uniform(0.1, 2.0, N)
WEIGHT[:20] = 0.0
READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "rich": {
        "dropout": 0.4,
        "l2": 0.01,
        "weight_decay": 0.1,
        "lr_decay": 0.01,
        "schedule": ["warmup", "cosine"],
        "train": {"average": 0.95, "clip_norm": 0.5, "sample_weight": WEIGHT},
    },
    "no activation": {"activation": None, "dropout": 0.2},
    "linear": {"sizes": [5, 3]},
    "labels": {"y": LABELS, "scaling": "feature"},
    "soft": {"y": SOFT, "loss": {"name": "cross_entropy", "label_smoothing": 0.1}},
    "several labels": {"y": SOFT > 0.3, "loss": "binary_cross_entropy"},
    "numbers": {"y": X[:, :3] ** 2, "loss": "huber", "optimizer": "nadam", "activation": "elu"},
    "counts": {"y": np.floor(abs(X[:, :3])), "loss": "poisson", "optimizer": "rmsprop"},
    "nesterov": {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}},
    "lion": {"optimizer": "lion", "train": {"lr": 0.001}},
    "bytes": {"X": RNG.integers(0, 256, (N, 5), dtype=np.uint8)},
    "whole numbers": {"X": RNG.integers(-9, 9, (N, 5)), "scaling": "feature"},
    "yes and no": {"X": X > 0},
    "short": {"X": X.astype(np.float16), "scaling": "feature"},
    "strided": {"X": np.hstack([X, X])[::-1, 8:3:-1]},
    "read-only": {"X": READ_ONLY},
    "one row": {"X": X[:2], "y": [0, 1], "train": {"batch_size": 1}},
    "one batch": {"train": {"batch_size": 10**9}},
}


def trained(case: str, dtype: str = "float64", **options: Any) -> dr.Network:
    """A network of a case, trained."""
    settings = dict(CASES[case])
    rows, y = settings.pop("X", X), settings.pop("y", Y)
    given = {"epochs": 3, "batch_size": 16, "lr": 0.01, "progress": False}
    given |= {**settings.pop("train", {}), **options}
    net = dr.Network(settings.pop("sizes", [5, 8, 6, 3]), dtype=dtype, seed=3, **settings)
    net.train(rows, y, rows[:20], y[:20], **given)
    return net


def records(net: dr.Network) -> list[dict[str, float]]:
    """The history without the time."""
    assert net.history
    return [{k: v for k, v in r.items() if k != "seconds"} for r in net.history.epochs]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("fake")
def test_the_same_training(case: str) -> None:
    """The core is told everything that the reference knows: equal bits in float64."""
    one, other = (trained(case, engine=engine) for engine in ("reference", "auto"))
    assert one.history
    assert other.history
    assert one.history.engine == "reference"
    assert one.history.engine_reasons[0] == 'It was asked for by engine="reference".'
    assert (other.history.engine, other.history.engine_reasons) == ("fast", ())
    np.testing.assert_allclose(other.chain.theta, one.chain.theta, rtol=1e-14, atol=1e-17)
    for mine, its in zip(records(other), records(one), strict=True):
        assert mine == pytest.approx(its, rel=1e-13)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("core")
def test_the_same_training_compiled(case: str) -> None:
    """The compiled core does the same work: equal to rounding in float64, close in float32."""
    for dtype, limit in (("float64", 1e-9), ("float32", 1e-2)):
        one, other = (trained(case, dtype, engine=engine) for engine in ("reference", "fast"))
        assert other.history
        assert other.history.engine == "fast"
        theta = one.chain.theta
        assert np.linalg.norm(other.chain.theta - theta) <= limit * np.linalg.norm(theta)
        for mine, its in zip(records(other), records(one), strict=True):
            assert mine["train_loss"] == pytest.approx(its["train_loss"], rel=limit)
            assert mine["val_loss"] == pytest.approx(its["val_loss"], rel=limit)


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_cuts_do_not_matter(most: int, fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many steps a call takes, weights and history have the same bits."""
    whole = trained("rich")
    monkeypatch.setattr(fake.Trainer, "most_steps", most)
    cut = trained("rich")
    assert cut.chain.theta.tobytes() == whole.chain.theta.tobytes()
    assert records(cut) == records(whole)
    assert max(fake.Trainer.made[-1].calls) == most
    assert sum(fake.Trainer.made[-1].calls) == 3 * 6


def test_as_many_steps_as_fill_the_time(fake: ModuleType) -> None:
    """The first calls are short, and grow while the time is not used up."""
    net = dr.Network([5, 3])
    net.train(np.repeat(X, 20, axis=0), np.repeat(Y, 20), batch_size=1, epochs=1, progress=False)
    (trainer,) = fake.Trainer.made
    assert trainer.calls == [64, 128, 256, 512, 840]


def test_what_the_core_is_given(fake: ModuleType) -> None:
    """Decay, penalty, clipping and scaling come as numbers; a huge batch is cut to the rows."""
    trained("rich", batch_size=10**9)
    words = fake.Trainer.made[0].words
    assert (words["weight_decay"], words["l2"], words["clip"]) == (0.1, 0.01, 0.5)
    assert words["average"] is True
    assert words["batch_size"] == N
    assert words["shift"].shape == words["factor"].shape == (5,)
    trained("plain")
    words = fake.Trainer.made[1].words
    assert (words["weight_decay"], words["l2"], words["clip"]) == (0.0, 0.0, 0.0)
    assert words["average"] is False


# -- what interrupts ------------------------------------------------------------------------------


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_an_interrupt_leaves_whole_weights(
    average: float, fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted between two calls, the network holds the weights from before the epoch."""
    before = trained("plain", epochs=2, average=average, restore_best=False).chain.theta
    real = fake.Trainer.advance

    def interrupted(self: Any, *given: Any) -> int:
        if sum(self.calls) == 15:  # in the third epoch
            raise KeyboardInterrupt
        return real(self, *given)

    monkeypatch.setattr(fake.Trainer, "advance", interrupted)
    monkeypatch.setattr(fake.Trainer, "most_steps", 3)
    net = dr.Network([5, 8, 6, 3], dtype="float64", seed=3)
    with pytest.raises(KeyboardInterrupt):
        net.train(
            X,
            Y,
            X[:20],
            Y[:20],
            epochs=5,
            batch_size=16,
            lr=0.01,
            average=average,
            restore_best=False,
            progress=False,
        )
    np.testing.assert_array_equal(net.chain.theta, before)
    assert net.history
    assert net.history.steps == 15
    assert len(net.history) == 2


def test_a_signal_is_heard(core: Any) -> None:
    """A real interrupt ends a long training within a moment, and the weights are whole."""
    rows = RNG.normal(size=(20_000, 50)).astype(np.float32)
    net = dr.Network([50, 400, 400, 2])
    before = net.chain.theta.copy()
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        net.train(rows, (rows[:, 0] > 0).astype(int), epochs=10_000, progress=False, engine="fast")
    timer.join()
    assert net.history is not None  # a slow machine may not have ended one epoch
    assert net.history.seconds < 15  # the machine may be busy; by itself it would take hours
    assert np.isfinite(net.chain.theta).all()
    if not len(net.history):
        np.testing.assert_array_equal(net.chain.theta, before)


@pytest.mark.usefixtures("fake")
def test_a_callback_that_fails(monkeypatch: pytest.MonkeyPatch, fake: ModuleType) -> None:
    """What a callback raises between two calls comes after the weights have been stored."""

    class Fails(dr.Callback):
        every_step = False

        def on_step(self, training: Training) -> None:
            if training.t == 4:
                raise RuntimeError("enough")

    monkeypatch.setattr(fake.Trainer, "most_steps", 2)
    net = dr.Network([5, 8, 6, 3], dtype="float64", seed=3)
    with pytest.raises(RuntimeError, match="enough"):
        net.train(X, Y, batch_size=16, lr=0.01, progress=False, callbacks=[Fails()])
    np.testing.assert_array_equal(net.chain.theta, fake.Trainer.made[0].theta)


def test_divergence_names_the_step(fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first loss of a call that is not finite is the step that is told."""
    real = fake.Trainer.advance

    def spoilt(self: Any, *given: Any) -> int:
        done = real(self, *given)
        first = given[8]
        if first <= 9 < first + done:
            given[10][9 - first :] = np.nan
        return done

    monkeypatch.setattr(fake.Trainer, "advance", spoilt)
    net = dr.Network([5, 8, 6, 3], dtype="float64", seed=3)
    with pytest.raises(dr.Diverged, match="at step 9") as caught:
        net.train(X, Y, batch_size=16, lr=0.01, progress=False, on_divergence="raise")
    assert caught.value.step == 9
    assert net.history
    assert net.history.steps == 9
    assert "the last finite loss was" in str(caught.value)
    assert np.isfinite(net.chain.theta).all()


# -- who is told ----------------------------------------------------------------------------------


def test_now_and_then(fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A callback that need not hear every step is called after every call of the core."""
    seen: list[int] = []

    class Watcher(dr.Callback):
        every_step = False

        def on_step(self, training: Training) -> None:
            seen.append(training.t)

    monkeypatch.setattr(fake.Trainer, "most_steps", 4)
    net = trained("plain", callbacks=[Watcher()], epochs=2)
    assert net.history
    assert net.history.engine == "fast"
    assert seen == [4, 6, 10, 12]


@pytest.mark.usefixtures("fake")
def test_callbacks_between_epochs_see_and_change() -> None:
    """After an epoch the weights are there, and what is changed then is what goes on."""
    seen: list[np.ndarray] = []

    def change(training: Training) -> None:
        seen.append(training.chain.theta.copy())
        training.chain.theta *= 0.5
        training.optimizer.lr *= 0.1

    one = trained("plain", callbacks=[change], engine="reference")
    other = trained("plain", callbacks=[change])
    np.testing.assert_array_equal(seen[:3], seen[3:])
    np.testing.assert_array_equal(one.chain.theta, other.chain.theta)
