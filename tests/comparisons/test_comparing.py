"""Comparisons: what they ask, what they keep, and what they answer."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from scipy import stats

import deltarule as dr
from deltarule.comparisons.comparing import resume_comparison
from deltarule.engine import native
from deltarule.runs.recipes import recipe_from
from deltarule.runs.running import train_run

Compare = Callable[..., dr.Comparison]
TIMES = ("seconds", "at_equal_time", "equal_time", "seconds_to_target", "command", "machine")
ROOT = Path(__file__).resolve().parents[2]


def untimed(value: Any) -> Any:
    """Facts without what depends on times."""
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in TIMES}
    if isinstance(value, list):
        kept = [v for v in value if not (isinstance(v, dict) and v.get("at") == "at_equal_time")]
        said = [v for v in kept if not (isinstance(v, str) and v.startswith(("At equal", "Times")))]
        return [untimed(v) for v in said]
    return value


def everything(folder: Path) -> Any:
    return untimed(json.loads((folder / "comparison.json").read_text(encoding="utf-8")))


def test_the_facts(compare: Compare, tmp_path: Path) -> None:
    """Facts hold what the page needs, and are those of the file; runs are run folders."""
    found = compare(reach=0.18)
    assert found.folder == tmp_path / "it"
    facts = json.loads((found.folder / "comparison.json").read_text())
    assert facts == found.facts
    assert set(facts) == {
        *("title", "verdict", "warnings", "metric", "seeds", "level", "smallest_p", "target"),
        *("equal_time", "data", "arms", "differences", "tuning", "recipe", "command"),
        *("versions", "machine"),
    }
    assert facts["title"] == "digits: adam against sgd"
    assert facts["metric"] == {"name": "val_accuracy", "greater_is_better": True, "share": True}
    assert (facts["seeds"], facts["smallest_p"], facts["tuning"]) == ([0, 1], 0.5, None)
    assert "\noptimizer" not in facts["recipe"]
    for arm in facts["arms"]:
        assert arm["changes"] == {"optimizer": arm["name"]}
        assert arm["parameters"] == 64 * 8 + 8 + 8 * 10 + 10
        for run in arm["runs"]:
            folder = found.folder / run["folder"]
            lines = (folder / "metrics.jsonl").read_text().splitlines()
            assert [json.loads(line) for line in lines] == run["history"]
            assert run["best"] == run["history"][run["best_epoch"] - 1]["val_accuracy"]
            assert run["end"] == run["history"][-1]["val_accuracy"]
            by_then = [r for r in run["history"] if r["seconds"] <= facts["equal_time"]]
            assert run["at_equal_time"] == (by_then[-1]["val_accuracy"] if by_then else None)
            first = next((r for r in run["history"] if r["val_accuracy"] >= 0.18), None)
            for unit, key in (("epochs", "epoch"), ("steps", "step"), ("seconds", "seconds")):
                assert run[f"{unit}_to_target"] == (first and first[key])
        assert arm["to_target"]["of"] == 2
        for unit in ("epochs", "steps", "seconds"):
            had = [run[f"{unit}_to_target"] for run in arm["runs"]]
            had = [value for value in had if value is not None]
            assert arm["to_target"]["reached"] == len(had)
            if had:
                assert arm["to_target"][unit]["mean"] == pytest.approx(np.mean(had))
        assert {path.name for path in (found.folder / "runs" / arm["name"]).iterdir()} == {
            "seed-0",
            "seed-1",
        }
    best = [[run["best"] for run in arm["runs"]] for arm in facts["arms"]]
    assert [arm["to_target"]["reached"] for arm in facts["arms"]] == [2, 0]
    medians = [np.median([run["seconds"] for run in arm["runs"]]) for arm in facts["arms"]]
    assert facts["equal_time"] == pytest.approx(min(medians))
    d = np.subtract(best[1], best[0])
    row = next(row for row in facts["differences"] if row["at"] == "best")
    interval = stats.ttest_rel(best[1], best[0]).confidence_interval(0.95)
    assert row["mean"] == pytest.approx(d.mean())
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p"] == row["p_holm"]


def test_a_run_is_what_train_makes(compare: Compare, tmp_path: Path) -> None:
    """A comparison's run has the weights of `train` by the same recipe and seed."""
    found = compare()
    alone = recipe_from({"optimizer": "sgd", "epochs": 2, "hidden_layer_sizes": [8]}, {"seed": 1})
    outcome = train_run(alone, tmp_path / "alone", progress=False)
    result = json.loads((found.folder / "runs" / "sgd" / "seed-1" / "result.json").read_text())
    assert result["weights_sha256"] == outcome.facts["weights_sha256"]


def test_arms_are_paired(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same seed two arms have the same first weights, rows and batches; else others."""
    from deltarule.learning.training import Training

    seen: dict[tuple[float, int], list[bytes]] = {}
    original = Training.run

    def run(self: Training) -> Any:
        key = (self.optimizer.weight_decay, self.plan.seed)
        batch = self.rows.x(slice(0, 64))
        seen[key] = [
            self.chain.theta.tobytes(),
            batch.tobytes(),
            self.rows_val.x(slice(0, 9)).tobytes(),
        ]
        return original(self)

    monkeypatch.setattr(Training, "run", run)
    compare(vary={"weight_decay": [0.0, 0.3]})
    assert len(seen) == 4
    assert seen[0.0, 0] == seen[0.3, 0]
    assert seen[0.0, 1] == seen[0.3, 1]
    assert all(a != b for a, b in zip(seen[0.0, 0], seen[0.0, 1], strict=True))


def test_equal_arms_would_be_equal(compare: Compare) -> None:
    """Arms whose difference changes nothing have no difference at all: nothing else varies."""
    found = compare(vary={"patience": [50, 60]})
    best = [d for d in found.facts["differences"] if d["at"] == "best"]
    assert [(d["mean"], d["sd"], d["p"]) for d in best] == [(0.0, 0.0, 1.0)]


def test_tuning(compare: Compare) -> None:
    """Each arm gets its own best value by other seeds; every value that was tried is told."""
    found = compare(tune={"lr": [1e-6, 0.03]}, tune_seeds=1, seeds=1)
    rows = found.facts["tuning"]
    assert [(r["arm"], r["changes"]["lr"], r["chosen"]) for r in rows] == [
        ("adam", 1e-6, False),
        ("adam", 0.03, True),
        ("sgd", 1e-6, False),
        ("sgd", 0.03, True),
    ]
    assert {arm["tuned"]["lr"] for arm in found.arms.values()} == {0.03}
    assert (found.folder / "tuning" / "adam" / "lr-0.03" / "seed-1" / "result.json").is_file()
    recipe = (found.folder / "runs" / "sgd" / "seed-0" / "recipe.toml").read_text()
    assert "lr = 0.03" in recipe
    assert any("adam did best with the largest lr" in warning for warning in found.warnings)
    assert not any("was not tuned" in warning for warning in found.warnings)


def test_diverged_values_lose(compare: Compare) -> None:
    """A value with which a run diverged is not chosen."""
    found = compare(
        vary={"l2": [0.0, 1e-9]},
        changes={"optimizer": "sgd", "schedule": None, "weight_decay": 0.0},
        tune={"lr": [1e25, 0.01]},
        tune_seeds=1,
        seeds=1,
    )
    assert [row["diverged"] for row in found.facts["tuning"]] == [1, 0, 1, 0]
    assert {arm["tuned"]["lr"] for arm in found.arms.values()} == {0.01}


def test_an_arm_that_diverges(compare: Compare) -> None:
    """It is told with its seeds, the other arm finishes, and going on does not run it again."""
    changes = {"optimizer": "sgd", "schedule": None, "weight_decay": 0.0}
    found = compare(vary={"lr": [0.01, 1e25]}, changes=changes)
    bad = found.arms["lr 1e+25"]
    assert [run["status"] for run in bad["runs"]] == ["diverged", "diverged"]
    assert bad["best"] is None
    assert [run["status"] for run in found.arms["lr 0.01"]["runs"]] == ["done", "done"]
    assert any("diverged with 2 of 2 seeds (0, 1)" in warning for warning in found.warnings)
    assert "nothing can be said" in found.verdict[0]
    before = (found.folder / "runs" / "lr-1e-25" / "seed-0" / "metrics.jsonl").stat().st_mtime_ns
    again = resume_comparison(found.folder, progress=False, n_jobs=1)
    assert again.facts == found.facts
    after = (found.folder / "runs" / "lr-1e-25" / "seed-0" / "metrics.jsonl").stat().st_mtime_ns
    assert after == before
    json.loads((found.folder / "comparison.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("lost", ["run", "result", "facts", "seed"])
def test_what_is_lost_is_made_again(compare: Compare, lost: str) -> None:
    """A missing run, result or answer is made anew, to the same facts; the rest is left alone."""
    found = compare()
    whole = everything(found.folder)
    run = found.folder / "runs" / "adam" / "seed-1"
    (found.folder / "comparison.json").unlink()
    if lost == "run":
        shutil.rmtree(run)
    elif lost == "result":
        (run / "result.json").unlink()
    elif lost == "seed":
        shutil.rmtree(run.parent)
    kept = (found.folder / "runs" / "sgd" / "seed-0" / "best.safetensors").stat().st_mtime_ns
    compare()
    assert everything(found.folder) == whole
    assert (
        found.folder / "runs" / "sgd" / "seed-0" / "best.safetensors"
    ).stat().st_mtime_ns == kept


def test_another_question_is_refused(compare: Compare) -> None:
    """A used folder takes the same question only; what differs is said, and nothing changes."""
    found = compare()
    before = (found.folder / "comparison.toml").read_bytes()
    for given, words in (
        ({"seeds": 3}, "seeds was"),
        ({"vary": {"optimizer": ["adam", "lion"]}}, "arms were"),
        ({"changes": {"epochs": 3}}, "epochs of adam was 2 and is 3"),
        ({"reach": 0.4}, "reach was None and is 0.4"),
    ):
        with pytest.raises(dr.FileRefused, match=words):
            compare(**given)
    assert (found.folder / "comparison.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("runs/adam/seed-0/recipe.toml", "x = = 1", "damaged or of another version"),
        ("runs/adam/seed-0/recipe.toml", "warp = 1", "has no key 'warp'"),
        ("runs/adam/seed-0/recipe.toml", "lr = 3.0", "holds another run, which differs in"),
        ("runs/adam/seed-0/metrics.jsonl", '{"epoch": 1\n', "line 1 is no epoch"),
        ("runs/adam/seed-0/metrics.jsonl", "", "has 0 epochs, and the run had 2"),
        ("comparison.toml", "schema = 99\ndeltarule = '9'", "newer version"),
        ("comparison.toml", "schema = = ", "is damaged"),
        ("comparison.toml", "schema = 1", "it lacks 'arms'"),
    ],
)
def test_damage(compare: Compare, file: str, content: str, words: str) -> None:
    """A damaged file, or one of another version, is refused in one sentence that names it."""
    found = compare(seeds=1)
    (found.folder / file).write_text(content)
    with pytest.raises(dr.FileRefused, match=words) as error:
        resume_comparison(found.folder, progress=False, n_jobs=1)
    assert str(found.folder / file).removesuffix("/recipe.toml") in str(error.value)


def test_changed_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison whose data have changed does not go on, unless one insists."""
    monkeypatch.setattr("deltarule.runs.running.run_page", lambda facts: "")
    generator = np.random.default_rng(0)
    lines = [f"{a},{b},{a - b}" for a, b in generator.normal(size=(40, 2)).round(3)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["a,b,c", *lines]))
    given = {"vary": {"l2": [0, 0.1]}, "changes": {"target": "c", "epochs": 1}, "seeds": 1}
    settled: dict[str, Any] = {"out": tmp_path / "it", "progress": False, "n_jobs": 1}
    found = dr.compare(table, **given, **settled)
    assert found.facts["metric"]["name"] == "val_r2"
    shutil.rmtree(tmp_path / "it" / "runs" / "l2-0")
    table.write_text("\n".join(["a,b,c", *lines[1:], "1,1,0"]))
    with pytest.raises(dr.FileRefused, match="have changed"):
        resume_comparison(tmp_path / "it", progress=False, n_jobs=1)
    forced = resume_comparison(tmp_path / "it", progress=False, n_jobs=1, force=True)
    assert [run["status"] for run in forced.arms["l2 0"]["runs"]] == ["done"]


def test_a_folder_is_held_alone(compare: Compare, tmp_path: Path) -> None:
    """While one process is at work in the folder another is refused."""
    from deltarule.storage.locks import locked

    found = compare(seeds=1)
    with locked(found.folder), pytest.raises(dr.NotAvailable, match="Another process"):
        resume_comparison(found.folder, progress=False)


def test_without_a_folder(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a name comparisons go to comparisons/DATA-1, -2, …"""
    monkeypatch.chdir(tmp_path)
    names = [str(compare(out=None, seeds=1).folder) for _ in range(2)]
    assert names == ["comparisons/digits-1", "comparisons/digits-2"]


def test_backends(compare: Compare, tmp_path: Path) -> None:
    """Processes, threads and a cluster's workers make the same facts as one process does."""
    whole = untimed(compare(out=tmp_path / "one").facts)
    threads = native.get_threads()
    assert untimed(compare(out=tmp_path / "two", n_jobs=2).facts) == whole
    with joblib.parallel_config(backend="threading", n_jobs=2):
        found = compare(out=tmp_path / "threads", n_jobs=None)
    assert untimed(found.facts) == whole
    assert found.facts["machine"]["processes"] == 2
    assert native.get_threads() == threads


def test_dask(compare: Compare, tmp_path: Path) -> None:
    """`joblib.parallel_config(backend="dask")` hands the runs to a cluster."""
    distributed = pytest.importorskip("distributed")
    whole = untimed(compare(out=tmp_path / "one", seeds=1).facts)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        found = compare(out=tmp_path / "dask", n_jobs=None, seeds=1)
    assert untimed(found.facts) == whole


LONG = os.environ.get("DELTARULE_LONG") == "1"
QUESTION: dict[str, Any] = {
    "vary": {"optimizer": ["adam", "sgd"]},
    "seeds": 2,
    "tune": {"lr": [0.001, 0.01]},
    "tune_seeds": 1,
    "progress": False,
    "changes": {
        "epochs": 40 if LONG else 16,
        "hidden_layer_sizes": [64],
        "checkpoint_every": "0.01 s",
        "engine": "reference",
    },
}
PROGRAM = f"""
import sys, deltarule as dr
if __name__ == "__main__":
    dr.compare("digits", out=sys.argv[1], n_jobs=2, **{QUESTION!r})
"""


def start(folder: Path, said: str = "said") -> subprocess.Popen[bytes]:
    plain = [] if LONG else [str(ROOT / "tests" / "plain_pages")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *plain])}
    words = [sys.executable, "-c", PROGRAM, str(folder)]
    with (folder.parent / said).open("wb") as file:
        return subprocess.Popen(words, env=environment, stderr=file, start_new_session=True)


def until_alone(group: int) -> None:
    """Wait until no process of a group is left, for a while."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_killed_and_interrupted(tmp_path: Path, plain_pages: None) -> None:
    """Killed, then interrupted by Ctrl-C, then let go on: the facts of one that was left alone."""
    dr.compare("digits", out=tmp_path / "whole", n_jobs=1, **QUESTION)

    def finished() -> int:
        return len(list((tmp_path / "it").rglob("result.json")))

    for number in (signal.SIGKILL, signal.SIGINT):
        before = finished()
        # What a killed one leaves behind may yet write to its own file.
        child = start(tmp_path / "it", f"said-{number}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and child.poll() is None and finished() == before:
            time.sleep(0.01)  # until one more of eight runs has ended, and others are under way
        os.kill(child.pid, number)
        assert child.wait(60) != 0
        until_alone(child.pid)  # or what it left behind ends a run, and the next one seems to have
        if number == signal.SIGINT:
            assert "deltarule resume" in (tmp_path / f"said-{number}").read_text()
        assert not (tmp_path / "it" / "comparison.json").exists()
    again = start(tmp_path / "it")
    assert again.wait(120) == 0
    assert everything(tmp_path / "it") == everything(tmp_path / "whole")


def test_many_mistakes_in_one_message(tmp_path: Path) -> None:
    """Every mistake of a question is told at once, before anything is written."""
    with pytest.raises(dr.InvalidInput, match="problems") as error:
        dr.compare(
            "digits",
            vary={"lr": [0.1], "epchs": "3"},
            tune={"lr": [0.1, 0.1]},
            seeds=0,
            level=2,
            out=tmp_path / "it",
        )
    told = " ".join(error.value.sentences)
    for words in ("seeds", "level", "one value", "list of values for epchs", "twice", "both vary"):
        assert words in told
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_finite(compare: Compare) -> None:
    """Whatever happens, the facts hold no NaN and no infinity."""

    def check(value: Any) -> None:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                check(inner)
        elif isinstance(value, float):
            assert math.isfinite(value)

    check(compare(seeds=1, changes={"epochs": 1}).facts)
