"""The reference's code on tensors against the same code on NumPy's arrays.

On a CPU the laws are held here; on a CUDA GPU where there is one.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_cases import BATCH, OPTIONS, Course, N, apart

import deltarule as dr
from deltarule.ground.errors import names_in
from deltarule.mathematics import activations, losses, optimizers

torch = pytest.importorskip("torch", reason="needs the optional package torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

ACTIVATIONS, LOSSES, RULES = (names_in(table) for table in (activations, losses, optimizers))
SMOOTHED = {"name": "cross_entropy", "label_smoothing": 0.1}
SEVERAL = {"name": "quantile", "level": [0.1, 0.5, 0.9]}
LONG = os.environ.get("DELTARULE_LONG") == "1"
FLOAT64 = 1e-12
FLOAT32 = 1e-4  # after 50 steps; of one step 1e-6

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA GPU here")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_step(activation: str, loss: str) -> None:
    """From equal states, each rule's step in float64 on tensors is the reference's to 1e-12.

    The short form takes every second of all triples, among which every pair of two is.
    """
    for i, rule in enumerate(RULES):
        if not LONG and (i + ACTIVATIONS.index(activation) + LOSSES.index(loss)) % 2:
            continue
        given = {"activation": activation, "loss": loss, "optimizer": rule, "dropout": 0.2}
        ours, theirs = Course(None, **given).run(3), Course("cpu", **given)
        for _ in range(2):
            theirs.become(ours)
            ours.step()
            theirs.step()
            assert apart(theirs, ours) <= FLOAT64, rule


@pytest.mark.parametrize("loss", LOSSES)
def test_fifty_steps(loss: str) -> None:
    """50 steps with each loss, activation and rule end where the reference ends.

    The short form takes every third of all triples, among which every pair of two is.
    """
    for i, (activation, rule) in enumerate(itertools.product(ACTIVATIONS, RULES)):
        if not LONG and (i + LOSSES.index(loss)) % 3:
            continue
        given = {"activation": activation, "loss": loss, "optimizer": rule}
        ours, theirs = Course(None, **given).run(), Course("cpu", **given).run()
        assert apart(theirs, ours) <= FLOAT64, (activation, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("option", OPTIONS)
def test_every_option(option: str, rule: str) -> None:
    """50 steps with each rule and all that a training can be told end where the reference ends."""
    given = {**OPTIONS[option], "optimizer": rule}
    assert apart(Course("cpu", **given).run(), Course(None, **given).run()) <= FLOAT64


@pytest.mark.parametrize("rule", [r for r in RULES if r != "lion"])  # a sign knows no tolerance
@pytest.mark.parametrize("option", OPTIONS)
def test_float32(option: str, rule: str) -> None:
    """The same in float32 to 1e-4, after 50 steps."""
    given = {**OPTIONS[option], "optimizer": rule, "dtype": "float32"}
    assert apart(Course("cpu", **given).run(), Course(None, **given).run()) <= FLOAT32


def test_losses_with_options() -> None:
    """Smoothed labels, Huber's δ and several quantile levels are the same on tensors."""
    for loss in (
        {"name": "cross_entropy", "label_smoothing": 0.1},
        {"name": "huber", "delta": 0.3},
        SEVERAL,
    ):
        ours, theirs = (Course(device, loss=loss).run() for device in (None, "cpu"))
        assert apart(theirs, ours) <= FLOAT64


class Waits(Exception):
    """An operation for which the host would wait for a device."""


LOOKS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "lift_fresh", "masked_select")


class Watch(TorchDispatchMode):
    """While it is on, operations that look at numbers, or bring some from the host, are errors."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.seen = device, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += 1
        name = func.overloadpacket.__name__
        if name in LOOKS:
            raise Waits(name)
        found = func(*args, **(kwargs or {}))
        for part in tree_leaves((args, kwargs, found)):
            if isinstance(part, torch.Tensor) and part.device.type != self.device:
                raise Waits(f"{name} with a tensor on {part.device}")
        return found


FIVE = [
    {"optimizer": "adam", "activation": "gelu"},
    {"optimizer": "nadam", "activation": "mish"},
    {"optimizer": "sgd", "activation": "selu"},
    {"optimizer": "lion", "activation": "relu"},
    {"optimizer": "rmsprop", "activation": "elu"},
]


ASKED = [*LOSSES, SEVERAL, SMOOTHED]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("loss", ASKED, ids=str)
@pytest.mark.parametrize("option", OPTIONS)
def test_no_step_waits_for_a_number(option: str, loss: Any, device: str) -> None:
    """A step looks at no number, brings none from the host, and leaves its device at no operation.

    On "meta", where tensors hold no numbers and are not the host's, it can depend on none.  The
    short form takes two of five sets of parts, with every loss and with every option each of them.
    """
    first = list(OPTIONS).index(option) + ASKED.index(loss) + 2 * (device == "meta")
    for parts in FIVE if LONG else (FIVE[first % 5], FIVE[(first + 1) % 5]):
        steps = Course(device, **{**OPTIONS[option], "loss": loss, **parts}).steps
        steps._begin(np.arange(N), 1)
        steps._step(BATCH)  # what is made once is made
        with Watch(device) as watch:
            steps._step(BATCH)
            steps._step(BATCH // 2)
        assert watch.seen > 60


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_activation_waits(activation: str) -> None:
    """The same of every activation, in both precisions."""
    for precision in ("full", "bf16"):
        given = {"activation": activation, "precision": precision, "dtype": "float32"}
        steps = Course("meta", **given).steps
        with Watch("meta"):
            steps._step(BATCH)


def test_the_watch_sees() -> None:
    """The operations that it is there for are noticed."""
    x, blank = torch.ones(3), torch.empty(3, device="meta")
    for look in (
        lambda: float(x.sum()),
        lambda: x.nonzero(),
        lambda: bool(x[0] > 0),
        lambda: torch.tensor([1.0]),
        lambda: blank[torch.ones(1, dtype=torch.int64)],
    ):
        with pytest.raises(Waits), Watch("meta" if "blank" in look.__code__.co_freevars else "cpu"):
            look()


def digits(**options: Any) -> tuple[dr.Network, dr.History]:
    """A training on the embedded digits."""
    data = dr.load_data("digits")
    X, y = data.X, data.y
    net = dr.Network(
        [64, 48, 32, 10], seed=options.pop("seed", 0), scaling="feature", weight_decay=0.1
    )
    given = {"epochs": 12, "batch_size": 32, "lr": 0.003, "progress": False, **options}
    return net, net.train(X[:1400], y[:1400], X[1400:], y[1400:], **given)


def test_bf16_is_within_the_noise_of_seeds() -> None:
    """Products of bfloat16 factors change the final accuracy by less than another seed does."""
    found = {
        precision: np.array(
            [
                digits(seed=seed, device="cpu", precision=precision)[1].best["val_accuracy"]
                for seed in range(4)
            ]
        )
        for precision in ("full", "bf16")
    }
    spread = found["full"].std(ddof=1)
    assert abs(found["bf16"].mean() - found["full"].mean()) <= max(2 * spread, 0.005)
    assert found["bf16"].min() > 0.85


def test_bf16_rounds() -> None:
    """Its steps are near those of full precision, and not the same; θ stays float32."""
    full, short = (Course("cpu", "float32", precision=p).run(5) for p in ("full", "bf16"))
    assert 1e-6 < apart(short, full) < 0.05
    assert short.chain.theta.dtype == np.float32
    assert short.steps._chain.theta.dtype == torch.float32


def test_the_door() -> None:
    """Network.train(device="cpu") is the reference's training, validation too, and says so."""
    net, history = digits(device="cpu", epochs=4)
    other, expected = digits(engine="reference", epochs=4)
    assert (history.engine, history.device) == ("torch", "cpu")
    assert history.engine_reasons == ('It was asked for by device="cpu".',)
    assert np.linalg.norm(net.chain.theta - other.chain.theta) <= 1e-4 * np.linalg.norm(
        other.chain.theta
    )
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-4)
    assert history.best_epoch == expected.best_epoch
    assert history["val_accuracy"] == expected["val_accuracy"]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=cuda)])
def test_going_on(device: str, tmp_path: Path) -> None:
    """A training that was stopped between epochs goes on to the same bits."""
    whole, _ = digits(device=device, epochs=6)

    def stop(training: Any) -> None:
        if training.epoch == 3:
            raise KeyboardInterrupt

    given = {"device": device, "epochs": 6}
    with pytest.raises(KeyboardInterrupt):
        digits(**given, checkpoints=tmp_path, checkpoint_every="1 epoch", callbacks=[stop])
    again, history = digits(**given, resume=tmp_path)
    assert len(history) == 6
    np.testing.assert_array_equal(again.chain.theta, whole.chain.theta)


# -- on a CUDA GPU ---------------------------------------------------------------------------


@cuda
@pytest.mark.parametrize("rule", [r for r in RULES if r != "lion"])
@pytest.mark.parametrize("option", OPTIONS)
def test_float32_on_cuda(option: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TF32, 50 steps in float32 on a GPU end where the reference ends, to 1e-4."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    given = {**OPTIONS[option], "optimizer": rule, "dtype": "float32"}
    assert apart(Course("cuda", **given).run(), Course(None, **given).run()) <= FLOAT32


@cuda
@pytest.mark.parametrize("rule", RULES)
def test_float64_on_cuda(rule: str) -> None:
    """In float64, to 1e-10."""
    given = {**OPTIONS["everything"], "optimizer": rule}
    assert apart(Course("cuda", **given).run(), Course(None, **given).run()) <= 1e-10


@cuda
@pytest.mark.parametrize("option", OPTIONS)
def test_a_replayed_step_is_a_launched_one(option: str) -> None:
    """From a graph the same bits come as operation by operation, and a graph it was."""
    given = {**OPTIONS[option], "dtype": "float32"}
    recorded, launched = Course("cuda", **given), Course("cuda", **given)
    launched.steps._records = False
    recorded.run()
    launched.run()
    assert recorded.steps._graph is not None
    assert recorded.steps.notes == ()
    for mine, its in zip(recorded.arrays(), launched.arrays(), strict=True):
        np.testing.assert_array_equal(mine, its)


@cuda
@pytest.mark.parametrize("option", OPTIONS)
def test_no_step_on_cuda_waits(option: str) -> None:
    """PyTorch's own watch over waiting finds none within an epoch, recorded or not."""
    course = Course("cuda", **OPTIONS[option])
    course.run(10)
    for n in (5, 8, 8):
        torch.cuda.set_sync_debug_mode("error")
        try:
            course.steps._take(n)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        course.steps._at.fill_(0)


@cuda
def test_the_door_on_cuda() -> None:
    """Network.train(device="cuda") names the GPU and reaches the reference's accuracy."""
    _, history = digits(device="cuda")
    _, expected = digits(engine="reference")
    assert history.engine == "torch"
    assert torch.cuda.get_device_name(0) in history.device
    assert abs(history.best["val_accuracy"] - expected.best["val_accuracy"]) <= 0.02
