"""Several workers on devices: each takes a part of every batch, and one all-reduce adds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worker_threads import in_threads

import deltarule as dr
from deltarule.distributed.workers import Workers
from deltarule.learning.device_share import DeviceShare
from deltarule.learning.training import Training

pytest.importorskip("torch", reason="needs the optional package torch")

RNG = np.random.default_rng(1)
X = RNG.normal(size=(163, 6))
Y = RNG.integers(0, 3, 163)
WEIGHT = RNG.uniform(0.1, 2.0, 163)


def network(**changes: Any) -> dr.Network:
    """In float64, with all that parts of a batch could get wrong but batch normalization."""
    settings = {"dropout": 0.2, "normalization": "layer", "l2": 0.01, "weight_decay": 0.01}
    return dr.Network([6, 10, 8, 3], **settings | {"dtype": "float64"} | changes)


def trained(workers: Workers | None, net: dr.Network | None = None, **changes: Any) -> dr.Network:
    """A network after three epochs; the last batch of 131 rows in batches of 16 has three."""
    net = net or network()
    options: dict[str, Any] = {"epochs": 3, "batch_size": 16, "lr": 0.01, "clip_norm": 0.5}
    options |= {"average": 0.9, "progress": False, "device": "cpu"}
    given = {"sample_weight": WEIGHT[:131], "workers": workers} | options | changes
    net.train(X[:131], Y[:131], X[131:], Y[131:], **given)
    return net


def records(net: dr.Network) -> list[dict[str, Any]]:
    """What each epoch came to, without its time."""
    assert net.history
    return [{k: v for k, v in r.items() if k != "seconds"} for r in net.history.epochs]


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_one_step_whoever_takes_it(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """In float64 so many workers end where one process on the device ends, each of them."""
    plain = trained(None)
    for net in in_threads(monkeypatch, size, trained):
        assert net.history.engine == "torch"
        np.testing.assert_allclose(net.chain.theta, plain.chain.theta, rtol=1e-10, atol=1e-13)
        for one, other in zip(records(net), records(plain), strict=True):
            assert one == pytest.approx(other, rel=1e-10)


def test_batch_normalization_is_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees the rows of a part: as many parts as shards, and the reference's shards agree.

    With eight workers the last batch, of three rows, leaves five of them without a row.
    """
    net = network(normalization="batch", dropout=0.0)
    theta = net.chain.theta.copy()

    def on_device(workers: Workers) -> dr.Network:
        return trained(workers, network(normalization="batch", dropout=0.0))

    def in_shards(workers: Workers) -> dr.Network:
        return trained(workers, network(normalization="batch", dropout=0.0), device=None, shards=8)

    there = in_threads(monkeypatch, 8, on_device)
    here = in_threads(monkeypatch, 1, in_shards)[0]
    assert not np.array_equal(theta, here.chain.theta)
    for net in there:
        np.testing.assert_allclose(net.chain.theta, here.chain.theta, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(net.chain.statistics, here.chain.statistics, rtol=1e-9)


def test_stop_and_resume(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stopped within an epoch with two workers, it goes on with four, to the same end."""
    plain = trained(None)

    class Stop(dr.Callback):
        def on_step(self, training: Training) -> None:
            if training.t == 13:
                raise KeyboardInterrupt

    def stopped(workers: Workers) -> None:
        trained(
            workers,
            callbacks=[Stop()],
            checkpoints=tmp_path,
            checkpoint_every="5 steps",
        )

    in_threads(monkeypatch, 2, stopped)
    assert any(tmp_path.iterdir())
    for net in in_threads(monkeypatch, 4, lambda w: trained(w, resume=tmp_path)):
        np.testing.assert_allclose(net.chain.theta, plain.chain.theta, rtol=1e-10, atol=1e-13)
        for one, other in zip(records(net), records(plain), strict=True):
            assert one == pytest.approx(other, rel=1e-10)


def test_weights_that_part_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose sums are others' no more stops all, with one sentence, at the epoch's end."""
    reduce = DeviceShare.reduce

    def wrong(self: DeviceShare, value: Any, outgoing: Any) -> Any:
        total = reduce(self, value, outgoing)
        if self.workers.rank == 1:
            outgoing[0] += 1e-9
        return total

    monkeypatch.setattr(DeviceShare, "reduce", wrong)
    for error in in_threads(monkeypatch, 2, trained):
        assert isinstance(error, dr.NotAvailable)
        assert "no longer hold the same weights" in str(error)


def test_one_sum_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of several workers is one all-reduce, whose length is 1 + ∇ + statistics."""
    lengths: list[int] = []
    add_up = Workers.add_up

    def counted(self: Workers, tensor: Any) -> None:
        if self.leads:
            lengths.append(tensor.numel())
        add_up(self, tensor)

    monkeypatch.setattr(Workers, "add_up", counted)
    net = in_threads(monkeypatch, 2, trained)[0]
    steps, scores = 3 * 9, 3 * [131 * 3]
    assert sorted(lengths) == sorted(steps * [1 + len(net.chain.outgoing)] + scores)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "cuda:1"}, ('"cuda"', "each takes its own")),
        ({"sharded_optimizer": True}, ("sharded_optimizer", "leave it or device out")),
        ({"device": None, "sharded_optimizer": True, "on_divergence": "rollback"}, ("rollback",)),
    ],
)
def test_what_does_not_go_together(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    """What several workers cannot do on devices is said before anything begins."""
    for error in in_threads(monkeypatch, 2, lambda w: trained(w, **options)):
        assert isinstance(error, dr.InvalidInput)
        assert all(word in str(error) for word in words)
