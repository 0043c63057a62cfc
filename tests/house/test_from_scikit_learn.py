"""The guide for scikit-learn's users: its code runs, and it leaves nothing of either out."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn.neural_network as theirs
from sklearn.datasets import load_digits

import deltarule as ours

PAGE = Path(__file__).resolve().parents[2] / "docs" / "from-scikit-learn.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
# Rows of its tables whose first cell is a name, by section.
NAMES = {
    section.partition("\n")[0]: set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    for section in TEXT.split("\n## ")
}
BOTH = ("MLPClassifier", "MLPRegressor")


def run(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-X", "utf8", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_python_of_the_guide_runs(tmp_path: Path) -> None:
    """Its pieces run one after the other, as a reader would run them."""
    pieces = BLOCKS
    if not hasattr(ours.MLPClassifier, "set_callbacks"):  # scikit-learn before 1.9
        pieces = [piece for piece in pieces if "sklearn.callback" not in piece]
    if importlib.util.find_spec("skops") is None:
        pieces = [piece for piece in pieces if "skops" not in piece]
    assert len(pieces) >= 15
    run("\n".join(pieces), tmp_path)


def test_the_change_is_one_line(tmp_path: Path) -> None:
    """The first piece runs with the import that it leaves commented out in place of its own."""
    before, after = BLOCKS[0].splitlines()[:2]
    assert "deltarule" in after
    assert before.startswith("# from sklearn.neural_network import")
    program = BLOCKS[0].replace(after, before.removeprefix("# "))
    assert "deltarule" not in program
    run(program, tmp_path)


@pytest.mark.parametrize("name", BOTH)
def test_every_parameter_is_told(name: str) -> None:
    """Each parameter of theirs and of ours has a row of its own, and no other name has one."""
    for module in (theirs, ours):
        given = set(inspect.signature(getattr(module, name)).parameters)
        assert given <= NAMES["Every parameter"], module.__name__
    known = {
        parameter
        for module in (theirs, ours)
        for one in BOTH
        for parameter in inspect.signature(getattr(module, one)).parameters
    }
    assert NAMES["Every parameter"] <= known


def attributes(model: Any) -> set[str]:
    """The public fitted attributes of an estimator."""
    return {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}


def fitted() -> list[Any]:
    """Both classes of both, with and without rows held out."""
    pandas = pytest.importorskip("pandas")
    X, y = load_digits(return_X_y=True, as_frame=True)
    X, y = X[:200], y[:200]
    assert isinstance(X, pandas.DataFrame)
    settings = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0}
    models = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in (theirs, ours):
            for name in BOTH:
                for early in (False, True):
                    model = getattr(module, name)(**settings, early_stopping=early)
                    models.append(model.fit(X / 16, y))
        models.append(ours.MLPClassifier(**settings, calibrate=True).fit(X / 16, y))
    return models


def test_every_attribute_is_told() -> None:
    """Each fitted attribute of theirs and of ours has a row, and no other name has one."""
    found = set().union(*map(attributes, fitted()))
    assert found == NAMES["Every attribute"]


def test_the_last_layer_is_of_the_standardised_y() -> None:
    """What the page says of a regressor's `coefs_` gives its predictions."""
    X, y = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ours.MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X, y)
    h = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    targets = model.network_.preprocessing.targets
    z = h @ model.coefs_[-1] + model.intercepts_[-1]
    assert np.allclose((z * targets.std + targets.mean).ravel(), model.predict(X))
