"""What a run will be is told without running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground import memory
from deltarule.ground.memory import Limit
from deltarule.runs import planning
from deltarule.runs.planning import plan_run
from deltarule.runs.preparation import load_for, prepare
from deltarule.runs.recipes import recipe_from
from deltarule.runs.running import train_run


def recipe(**changes: Any) -> Any:
    """A small recipe with changes."""
    return recipe_from({}, {"hidden_layer_sizes": [20, 10], "epochs": 2, **changes})


@pytest.mark.usefixtures("plain_pages")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalization": "batch"},
        {"engine": "reference"},
        {"validation": 0},
        {"device": "cpu"},
    ],
)
def test_as_it_then_comes(changes: dict[str, Any], tmp_path: Path) -> None:
    """Parameters, rows, steps and engine are those of the run."""
    if "device" in changes:
        pytest.importorskip("torch", reason="needs the optional package torch")
    told = plan_run(recipe(**changes))
    outcome = train_run(recipe(**changes), tmp_path / "run", progress=False)
    assert told.parameters == outcome.facts["parameters"]
    assert told.epochs * told.steps_per_epoch == outcome.facts["steps"]
    assert told.engine == outcome.facts["engine"]
    assert told.reasons == outcome.history.engine_reasons
    found = prepare(recipe(**changes), load_for(recipe(**changes)))
    assert told.n_train == len(found.X)
    assert told.n_val == (0 if found.X_val is None else len(found.X_val))


def test_checkpoints_are_counted() -> None:
    """What a checkpoint copies stands in the plan, in the JSON and for people."""
    told = plan_run(recipe(average=0.9))
    assert told.memory.parts["checkpoint"] > 4 * told.parameters
    assert "checkpoint" in dict(told.lines())
    assert told.facts()["parts"]["checkpoint"] == told.memory.parts["checkpoint"]


def test_multiply_adds() -> None:
    """Three products of each layer on a full batch; of the first two: nobody needs its ∂x."""
    told = plan_run(recipe(batch_size=50))
    assert told.multiply_adds == 50 * (2 * 64 * 20 + 3 * 20 * 10 + 3 * 10 * 10)


def test_facts_are_json_and_lines_are_words() -> None:
    """The table and the JSON tell the same total, the limit and whether it fits."""
    told = plan_run(recipe())
    facts = json.loads(json.dumps(told.facts()))
    assert facts["total_bytes"] == sum(facts["parts"].values())
    assert facts["fits"] is told.fits
    assert {name for name, _ in told.lines()} >= {"parameters", "in all", "left", "engine"}


def test_what_does_not_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A plan says that a run would be refused, and the run is, before its folder is made."""
    limit = Limit(40_000_000, "a limit of this test")
    monkeypatch.setattr(memory, "memory_left", lambda: limit)
    monkeypatch.setattr(planning, "memory_left", lambda: limit)
    wide = recipe(hidden_layer_sizes=[3000, 3000])
    told = plan_run(wide)
    assert not told.fits
    assert ("fits", "no: a training would be refused") in told.lines()
    with pytest.raises(dr.InvalidInput, match="40 MB are left"):
        train_run(wide, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_mapped_rows_are_on_disk(tmp_path: Path) -> None:
    """Rows that stay in their file are told apart from memory."""
    np.save(tmp_path / "X.npy", np.zeros((100, 50)))
    np.save(tmp_path / "y.npy", np.arange(100) % 2)
    told = plan_run(recipe(data=str(tmp_path)))
    assert told.memory.on_disk == 40_000
    assert told.memory.parts["rows in memory"] == 0
    assert ("rows on disk", "40 kB, read as needed") in told.lines()


def test_table(tmp_path: Path) -> None:
    """A table counts as it is and as the numbers that it becomes."""
    lines = ["a,b,y", *(f"{i},{'uvw'[i % 3]},{i % 2}" for i in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    told = plan_run(recipe(data=str(tmp_path / "t.csv"), target="y"))
    assert told.memory.parts["encoded table"] == 60 * 4 * 4
    assert told.memory.parts["rows in memory"] == 60 * 2 * 8
