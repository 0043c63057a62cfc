"""Laws of the workers of a sweep that share a store, but not always a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr
from deltarule.sweeps import workers
from deltarule.sweeps.stores import Store
from deltarule.sweeps.workplaces import Workplace

optuna = pytest.importorskip("optuna", reason="needs Optuna")
SPACE = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_pages: None) -> None:
    """A folder of its own, and no pictures."""
    monkeypatch.chdir(tmp_path)


def swept(out: str, trials: int) -> Any:
    """A small sweep in a store beside its folder."""
    changes = {"epochs": 2, "batch_size": 256}
    return dr.sweep(
        "digits", SPACE, trials=trials, out=out, storage="sqlite:///all.db", changes=changes,
        progress=False,
    )  # fmt: skip


def died(out: str) -> None:
    """A worker in this folder begins a trial and dies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "run_trial", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            swept(out, 9)


def test_a_trial_of_another_folder_is_left_alone() -> None:
    """Its run is not here: nobody else takes it up, it counts, and its own folder goes on."""
    swept("here", 1)
    died("there")
    result = swept("here", 3)
    assert [t["state"] for t in result.trials] == ["complete", "running", "complete"]
    assert not Path("here/trials/1").exists()
    result = swept("there", 3)
    assert [t["state"] for t in result.trials] == ["complete"] * 3
    assert Path("there/trials/1/result.json").exists()


def test_one_trial_too_many_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that share no folder may begin the last trial at once: the later one is none."""
    swept("here", 1)
    real, early = workers.Worker._trials, []

    def trials(self: Any) -> Any:
        """The first look, before a trial is made, misses what the other has just begun."""
        early.append(1)
        found = real(self)
        return [] if len(early) == 3 else found

    with monkeypatch.context() as patch:
        patch.setattr(workers.Worker, "_trials", trials)
        result = swept("elsewhere", 1)
    assert len(early) > 3
    assert [t["trial"] for t in result.trials] == [0]
    store = Store("sqlite:///all.db")
    study = optuna.load_study(study_name="digits", storage=store.storage)
    assert [t.user_attrs.get("surplus", False) for t in study.get_trials()] == [False, True]
    store.close()
    assert [t["trial"] for t in swept("here", 2).trials] == [0, 2]


def test_a_study_that_was_made_but_not_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who made it died at once: after some seconds the next one describes it."""
    monkeypatch.setattr(workers, "SECONDS_TO_DESCRIBE", 0.1)
    store = Store("sqlite:///all.db")
    with store.guarded():
        optuna.create_study(study_name="digits", storage=store.storage)
    store.close()
    began = time.monotonic()
    assert len(swept("here", 1).trials) == 1
    assert time.monotonic() - began > 0.1


def test_a_trial_that_ends_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process may end it between a look at the store and the hold on it: then it is left."""
    died("here")
    real, held = Workplace.hold_trial, []

    def hold(self: Any, number: int) -> Any:
        if not held:
            store = Store("sqlite:///all.db")
            study = optuna.load_study(study_name="digits", storage=store.storage)
            study.tell(number, state=optuna.trial.TrialState.FAIL)
            store.close()
        held.append(number)
        return real(self, number)

    monkeypatch.setattr(Workplace, "hold_trial", hold)
    result = swept("here", 2)
    assert held == [0, 1]
    assert [t["state"] for t in result.trials] == ["failed", "complete"]
    assert not Path("here/trials/0/result.json").exists()
