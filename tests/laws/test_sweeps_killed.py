"""Killed anywhere, a sweep goes on: no trial is lost, none is one too many, and the bits are those.

Children are forked, in milliseconds; they die by SIGKILL, after which nothing is tidied up.
"""

from __future__ import annotations

import functools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from sweep_cases import ended, kill, small_sweep, start

import deltarule as dr
from deltarule.runs.recipes import find_recipe, recipe_from
from deltarule.runs.running import train_run

pytest.importorskip("optuna", reason="needs Optuna")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")

LONG = os.environ.get("DELTARULE_LONG") == "1"
KILLS, EPOCHS = (60, 400) if LONG else (5, 100)


def told(result: Any) -> list[dict[str, Any]]:
    """Every trial without its time."""
    return [{k: v for k, v in t.items() if k != "seconds"} for t in result.trials]


def bits(run: Path) -> tuple[bytes, str]:
    """The best weights of a run, and the hash of its last."""
    weights = dr.load(run / "best.safetensors").chain.theta.tobytes()
    return weights, json.loads((run / "result.json").read_text())["weights_sha256"]


def until_a_trial_is_begun(out: Path, children: list[int]) -> Path:
    """Wait until some trial has written a checkpoint and is not at its end."""
    while True:
        for run in out.glob("trials/[0-9]*"):
            if list(run.glob("checkpoints/*.safetensors")) and not (run / "trial.json").exists():
                return run
        assert all(os.waitpid(child, os.WNOHANG) == (0, 0) for child in children)
        time.sleep(0.005)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """After each of many kills the sweep goes on, and ends in the trials of one never killed.

    So what is proposed is a function of the seed and the trial, and each run has the bits of an
    uninterrupted run of its recipe.
    """
    began = time.monotonic()
    whole = small_sweep(tmp_path / "whole")
    alone, chance = time.monotonic() - began, random.Random(3)
    kills = tries = 0
    while kills < KILLS:
        out = tmp_path / f"cut-{tries}"
        tries += 1
        work = functools.partial(small_sweep, out)
        for _ in range(4):  # on a machine that has become busy it would never end
            child = start(work)
            time.sleep(chance.uniform(0.1, 0.9 * alone))
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                break
            kill(child)
            kills += 1
        assert tries < 20 * KILLS
        again = small_sweep(out)
        assert told(again) == told(whole)
        for trial in range(6):
            runs = [folder / "trials" / str(trial) for folder in (out, tmp_path / "whole")]
            assert bits(runs[0]) == bits(runs[1])


def test_a_killed_trial_is_taken_up_again(tmp_path: Path) -> None:
    """kill -9 in the middle of a trial: the next worker goes on with it, to the same bits."""
    out = tmp_path / "sweep"
    work = functools.partial(small_sweep, out, trials=2, changes={"epochs": EPOCHS}, pruner="none")
    child = start(work)
    run = until_a_trial_is_begun(out, [child])
    kill(child)
    recipe = (run / "recipe.toml").read_bytes()
    steps = max(int(f.stem.split("-")[1]) for f in run.glob("checkpoints/*.safetensors"))
    assert 0 < steps < 6 * EPOCHS
    result = work()
    assert [t["trial"] for t in result.trials] == [0, 1]
    assert {t["state"] for t in result.trials} == {"complete"}
    assert (run / "recipe.toml").read_bytes() == recipe
    settled = recipe_from(find_recipe(str(run / "recipe.toml")), {})
    train_run(settled, tmp_path / "alone", progress=False)
    assert bits(run) == bits(tmp_path / "alone")


def test_two_processes_make_no_trial_too_many(tmp_path: Path) -> None:
    """Two workers on SQLite: together exactly so many trials as were asked for, each one ended."""
    out = tmp_path / "sweep"
    work = functools.partial(small_sweep, out, trials=12)
    children = [start(work, tmp_path / "says") for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0], (tmp_path / "says").read_text()
    trials = work().trials
    assert [t["trial"] for t in trials] == list(range(12))
    assert {t["state"] for t in trials} <= {"complete", "pruned"}
    folders = sorted(int(f.name) for f in out.glob("trials/[0-9]*"))
    assert folders == list(range(12))


def test_the_other_worker_takes_up_the_trial_of_a_killed_one(tmp_path: Path) -> None:
    """Of two workers one is killed: the other finishes its trial too, without being asked."""
    out = tmp_path / "sweep"
    work = functools.partial(small_sweep, out, trials=3, changes={"epochs": EPOCHS}, pruner="none")
    first = start(work)
    until_a_trial_is_begun(out, [first])
    second = start(work, tmp_path / "says")
    while len(list(out.glob("trials/[0-9]*"))) < 2:
        time.sleep(0.01)
    kill(first)
    assert ended(second) == 0, (tmp_path / "says").read_text()
    facts = json.loads((out / "result.json").read_text())
    assert [t["state"] for t in facts["trials"]] == ["complete"] * 3
