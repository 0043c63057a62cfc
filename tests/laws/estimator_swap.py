"""A pytest plugin: scikit-learn's own MLP tests, with our classes in the place of theirs.

Their file is run where it is installed; that it imports ours is all that is changed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.neural_network

import deltarule as dr

outcomes: dict[str, str] = {}


def pytest_configure() -> None:
    """Swap the classes before the tests are imported."""
    sklearn.neural_network.MLPClassifier = dr.MLPClassifier
    sklearn.neural_network.MLPRegressor = dr.MLPRegressor


def pytest_runtest_setup() -> None:
    """Many of their tests leave the seed to NumPy's."""
    np.random.seed(0)


def pytest_runtest_logreport(report: Any) -> None:
    """Keep the worst outcome of a test's phases, and what it failed with."""
    name = report.nodeid.split("::", 1)[-1]
    if report.failed:
        outcomes[name] = str(report.longrepr).strip().splitlines()[-1] if report.longrepr else "?"
    elif report.when == "call" or report.skipped:
        outcomes.setdefault(name, "skipped" if report.skipped else "")


def pytest_sessionfinish() -> None:
    """Hand the outcomes over: test → "" where it passed."""
    Path(os.environ["OUTCOMES"]).write_text(json.dumps(outcomes), encoding="utf-8")
