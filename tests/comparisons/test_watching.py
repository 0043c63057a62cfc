"""What is seen of a comparison while it runs."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from deltarule.comparisons.watching import Watched, watching


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def finish(run: Watched, value: float) -> None:
    """What a run leaves when it is done."""
    run.folder.mkdir(parents=True, exist_ok=True)
    record = {"epoch": 1, "step": 9, "seconds": 0.5, "val_accuracy": value}
    (run.folder / "metrics.jsonl").write_text(json.dumps(record) + "\n")
    (run.folder / "result.json").write_text(json.dumps({"best_epoch": 1, "seconds": 0.5}))


@pytest.fixture
def runs(tmp_path: Path) -> list[Watched]:
    """Two arms with two runs each, and a run of the tuning."""
    made = [
        Watched(arm, f"seed {seed}", tmp_path / arm / str(seed), 1, tuning=False)
        for arm in ("adam", "sgd")
        for seed in (0, 1)
    ]
    return [Watched("adam", "lr=1, seed 2", tmp_path / "tune", 1, tuning=True), *made]


def test_states(runs: list[Watched]) -> None:
    """A run waits, runs, and ends once, with its value or its failure."""
    run, other = runs[:2]
    assert not run.look("val_accuracy")
    assert run.state == "waiting"
    run.folder.mkdir(parents=True)
    assert not run.look("val_accuracy")
    assert run.state == "running"
    (run.folder / "metrics.jsonl").write_text('{"half')
    assert not run.look("val_accuracy")
    finish(run, 0.25)
    assert run.look("val_accuracy")
    assert (run.state, run.value, run.share) == ("done", 0.25, 1.0)
    assert not run.look("val_accuracy")
    other.folder.mkdir(parents=True)
    (other.folder / "failure.json").write_text("{}")
    assert other.look("val_accuracy")
    assert other.state == "failed"


def test_lines(runs: list[Watched]) -> None:
    """Off a terminal each run that ends is one plain line, those from before are none."""
    stream = io.StringIO()
    finish(runs[1], 0.5)
    with watching(runs, "val_accuracy", True, stream):
        finish(runs[3], 0.75)
    said = stream.getvalue()
    assert said.startswith("sgd, seed 0: validation accuracy 75.0 %, 0.50 s (2 of 5 runs, about ")
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_table(runs: list[Watched]) -> None:
    """On a terminal a table has a row for each arm: tuning, runs, mean so far, what is running."""
    stream = Terminal()
    with watching(runs, "val_accuracy", True, stream):
        finish(runs[0], 0.1)
        finish(runs[1], 0.5)
        runs[4].folder.mkdir(parents=True)
        time.sleep(0.6)
    said = stream.getvalue()
    for words in ("arm", "tuning", "adam", "1/1", "1/2", "50.0 %", "seed 1 0%", "2 of 5 runs"):
        assert words in said


def test_nothing(runs: list[Watched]) -> None:
    """Without progress nothing is written."""
    stream = io.StringIO()
    with watching(runs, "val_accuracy", False, stream):
        finish(runs[0], 0.1)
    assert stream.getvalue() == ""
