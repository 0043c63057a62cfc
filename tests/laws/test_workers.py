"""Several workers train the network that one would, to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worker_threads import in_threads

import deltarule as dr
from deltarule.distributed.workers import Workers, agreed
from deltarule.learning import sharded
from deltarule.learning.training import Training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(203, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 203)
WEIGHT = RNG.uniform(0.1, 2.0, 203)
EVERYTHING: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 16,
    "lr": 0.01,
    "clip_norm": 0.5,
    "average": 0.9,
    "progress": False,
}


def network(**changes: Any) -> dr.Network:
    """A small network with everything that shards could get wrong."""
    settings = {"dropout": 0.2, "normalization": "batch", "l2": 0.01, "weight_decay": 0.01}
    return dr.Network([6, 10, 8, 3], **settings | changes)


def trained(workers: Workers | None, **changes: Any) -> dict[str, Any]:
    """What a training leaves: weights, statistics, records without their times."""
    net = network(**changes.pop("network", {}))
    options = EVERYTHING | changes
    history = net.train(
        X[:160], Y[:160], X[160:], Y[160:], sample_weight=WEIGHT[:160], workers=workers, **options
    )
    records = [{k: v for k, v in r.items() if k != "seconds"} for r in history.epochs]
    return {
        "theta": net.chain.theta.copy(),
        "statistics": net.chain.statistics.copy(),
        "records": records,
        "last": history.weights_sha256,
        "history": history,
    }


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two trainings ended in the same bits, with the same records."""
    return (
        a["theta"].tobytes() == b["theta"].tobytes()
        and a["statistics"].tobytes() == b["statistics"].tobytes()
        and a["records"] == b["records"]
        and a["last"] == b["last"]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalization", ["batch", None])
def test_bits_do_not_depend_on_the_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, dtype: str, normalization: str | None
) -> None:
    """1, 2, 4 and 8 workers end in the same bits, each of them, with 8 shards to a batch."""
    changed = {"dtype": dtype, "normalization": normalization}
    found = [
        result
        for size in (1, 2, 4, 8)
        for result in in_threads(
            monkeypatch, size, lambda workers: trained(workers, shards=8, network=changed)
        )
    ]
    assert len(found) == 15
    assert all(same(found[0], other) for other in found[1:])
    assert found[0]["history"].engine == "workers"


@pytest.mark.parametrize("optimizer", sorted(set(dr.optimizers.__all__)))
def test_workers_take_the_step_of_one_process(
    monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    """In float64 a sharded training is the plain one to rounding, for every rule."""
    changed = {"dtype": "float64", "normalization": None, "optimizer": optimizer}
    options = {"engine": "reference", "network": changed, "lr": 1e-3}
    plain = trained(None, **options)
    options.pop("engine")
    one, two = in_threads(monkeypatch, 2, lambda workers: trained(workers, **options))
    assert same(one, two)
    np.testing.assert_allclose(one["theta"], plain["theta"], rtol=1e-9, atol=1e-12)
    for a, b in zip(one["records"], plain["records"], strict=True):
        assert a == pytest.approx(b, rel=1e-9)


def test_a_sharded_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of the optimizer's memory give the same steps to rounding, and a part of its size."""
    changed = {"dtype": "float64", "normalization": "batch"}
    whole = in_threads(monkeypatch, 1, lambda workers: trained(workers, network=changed))[0]
    sizes: dict[int, int] = {}

    def sliced(workers: Workers) -> dict[str, Any]:
        class Watch(dr.Callback):
            every_step = False

            def on_step(self, training: Training) -> None:
                sizes[workers.rank] = training.optimizer.state.shape[1]

        return trained(
            workers, network=changed, sharded_optimizer=True, callbacks=[Watch()], clip_norm=0.5
        )

    for size in (1, 2, 4):
        found = in_threads(monkeypatch, size, sliced)
        assert all(same(found[0], other) for other in found)
        np.testing.assert_allclose(found[0]["theta"], whole["theta"], rtol=1e-7, atol=1e-10)
        n = len(whole["theta"])
        assert max(sizes.values()) == -(-n // size)
        assert sum(sizes.values()) == n
        sizes.clear()


def test_stop_and_resume_with_another_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Stopped in the middle of an epoch with two workers, it goes on with four, or one."""

    class Stop(dr.Callback):
        def on_step(self, training: Training) -> None:
            if training.t == 14:
                raise KeyboardInterrupt

    whole = in_threads(monkeypatch, 2, trained)[0]
    where: dict[str, Any] = {"checkpoints": tmp_path / "c", "checkpoint_every": "7 steps"}
    stopped = in_threads(
        monkeypatch, 2, lambda workers: trained(workers, callbacks=[Stop()], **where)
    )
    assert all(isinstance(result, KeyboardInterrupt) for result in stopped)
    for size in (1, 4):
        copy = tmp_path / f"of-{size}"
        copy.mkdir()
        for file in (tmp_path / "c").iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        found = in_threads(
            monkeypatch, size, lambda workers, copy=copy: trained(workers, resume=copy)
        )
        assert all(same(whole, result) for result in found)


def test_a_sharded_optimizer_resumes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its slices are gathered for a checkpoint and handed out again."""

    class Stop(dr.Callback):
        every_step = False

        def on_epoch(self, training: Training) -> None:
            if training.epoch == 2:
                raise KeyboardInterrupt

    options: dict[str, Any] = {"sharded_optimizer": True}
    where = {"checkpoints": tmp_path / "c", "checkpoint_every": "1 epoch"}
    whole = in_threads(monkeypatch, 2, lambda workers: trained(workers, **options))[0]
    # The checkpointer, which a training gets last, has not seen epoch 2 when it stops.
    in_threads(
        monkeypatch, 2, lambda workers: trained(workers, callbacks=[Stop()], **options, **where)
    )
    found = in_threads(
        monkeypatch, 2, lambda workers: trained(workers, resume=tmp_path / "c", **options)
    )
    assert all(same(whole, result) for result in found)


def test_unequal_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do not see the same rows stop before the first step, all of them."""

    def work(workers: Workers) -> Any:
        mine = X.copy()
        mine[3, 1] += workers.rank
        return network().train(mine, Y, epochs=1, progress=False, workers=workers)

    found = in_threads(monkeypatch, 2, work)
    for error in found:
        assert isinstance(error, dr.InvalidInput)
        assert "2 workers do not do the same; different are: training rows." in str(error)


def test_weights_that_part_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bit that flips in one worker's weights ends all of them, with one sentence."""
    monkeypatch.setattr(sharded, "STEPS_BETWEEN_CHECKS", 4)

    def work(workers: Workers) -> Any:
        class Flip(dr.Callback):
            def on_step(self, training: Training) -> None:
                if workers.rank == 1 and training.t == 5:
                    training.chain.theta.view(np.uint32)[7] ^= 1

        return trained(workers, callbacks=[Flip()])

    for error in in_threads(monkeypatch, 2, work):
        assert isinstance(error, dr.NotAvailable)
        assert "After step 8 the workers no longer hold the same weights" in str(error)


def test_a_worker_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others say so; their weights hold whole steps."""

    def work(workers: Workers) -> Any:
        class Go(dr.Callback):
            def on_step(self, training: Training) -> None:
                if workers.rank == 1 and training.t == 5:
                    raise MemoryError

        return trained(workers, callbacks=[Go()])

    first, second = in_threads(monkeypatch, 2, work)
    assert isinstance(second, MemoryError)
    assert isinstance(first, dr.NotAvailable)
    assert "Worker 0 of 2 has lost another" in str(first)


def test_one_fails_all_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one worker cannot begin, none begins, and the leading one says whose error it was."""

    def work(workers: Workers) -> Any:
        def make() -> int:
            if workers.rank == 1:
                raise dr.InvalidInput("There is no such file.")
            return 1

        return agreed(workers, make)

    first, second = in_threads(monkeypatch, 2, work)
    assert str(second) == "There is no such file."
    assert str(first) == "Worker 1 of 2 cannot begin: There is no such file."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shards": 2}, "4 workers cannot share 2 shards alike"),
        ({"shards": 6}, "shards must be a power of two, such as 4 or 8, not 6"),
        ({"batch_size": 3}, "A batch of 3 rows is too small for 4 workers"),
        ({"engine": "fast"}, 'engine="fast" is for one process alone'),
    ],
)
def test_what_cannot_be_shared(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], told: str
) -> None:
    """Shards, batches and engines that do not fit the workers are refused, each in a sentence."""
    for error in in_threads(monkeypatch, 4, lambda workers: trained(workers, **changes)):
        assert isinstance(error, dr.InvalidInput)
        assert told in str(error)
