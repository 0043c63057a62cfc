"""The command `deltarule sweep`: words in, results and exit code out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deltarule.cli.main import main
from deltarule.runs import running

pytest.importorskip("optuna", reason="needs Optuna")
SMALL = ["--trials", "3", "--epochs", "2", "--batch-size", "256"]
WORDS = ["sweep", "digits", "--space", "space.toml", *SMALL]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a space file, and runs without pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "run_page", lambda facts: "<html></html>")
    Path("space.toml").write_text("lr = {low = 1e-3, high = 1e-1, log = true}\n")


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each trial on stderr, then a short table: counts, the best, its run, the page."""
    assert main(WORDS) == 0
    out, err = capsys.readouterr()
    assert [line.split("  ")[:2] for line in err.splitlines()] == [
        [f"{i + 1}/3", f"trial {i}"] for i in range(3)
    ]
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert [*lines] == ["trials", "best trial", "validation loss", "lr", "its run", "report"]
    assert lines["trials"].strip() == "3: 3 complete"
    assert Path(lines["report"].strip()).is_file()
    assert Path(lines["its run"].strip(), "best.safetensors").is_file()
    assert (
        "deltarule sweep digits --space space.toml" in Path("sweeps/digits/report.html").read_text()
    )


def test_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json one object; with --quiet nothing else."""
    assert main([*WORDS, "--json", "--quiet", "--out", "s", "--metric", "val_accuracy"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    facts = json.loads(out)
    assert facts["sweep"] == "s"
    assert facts["trials"] == facts["complete"] == 3
    assert facts["best_run"] == f"s/trials/{facts['best_trial']}"
    assert set(facts["best_changes"]) == {"lr"}


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Where every trial diverges the code is 1, and the reason is told."""
    Path("space.toml").write_text("lr = {low = 1e29, high = 1e30}\n")
    assert main([*WORDS, "--weight-decay", "0", "--quiet"]) == 1
    assert "Training diverged" in capsys.readouterr().out


def test_a_password_is_not_written_down(capsys: pytest.CaptureFixture[str]) -> None:
    """A store's address is told, and kept, without the password in it."""
    address = "postgresql://ann:sesame@127.0.0.1:1/db"
    assert main([*WORDS, "--storage", address]) == 2
    assert "sesame" not in capsys.readouterr().err
    assert sorted(p.name for p in Path().iterdir()) == ["space.toml"]
