"""Laws of a sweep, from Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr
from deltarule.runs import running
from deltarule.runs.recipes import Recipe
from deltarule.runs.running import train_run
from deltarule.sweeps import workers

optuna = pytest.importorskip("optuna", reason="needs Optuna")
SPACE: dict[str, Any] = {
    "lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "hidden_layer_sizes": {"depth": [1, 2], "width": {"low": 8, "high": 32, "log": True}},
}
SMALL: dict[str, Any] = {"epochs": 4, "batch_size": 256}
plain = pytest.mark.usefixtures("plain_pages")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and runs without pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "run_page", lambda facts: "<html></html>")


def swept(**options: Any) -> Any:
    """A small sweep."""
    given = {"changes": SMALL, "trials": 7, "progress": False, **options}
    return dr.sweep("digits", given.pop("space", SPACE), **given)


def without_times(result: Any) -> list[dict[str, Any]]:
    """The trials, without how long they took."""
    return [{k: v for k, v in t.items() if k != "seconds"} for t in result.trials]


def test_a_sweep() -> None:
    """As many trials as asked for, each a run; the best one's recipe trains to the best value."""
    result = swept(metric="val_accuracy")
    assert result.folder == Path("sweeps/digits")
    assert [t["trial"] for t in result.trials] == list(range(7))
    assert {t["state"] for t in result.trials} == {"complete", "pruned"}
    values = [t["value"] for t in result.trials if t["value"] is not None]
    assert result.best_value == max(values) > 0.8
    assert isinstance(result.best, Recipe)
    alone = train_run(result.best, "alone", progress=False)
    assert alone.facts["val_accuracy"] == result.best_value
    assert result.run == Path("sweeps/digits/trials") / str(result.best_trial)
    assert json.loads(Path("sweeps/digits/result.json").read_text())["best_trial"] is not None
    assert result.best_value == pytest.approx(json.loads(
        (result.run / "result.json").read_text())["val_accuracy"])  # fmt: skip
    frame = result.to_frame()
    assert list(frame.index) == list(range(7))
    assert {"state", "value", "lr", "hidden_layer_sizes"} <= set(frame.columns)
    html = Path("sweeps/digits/report.html").read_text()
    assert "validation accuracy in trial" in html


@plain
def test_a_sweep_that_is_done_is_left_as_it_is() -> None:
    """The same call again trains nothing; with more trials it goes on where it was."""
    first = swept()
    before = {p: p.stat().st_mtime_ns for p in Path("sweeps/digits/trials").rglob("result.json")}
    assert without_times(swept()) == without_times(first)
    assert before == {p: p.stat().st_mtime_ns for p in before}
    more = swept(trials=9)
    assert without_times(more)[:7] == without_times(first)
    assert len(more.trials) == 9
    at_once = swept(trials=9, out="at-once")
    assert without_times(at_once) == without_times(more)


@plain
def test_the_seed_decides() -> None:
    """Another seed proposes other trials; the same, elsewhere, the same."""
    one, same = (swept(out=name, trials=3) for name in "ab")
    other = swept(out="c", trials=3, changes={**SMALL, "seed": 1})
    assert without_times(one) == without_times(same)
    assert [t["changes"] for t in one.trials] != [t["changes"] for t in other.trials]


@plain
def test_another_sweep_of_that_name_is_refused() -> None:
    """What differs is told, all of it, and nothing changes."""
    swept(trials=1)
    before = Path("sweeps/digits/sweep.toml").read_text()
    space = {"lr": {"low": 1e-3, "high": 1e-1}}
    with pytest.raises(dr.InvalidInput, match=r"begun otherwise") as caught:
        swept(changes={"epochs": 5}, space=space, metric="val_accuracy", sampler="random")
    for word in (
        "epochs was 4 and is 5",
        "the space of lr was",
        "metric was 'val_loss'",
        "sampler",
    ):
        assert word in str(caught.value)
    assert Path("sweeps/digits/sweep.toml").read_text() == before


@plain
def test_folder_and_store_belong_together() -> None:
    """A folder whose store is lost, or another one's, is refused: its trials are not these."""
    swept(trials=1, storage="sqlite:///a.db", out="s")
    with pytest.raises(dr.FileRefused, match=r"another sweep.*--out"):
        swept(trials=1, storage="sqlite:///b.db", out="s")
    Path("a.db").unlink()
    with pytest.raises(dr.FileRefused, match=r"another sweep.*--out"):
        swept(trials=1, storage="sqlite:///a.db", out="s")
    assert len(swept(trials=2, storage="sqlite:///a.db", out="new").trials) == 2


def test_a_folder_in_use_is_refused_before_anything_is_made() -> None:
    """Neither a folder nor a store is made or changed."""
    Path("used").mkdir()
    Path("used/note.txt").write_text("mine")
    with pytest.raises(dr.FileRefused, match="in use, and not by a sweep"):
        swept(out="used", storage="sqlite:///a.db")
    assert sorted(p.name for p in Path().rglob("*")) == ["note.txt", "used"]


def interrupted_at(monkeypatch: pytest.MonkeyPatch, n: int) -> Callable[..., Any]:
    """Lets the n-th trial be interrupted before it is told."""
    real, calls = workers.run_trial, [0]

    def run(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] == n:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(workers, "run_trial", run)
    return real


@plain
def test_interrupted_and_gone_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves a page and says how to go on; the same call then ends where it would have."""
    whole = swept(out="whole")
    with monkeypatch.context() as patch:
        interrupted_at(patch, 4)
        with pytest.raises(KeyboardInterrupt, match=r"trial 3 stands.*the same command"):
            swept()
    facts = json.loads(Path("sweeps/digits/result.json").read_text())
    assert [t["state"] for t in facts["trials"]][3:] == ["running"]
    assert without_times(swept()) == without_times(whole)


def test_trials_that_all_diverge() -> None:
    """There is no best then; the page says so."""
    result = swept(space={"lr": {"low": 1e29, "high": 1e30}}, changes={**SMALL, "weight_decay": 0})
    assert (result.best, result.best_trial, result.best_value, result.run) == (None,) * 4
    assert {t["state"] for t in result.trials} == {"pruned"}
    assert all("diverged" in t["reason"] for t in result.trials)
    assert "No trial is complete" in Path("sweeps/digits/report.html").read_text()


@plain
def test_a_grid() -> None:
    """Each point of a grid is tried once, and then it is done."""
    space = {"activation": {"choices": ["relu", "tanh"]}, "batch_size": {"choices": [128, 256]}}
    result = swept(space=space, sampler="grid", pruner="none", trials=20, changes={"epochs": 1})
    assert len({str(t["changes"]) for t in result.trials}) == len(result.trials) == 4


@plain
def test_no_trial_begins_too_late() -> None:
    """After the timeout no trial begins; what is done is told."""
    assert len(swept(timeout=1e-9).trials) == 0
    assert len(swept(trials=1, timeout=60).trials) == 1
