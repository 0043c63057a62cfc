"""What tests of comparisons share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr

SMALL = {"epochs": 2, "hidden_layer_sizes": [8]}


@pytest.fixture
def compare(tmp_path: Path, plain_pages: None) -> Callable[..., dr.Comparison]:
    """Small comparisons on digits, without pictures, in this process."""

    def small(**given: Any) -> dr.Comparison:
        changes = {**SMALL, **given.pop("changes", {})}
        settled = {"vary": {"optimizer": ["adam", "sgd"]}} if "recipes" not in given else {}
        settled |= {"seeds": 2, "out": tmp_path / "it", "n_jobs": 1, "progress": False}
        return dr.compare("digits", **{**settled, **given}, changes=changes)

    return small
