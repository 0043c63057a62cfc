"""Laws of what a sweep has found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deltarule.sweeps.findings import best_of, importances, write_page

optuna = pytest.importorskip("optuna", reason="needs Optuna")


def record(trial: int, value: float | None, **parameters: Any) -> dict[str, Any]:
    """A trial, complete where it has a value."""
    state = "pruned" if value is None else "complete"
    return {"trial": trial, "state": state, "value": value, "parameters": parameters}


def test_the_best() -> None:
    """The lowest or the highest complete one, the first of equals; None where none is."""
    records = [record(0, 0.3), record(1, 0.1), record(2, None), record(3, 0.1), record(4, 0.3)]
    assert best_of(records, False) == records[1]
    assert best_of(records, True) == records[0]
    assert best_of(records[2:3], True) is None


def studied(n: int) -> tuple[Any, list[dict[str, Any]]]:
    """A study in which x decides nearly all."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    records = []
    for i in range(n):
        trial = study.ask()
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        study.tell(trial, 10 * x + 0.1 * y)
        records.append(record(i, 10 * x + 0.1 * y, x=x, y=y))
    return study, records


def test_importances() -> None:
    """What decides is found, as shares that add up to 1, the same each time."""
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    study, records = studied(24)
    shares, why_not = importances(study, records, 0)
    assert why_not == ""
    assert shares["x"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)
    assert importances(study, records, 0) == (shares, "")


def test_importances_of_too_little() -> None:
    """Of few trials, or of one parameter, it is said why nothing is told."""
    study, records = studied(5)
    assert importances(study, records, 0)[1].startswith("5 complete trials are too few")
    one = [record(i, float(i), x=i) for i in range(12)]
    assert "fewer than two parameters" in importances(study, one, 0)[1]


def test_what_was_found_is_written_down(tmp_path: Path) -> None:
    """The folder gets the page and, for scripts and for a page made anew, the same as JSON."""
    facts = {"title": "t", "trials": [], "metric": "val_loss", "greater_is_better": False}
    write_page(tmp_path, facts)
    assert "No trial is complete" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "result.json").read_text()) == facts
