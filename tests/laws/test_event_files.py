"""Event files of a run for TensorBoard: one point for each epoch, killed or not, asked for late."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli.main import main
from deltarule.runs.recipes import Recipe, recipe_from
from deltarule.runs.running import resume_run, train_run

Reader = Callable[[Path], dict[str, list[tuple[int, Any]]]]
TAGS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy",
    "learning_rate": "lr",
}


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report without pictures: these tests are not about it."""
    monkeypatch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")


def recipe(**changes: Any) -> Recipe:
    """A small run on digits."""
    settled = {"hidden_layer_sizes": [6], "epochs": 3, "checkpoint_every": "1 epoch"}
    return recipe_from(settled, changes)


def hold(points: dict[str, list[tuple[int, Any]]], folder: Path) -> None:
    """The points are the lines of the run's metrics, each once, and its recipe is the text."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for tag, column in TAGS.items():
        assert points[tag] == [(r["step"], float(np.float32(r[column]))) for r in lines], tag
    ((step, text),) = points["recipe"]
    assert step == 0
    assert [line[4:] for line in text.splitlines()] == (
        (folder / "recipe.toml").read_text().splitlines()
    )


class Interrupted(dr.Callback):
    """Ctrl-C after the second epoch."""

    def on_epoch(self, training: Any) -> None:
        if training.epoch == 2:
            raise KeyboardInterrupt


def test_a_run(tmp_path: Path, points_in: Reader) -> None:
    """A run's points are its metrics; they change neither its weights nor its recipe."""
    watched = train_run(recipe(), tmp_path / "a", progress=False, tensorboard=True)
    alone = train_run(recipe(), tmp_path / "b", progress=False)
    hold(points_in(tmp_path / "a" / "tensorboard"), tmp_path / "a")
    assert watched.facts["weights_sha256"] == alone.facts["weights_sha256"]
    recipes = [(tmp_path / name / "recipe.toml").read_text() for name in "ab"]
    assert recipes[0] == recipes[1]
    assert not (tmp_path / "b" / "tensorboard").exists()


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("asked", [False, True])
def test_going_on(tmp_path: Path, points_in: Reader, begun: bool, asked: bool) -> None:
    """A run begun with event files goes on with them; asked for later, all epochs are there."""
    folder = tmp_path / "run"
    watchers = [Interrupted()]
    with pytest.raises(KeyboardInterrupt):
        train_run(recipe(), folder, callbacks=watchers, progress=False, tensorboard=begun)
    resume_run(folder, progress=False, tensorboard=asked)
    if begun or asked:
        hold(points_in(folder / "tensorboard"), folder)
    else:
        assert not (folder / "tensorboard").exists()


def test_a_run_that_is_done(tmp_path: Path, points_in: Reader) -> None:
    """Asked for when a run is done, its event files are written from its metrics."""
    folder = tmp_path / "run"
    done = train_run(recipe(), folder, progress=False)
    before = (folder / "metrics.jsonl").read_bytes()
    for _ in range(2):
        again = resume_run(folder, progress=False, tensorboard=True)
        assert again.facts == done.facts
        hold(points_in(folder / "tensorboard"), folder)
    assert (folder / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize("damage", ['{"epoch": 1', "[1]\n", None])
def test_metrics_that_are_damaged(tmp_path: Path, points_in: Reader, damage: str | None) -> None:
    """Metrics from which no points can be made are refused in one sentence."""
    train_run(recipe(), tmp_path / "run", progress=False)
    path = tmp_path / "run" / "metrics.jsonl"
    path.unlink() if damage is None else path.write_text(damage)
    told = r"metrics\.jsonl (cannot be read|is damaged|holds 0 epochs, and the run had)"
    with pytest.raises((dr.FileRefused, dr.NotAvailable), match=told):
        resume_run(tmp_path / "run", progress=False, tensorboard=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
def test_killed_at_random_moments(tmp_path: Path, points_in: Reader) -> None:
    """Killed over and over, a run ends with one point for each epoch and value."""
    chance = random.Random(0)
    given = recipe(epochs=30, checkpoint_every="0.01 s")
    train_run(given, tmp_path / "warm", progress=False, tensorboard=True)  # imports what is needed

    def go_on(folder: Path) -> int:
        child = os.fork()
        if not child:
            code = 1
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                if (folder / "recipe.toml").exists():
                    resume_run(folder, progress=False)
                else:
                    train_run(given, folder, progress=False, tensorboard=True)
                code = 0
            finally:
                os._exit(code)
        return child

    began = time.monotonic()
    assert os.waitpid(go_on(tmp_path / "whole"), 0)[1] == 0
    alone = time.monotonic() - began
    kills = runs = 0
    while kills < 12:
        folder = tmp_path / f"run-{runs}"
        runs += 1
        while True:
            child = go_on(folder)
            time.sleep(chance.uniform(0.0, alone))
            os.kill(child, signal.SIGKILL)  # of one that is done, nothing is left to kill
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code != -signal.SIGKILL:
                break
            kills += 1
            assert kills < 300
        assert code == 0
        hold(points_in(folder / "tensorboard"), folder)


# -- the command line -----------------------------------------------------------------------------

SMALL = ["--hidden-layer-sizes", "6", "--epochs", "2", "--quiet"]


def test_the_commands(
    tmp_path: Path,
    points_in: Reader,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`train --tensorboard` and `resume --tensorboard` write them and say how to look at them."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", "--out", "a run", "--tensorboard", *SMALL]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("tensorboard --logdir 'a run'")
    hold(points_in(tmp_path / "a run" / "tensorboard"), tmp_path / "a run")
    assert main(["train", "digits", "--out", "b", *SMALL]) == 0
    assert "tensorboard" not in capsys.readouterr().out
    assert main(["resume", "b", "--tensorboard", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "b"
    hold(points_in(tmp_path / "b" / "tensorboard"), tmp_path / "b")


def test_not_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without tensorboardX each command says in one sentence what to install, and writes nothing;
    a run that was begun with event files goes on without when their folder is removed.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert main(["train", "digits", "--out", "run", "--tensorboard", *SMALL]) == 2
    told = capsys.readouterr().err
    assert told == (
        "deltarule: Event files for TensorBoard need tensorboardX: pip install "
        "'deltarule[tensorboard]'.\n"
    )
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        train_run(recipe(), tmp_path / "run", callbacks=[Interrupted()], progress=False)
    assert main(["resume", "run", "--tensorboard"]) == 2
    assert capsys.readouterr().err == told
    (tmp_path / "run" / "tensorboard").mkdir()
    assert main(["resume", "run", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        f"{told[:-1]} To go on without it, remove run/tensorboard.\n"
    )
    shutil.rmtree(tmp_path / "run" / "tensorboard")
    assert main(["resume", "run", "--quiet"]) == 0
