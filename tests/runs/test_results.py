"""What stands in the result of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deltarule.runs.recipes import recipe_from
from deltarule.runs.results import RESULT_OF, is_result
from deltarule.runs.running import train_run

FACTS: dict[str, Any] = {
    name: kind() if kind in (str, list) else 1 if kind in (int, float | int) else None
    for name, kind in RESULT_OF.items()
}


@pytest.mark.parametrize("changes", [{}, {"validation": 0}])
def test_of_a_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What a run writes is one, with validation rows and without."""
    given = recipe_from({}, {"epochs": 1, "hidden_layer_sizes": [4], **changes})
    assert is_result(train_run(given, tmp_path / "run", progress=False).facts)
    assert is_result(FACTS)


def test_of_an_earlier_version() -> None:
    """A result from before there was its error in units of the target is a whole one."""
    earlier = {k: v for k, v in FACTS.items() if k != "val_root_mean_squared_error"}
    assert is_result(earlier)
    assert not is_result({**earlier, "val_root_mean_squared_error": 1.0})  # not in its place


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        {},
        {**FACTS, "more": 1},
        {**FACTS, "epochs": "1"},
        {**FACTS, "metric_name": None},
        {**FACTS, "val_loss": "nan"},
        dict(reversed(FACTS.items())),
        {k: v for k, v in FACTS.items() if k != "weights_sha256"},
    ],
)
def test_of_none(facts: Any) -> None:
    """What lacks a value, has another or one of another kind is none."""
    assert not is_result(facts)
