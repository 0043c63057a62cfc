"""While a run trains its folder vanishes, moves, or takes no more: one sentence, and nothing is
written elsewhere; what can be kept is kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_that_end import in_child, outcome, recipe

import deltarule as dr
from deltarule.runs.running import resume_run, train_run
from deltarule.storage import atomic

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="folders as POSIX has them"),
    pytest.mark.usefixtures("plain_pages"),
]

GIVEN = {"epochs": 8, "checkpoint_every": "1 epoch", "hidden_layer_sizes": [6], "patience": None}


class At(dr.Callback):
    """Does something to the folder of a run after an epoch."""

    def __init__(self, run: Path, what: Callable[[Path], object], epoch: int = 3) -> None:
        self.run, self.what, self.epoch = run, what, epoch

    def on_epoch(self, training: Any) -> None:
        if training.epoch == self.epoch:
            self.what(self.run)


def replace_by_file(run: Path) -> None:
    """A file stands where the checkpoints were."""
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").write_text("mine")


def replace_by_folder(path: Path) -> None:
    """A folder stands where a file was."""
    path.unlink()
    path.mkdir()


ENDS: dict[str, Callable[[Path], object]] = {
    "the run is removed": shutil.rmtree,
    "the run is renamed": lambda run: run.rename(run.with_name("moved")),
    "the run becomes a file": lambda run: (shutil.rmtree(run), run.write_text("mine")),
    "the run becomes a link to nowhere": lambda run: (
        shutil.rmtree(run),
        run.symlink_to(run.with_name("nowhere")),
    ),
    "the checkpoints become a file": replace_by_file,
    "the records become a folder": lambda run: replace_by_folder(run / "metrics.jsonl"),
}
GOES_ON: dict[str, Callable[[Path], object]] = {
    "the checkpoints are removed": lambda run: shutil.rmtree(run / "checkpoints"),
    "the checkpoints are renamed": lambda run: (run / "checkpoints").rename(run / "old"),
    "the checkpoints are emptied": lambda run: [
        path.unlink() for path in (run / "checkpoints").iterdir()
    ],
    "the lock is removed": lambda run: (run / ".lock").unlink(),
}


def everything(folder: Path) -> set[str]:
    """All that is in a folder and under it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def whole(tmp_path: Path) -> Any:
    """What the run comes to undisturbed."""
    train_run(recipe(**GIVEN), tmp_path / "whole", progress=False)
    found = outcome(tmp_path / "whole")
    shutil.rmtree(tmp_path / "whole")
    return found


@pytest.mark.parametrize("name", ENDS)
def test_one_sentence(name: str, tmp_path: Path) -> None:
    """A run that has lost its place ends in a sentence, and makes no other place for itself."""
    run, after = tmp_path / "run", []

    def what(run: Path) -> None:
        ENDS[name](run)
        after.append(everything(tmp_path))

    with pytest.raises(dr.NotAvailable, match="cannot be") as caught:
        train_run(recipe(**GIVEN), run, callbacks=[At(run, what)], progress=False)
    assert "\n" not in str(caught.value)
    new = everything(tmp_path) - after[0]
    assert all(path.startswith("run/") and "run/recipe.toml" in after[0] for path in new)
    if (tmp_path / "moved").exists():  # it can go on where it is now
        resume_run(tmp_path / "moved", progress=False)
        assert (tmp_path / "moved" / "result.json").exists()
    elif (run / "recipe.toml").exists():
        assert "The best weights so far are in" in str(caught.value)
        assert dr.load(run / "best.safetensors").n_parameters > 0


@pytest.mark.parametrize("name", GOES_ON)
def test_what_can_be_made_anew_is(name: str, tmp_path: Path, whole: Any) -> None:
    """A run whose checkpoints have vanished writes the next ones, and ends as it would have."""
    run = tmp_path / "run"
    train_run(recipe(**GIVEN), run, callbacks=[At(run, GOES_ON[name])], progress=False)
    assert outcome(run) == whole


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("place", ["checkpoints", "run"])
def test_takes_no_more(
    error: int, place: str, tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From some epoch on nothing can be written there: a sentence with the reason; later, when it
    can again, the run goes on to the same bits.
    """
    run, real = tmp_path / "run", open

    def refuse(path: Any, *args: Any, **options: Any) -> Any:
        there = run / place if place == "checkpoints" else run
        if str(path).startswith(str(there)) and args[:1] not in ((), ("r",), ("rb",)):
            raise OSError(error, os.strerror(error), str(path))
        return real(path, *args, **options)

    with monkeypatch.context() as patch:

        def what(_: Path) -> None:
            patch.setattr(atomic, "open", refuse, raising=False)
            patch.setattr("deltarule.runs.folders.open", refuse, raising=False)

        with pytest.raises(dr.NotAvailable, match=os.strerror(error)) as caught:
            train_run(recipe(**GIVEN), run, callbacks=[At(run, what)], progress=False)
    assert "\n" not in str(caught.value)
    assert ("The best weights so far are in" in str(caught.value)) == (place == "checkpoints")
    resume_run(run, progress=False)
    assert outcome(run) == whole


@contextlib.contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that somebody else may use."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("place", ["", "checkpoints"])
def test_without_permission(place: str) -> None:
    """A real folder loses its permission to be written to, for somebody who is not root."""
    with open_to_all() as folder:
        run = folder / "run"

        def work() -> None:
            train_run(recipe(**GIVEN), folder / "warm", progress=False)  # imports what it needs
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            try:
                train_run(
                    recipe(**GIVEN),
                    run,
                    callbacks=[At(run, lambda run: (run / place).chmod(0o500))],
                    progress=False,
                )
            except dr.NotAvailable as error:
                (folder / "told").write_text(str(error))

        assert in_child(work) == 0
        told = (folder / "told").read_text()
        # The records are a file that is there: who may not add files may still write to it.
        assert "cannot be written: Permission denied" in told
        assert "\n" not in told
        assert ("The best weights so far are in" in told) == (place == "checkpoints")
        (run / place).chmod(0o700)
        resume_run(run, progress=False)
        assert (run / "result.json").exists()


def test_a_command(tmp_path: Path) -> None:
    """The command ends with code 2 and one line, and makes nothing where its folder was."""
    words = ["train", "digits", "--epochs", "100000", "--set", "checkpoint_every=0.05 s", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", "deltarule", *words, "--out", str(tmp_path / "run")],
        env=os.environ | {"PYTHONPATH": str(Path(dr.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("run/checkpoints/*.safetensors")):
        time.sleep(0.02)
    (tmp_path / "run").rename(tmp_path / "moved")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert err.startswith("deltarule: ")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]


def test_a_network_keeps_what_it_learned(tmp_path: Path) -> None:
    """Without a run, too: where checkpoints cannot be written, the network has the best weights."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(2, size=60)
    net, folder, best = dr.Network([4, 5, 2]), tmp_path / "c", []

    def spoil(training: Any) -> None:
        best.append(training.chain.theta.copy())
        if training.epoch == 3:
            shutil.rmtree(folder)
            folder.write_text("mine")

    with pytest.raises(dr.NotAvailable, match="cannot be"):
        net.train(
            X[:40], y[:40], X[40:], y[40:], epochs=9, lr=0.01, progress=False, callbacks=[spoil],
            checkpoints=folder, checkpoint_every="1 epoch",
        )  # fmt: skip
    assert any(np.array_equal(net.chain.theta, theta) for theta in best)
    assert net.history is not None
    assert net.history.steps > 0
