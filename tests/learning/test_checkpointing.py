"""When a checkpoint is due, what it is of, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning.checkpointing import SCHEMA, Every, every, load_snapshot
from deltarule.learning.plan import POLICIES
from deltarule.storage.container import read_tensors, write_tensors
from deltarule.storage.generations import Generations

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(80, 4)), RNG.integers(2, size=80)


def train(folder: Path | None, **options: Any) -> dr.Network:
    """5 epochs of 8 steps."""
    net = dr.Network([4, 6, 2], seed=1)
    net.train(X, Y, epochs=5, batch_size=10, progress=False, checkpoints=folder, **options)
    return net


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (10, Every(10.0, "seconds")),
        (0.5, Every(0.5, "seconds")),
        ("10 s", Every(10.0, "seconds")),
        ("500 steps", Every(500.0, "steps")),
        ("1 step", Every(1.0, "steps")),
        (" 2 epochs ", Every(2.0, "epochs")),
    ],
)
def test_every(given: Any, expected: Every) -> None:
    """Seconds by default, else with the unit."""
    assert every(given) == expected


@pytest.mark.parametrize("given", ["", "often", "-1 s", -1, True, None, "3 hours", [1]])
def test_every_refuses(given: Any) -> None:
    """Anything else is one sentence with examples."""
    with pytest.raises(dr.InvalidInput, match='"500 steps" or "2 epochs"'):
        every(given)


@pytest.mark.parametrize(
    ("often", "steps"), [("1 step", [40, 39]), ("2 epochs", [40, 32]), ("1 epoch", [40, 32])]
)
def test_when(tmp_path: Path, often: str, steps: list[int]) -> None:
    """By steps, by epochs, and always at the end; the two newest are there."""
    train(tmp_path, checkpoint_every=often, engine="reference")
    assert Generations(tmp_path).numbers() == steps


def test_default_is_rare(tmp_path: Path) -> None:
    """A training that takes no time is written once, at its end."""
    train(tmp_path)
    assert Generations(tmp_path).numbers() == [40]


def test_nothing_changes(tmp_path: Path) -> None:
    """Writing checkpoints changes no bit of the training."""
    with_them, without = train(tmp_path, checkpoint_every="1 step"), train(None)
    assert np.array_equal(with_them.chain.theta, without.chain.theta)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lr": 0.5}, "lr was 0.001 and is 0.5"),
        ({"epochs": 6}, "epochs was 5 and is 6"),
        ({"batch_size": 20}, "batch_size was 10 and is 20"),
        ({"average": 0.9}, "average was 0.0 and is 0.9"),
        ({"on_divergence": "rollback"}, 'on_divergence was "stop" and is "rollback"'),
        ({"engine": "reference"}, 'engine was "fast" and is "reference"'),
    ],
)
def test_another_training_is_refused(
    tmp_path: Path, change: dict[str, Any], told: str, core: Any
) -> None:
    """A changed setting is named, with what it was and is."""
    train(tmp_path)
    net = dr.Network([4, 6, 2], seed=1)
    given = {"epochs": 5, "batch_size": 10, "progress": False, "resume": tmp_path, **change}
    with pytest.raises(dr.InvalidInput, match=told):
        net.train(X, Y, **given)
    assert net.history is None


def test_another_device_is_another_training(tmp_path: Path) -> None:
    """A GPU's checkpoint is for any GPU of its kind, none for NumPy; without a device there is no
    word for one, as in checkpoints from before there were any.
    """
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    assert torch
    said = []

    def ask(training: Any) -> None:
        for device in (None, "cpu", "cuda", "cuda:1"):
            training.plan = dataclasses.replace(training.plan, device=device)
            said.append(training.identity())

    net = dr.Network([4, 6, 2], seed=1)
    net.train(X, Y, epochs=1, batch_size=10, progress=False, callbacks=ask)
    assert "device" not in said[0]
    assert [found.get("device") for found in said[1:]] == ['"cpu"', '"cuda"', '"cuda"']
    train(tmp_path, device="cpu")
    given: dict[str, Any] = {"epochs": 5, "batch_size": 10, "progress": False, "resume": tmp_path}
    with pytest.raises(dr.InvalidInput, match='engine was "torch" and is "reference"'):
        dr.Network([4, 6, 2], seed=1).train(X, Y, engine="reference", **given)


def test_a_checkpoint_of_before_there_were_policies(tmp_path: Path) -> None:
    """One of the first schema says of none, and goes on under any, to the same bits."""
    whole = train(tmp_path, checkpoint_every="1 step", engine="reference")
    where = Generations(tmp_path)
    where.path(40).unlink()
    tensors, description = read_tensors(where.path(39))
    del description["identity"]["on_divergence"]
    del description["facts"]["rollbacks"], description["facts"]["taken_back"]
    write_tensors(where.path(39), tensors, description | {"checkpoint": 1})
    for policy in POLICIES:
        net = dr.Network([4, 6, 2], seed=1)
        given = {"engine": "reference", "resume": tmp_path, "on_divergence": policy}
        history = net.train(X, Y, epochs=5, batch_size=10, progress=False, **given)
        where.path(40).unlink()
        assert history.steps == 40
        assert np.array_equal(net.chain.theta, whole.chain.theta)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """What a newer version may have meant is not guessed."""
    train(tmp_path)
    path = Generations(tmp_path).path(40)
    tensors, description = read_tensors(path)
    write_tensors(path, tensors, description | {"checkpoint": SCHEMA + 1})
    with pytest.raises(dr.FileRefused, match="of a newer version; upgrade deltarule"):
        load_snapshot(Generations(tmp_path), {})


def test_other_rows_are_refused(tmp_path: Path) -> None:
    """One changed number in the rows is another data set; forced, it goes on."""
    train(tmp_path)
    other = X.copy()
    other[3, 2] += 1e-9
    given: dict[str, Any] = {"epochs": 5, "batch_size": 10, "progress": False, "resume": tmp_path}
    with pytest.raises(dr.InvalidInput, match="training rows was 80 rows, sha256"):
        dr.Network([4, 6, 2], seed=1).train(other, Y, **given)
    dr.Network([4, 6, 2], seed=1).train(other, Y, **given, force_resume=True)


def test_forced_but_impossible(tmp_path: Path) -> None:
    """What does not fit cannot be forced."""
    train(tmp_path)
    given: dict[str, Any] = {"epochs": 5, "batch_size": 10, "progress": False, "resume": tmp_path}
    with pytest.raises(dr.InvalidInput, match="forcing it cannot help"):
        dr.Network([4, 7, 2], seed=1).train(X, Y, **given, force_resume=True)


def test_a_model_is_no_checkpoint(tmp_path: Path) -> None:
    """A model file under a checkpoint's name is refused."""
    train(None).save(tmp_path / "checkpoint-000000000001.safetensors")
    with pytest.raises(dr.FileRefused, match="model files, not checkpoints"):
        load_snapshot(Generations(tmp_path), {})


def test_no_checkpoint_is_the_beginning(tmp_path: Path) -> None:
    """resume= of a folder without any begins at step 0."""
    fresh = dr.Network([4, 6, 2], seed=1)
    fresh.train(X, Y, epochs=5, batch_size=10, progress=False, resume=tmp_path / "new")
    assert np.array_equal(fresh.chain.theta, train(None).chain.theta)


def test_a_damaged_newest_is_told_of(tmp_path: Path) -> None:
    """Where an older checkpoint had to do, the history says so, and the bits are the same."""
    whole = train(tmp_path, checkpoint_every="1 step", engine="reference")
    where = Generations(tmp_path)
    newest = where.path(where.numbers()[0])
    newest.write_bytes(newest.read_bytes()[:-1])
    net = dr.Network([4, 6, 2], seed=1)
    history = net.train(
        X, Y, epochs=5, batch_size=10, progress=False, engine="reference", resume=tmp_path
    )
    assert len(history.notes) == 1
    assert "is damaged" in history.notes[0]
    assert np.array_equal(net.chain.theta, whole.chain.theta)
