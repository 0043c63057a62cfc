"""`deltarule compare` and what follows from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deltarule.cli.main import main

WORDS = ["digits", "--vary", "optimizer=adam,sgd", "--epochs", "2", "--hidden-layer-sizes", "6"]
FAST = ["--seeds", "2", "--jobs", "1"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work in a folder of their own; runs get no pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")


def run(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert main(list(words)) == code
    return capsys.readouterr()


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """A comparison ends with the verdict, a table of the arms, notes and the folder."""
    out, err = run(capsys, "compare", *WORDS, *FAST, "--reach", "0.5")
    assert out.startswith("adam ")
    assert "No number of wins among 2 seeds" in out
    assert "\narm " in out
    assert "epochs to target" in out
    assert "Note: The arms have different optimizers" in out
    assert "comparison  comparisons/digits-1" in out
    assert len(err.splitlines()) == 4
    assert err.splitlines()[-1].endswith("(4 of 4 runs)")
    assert "\x1b" not in out + err


def test_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object, without the histories, and --quiet nothing else."""
    out, err = run(capsys, "compare", *WORDS, *FAST, "--json", "--quiet", "--out", "it")
    facts: dict[str, Any] = json.loads(out)
    assert err == ""
    assert facts["comparison"] == "it"
    whole = json.loads(Path("it/comparison.json").read_text())
    assert facts["verdict"] == whole["verdict"]
    assert facts["differences"] == whole["differences"]
    assert "history" not in facts["arms"][0]["runs"][0]
    assert whole["command"].startswith("deltarule compare digits --vary optimizer=adam,sgd")


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """--format md writes the answer as Markdown with its pictures beside it, and no page."""
    out, _ = run(capsys, "compare", *WORDS, *FAST, "--quiet", "--out", "it", "--format", "md")
    text = Path("it/report.md").read_text(encoding="utf-8")
    assert out.rstrip().endswith("report      it/report.md")
    assert text.startswith("# digits: adam against sgd\n")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(pictures) >= 4
    assert all("<svg" in Path("it", name).read_text(encoding="utf-8") for name in pictures)
    assert not Path("it/report.html").exists()


def test_the_first_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """--seed is the first of the seeds; tuning takes others."""
    words = [*WORDS, "--seeds", "2", "--jobs", "1", "--seed", "7", "--quiet", "--json"]
    out, _ = run(capsys, "compare", *words, "--tune", "lr=0.01,0.02", "--tune-seeds", "1")
    facts = json.loads(out)
    assert facts["seeds"] == [7, 8]
    assert (Path(facts["comparison"]) / "tuning/adam/lr-0.01/seed-9").is_dir()


def test_resume(capsys: pytest.CaptureFixture[str]) -> None:
    """`resume` of a finished comparison, and the same question again, print the same."""
    first, _ = run(capsys, "compare", *WORDS, *FAST, "--json", "--quiet", "--out", "it")
    again, err = run(capsys, "compare", *WORDS, *FAST, "--json", "--out", "it")
    resumed, _ = run(capsys, "resume", "it", "--json", "--jobs", "1")
    assert first == again == resumed
    assert err == ""


def test_recipes_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Recipes are arms, with names of their own if one likes."""
    words = ["--recipe", "default", "--recipe", "report", "--name", "ours", "--name", "theirs"]
    more = [
        "--validation",
        "0.2",
        "--epochs",
        "1",
        "--seeds",
        "1",
        "--jobs",
        "1",
        "--json",
        "--quiet",
    ]
    out, _ = run(capsys, "compare", "digits", *words, *more)
    facts = json.loads(out)
    assert [arm["name"] for arm in facts["arms"]] == ["ours", "theirs"]
    assert facts["arms"][1]["changes"]["lr"] == 0.008


def test_a_run_that_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails for another reason than its recipe ends in code 1; again, it is tried."""
    from deltarule.comparisons import errands
    from deltarule.ground.errors import NotAvailable

    real = errands.train_run

    def failing(recipe: Any, *args: Any, **options: Any) -> Any:
        if recipe.seed == 1:
            raise NotAvailable("The disk is full.")
        return real(recipe, *args, **options)

    monkeypatch.setattr(errands, "train_run", failing)
    out, _ = run(capsys, "compare", *WORDS, *FAST, "--quiet", "--out", "it", code=1)
    assert "adam failed with 1 of 2 seeds (1)" in out
    monkeypatch.setattr(errands, "train_run", real)
    out, _ = run(capsys, "resume", "it", "--quiet", "--jobs", "1")
    assert "failed" not in out
