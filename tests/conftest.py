"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from deltarule.engine import native

# The same examples in every run, and none fails because the machine is busy.
settings.register_profile(
    "laws", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("laws")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data(name)`: the folder of a real data set beside the repository, or a skip."""

    def find(name: str) -> Path:
        path = REAL_DATA / name
        if not path.exists():
            pytest.skip(
                f"needs the real data set {name} in a folder shared/data beside the project"
            )
        return path

    return find


@pytest.fixture
def core() -> Any:
    """The engine's compiled core, or a skip; with DELTARULE_REQUIRE_ENGINE=1 a failure."""
    if not native.available():
        required = os.environ.get("DELTARULE_REQUIRE_ENGINE") == "1"
        (pytest.fail if required else pytest.skip)(native.why_not())
    return native.core()
