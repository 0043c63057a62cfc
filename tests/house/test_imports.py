"""Importing is quick: what is slow to import waits until it is used."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": ""}
SLOW = (
    "PIL",
    "dask",
    "jinja2",
    "joblib",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "optuna",
    "pandas",
    "pooch",
    "pyarrow",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "tensorboardX",
    "torch",
)


def run(code: str) -> str:
    """The output of a Python program of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    "code",
    [
        "import deltarule",
        "import deltarule; net = deltarule.Network([3, 4, 2]); net.predict([[1, 2, 3]])",
        "import deltarule; net = deltarule.Network([2, 3, 2]); "
        "net.train([[0, 1], [1, 0]] * 9, [0, 1] * 9, epochs=1, progress=False)",
        "from deltarule.cli.main import main; main(['train', '--help'])",
        "from deltarule.cli.main import main; main(['sweep', '--help'])",
        "from deltarule.cli.main import main; main(['recipes'])",
        "import deltarule; deltarule.load_data('digits')",
    ],
    ids=["import", "network", "training", "help", "help of sweep", "recipes", "digits"],
)
def test_nothing_slow_is_imported(code: str) -> None:
    """These import none of the packages that take long."""
    ending = f"""
import json, sys
print()
print(json.dumps(sorted(set({SLOW!r}) & set(sys.modules))))
"""
    guarded = f"try:\n    {code}\nexcept SystemExit:\n    pass\n{ending}"
    assert json.loads(run(guarded).splitlines()[-1]) == []


def test_estimators_import_of_scikit_learn_what_they_stand_on() -> None:
    """Beside its base classes none of the parts that take long: they wait until a fit asks."""
    pytest.importorskip("sklearn")
    parts = ("datasets", "metrics", "model_selection", "preprocessing", "linear_model")
    there = f"{{'sklearn.' + part for part in {parts!r}}} & set(sys.modules)"
    base = "import importlib.util as there_is, sys, sklearn.base\n"
    base += "if there_is.find_spec('sklearn.callback'):\n    import sklearn.callback\n"
    ours = "import deltarule; deltarule.MLPClassifier, deltarule.MLPRegressor\n"
    assert run(f"{base}before = {there}\n{ours}print(sorted({there} - before))") == "[]\n"


def seconds(words: list[str]) -> float:
    """Wall-clock time of one process."""
    started = time.perf_counter()
    subprocess.run(words, env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - started


def test_time() -> None:
    """`import deltarule` takes at most 2.5 times, `--help` at most 3.5 times `import numpy`.

    Medians of interleaved runs, so that a busy machine slows all alike; three tries.
    """
    commands = {
        "numpy": [sys.executable, "-c", "import numpy"],
        "deltarule": [sys.executable, "-c", "import deltarule"],
        "help": [sys.executable, "-m", "deltarule", "--help"],
    }
    for command in commands.values():
        seconds(command)  # compiles to bytecode where that has not been done
    ratios = []
    for _ in range(3):
        times = {name: [] for name in commands}
        for _ in range(5):
            for name, command in commands.items():
                times[name].append(seconds(command))
        medians = {name: statistics.median(values) for name, values in times.items()}
        ratios.append({name: medians[name] / medians["numpy"] for name in ("deltarule", "help")})
        if ratios[-1]["deltarule"] <= 2.5 and ratios[-1]["help"] <= 3.5:
            return
    pytest.fail(f"too slow to import: {ratios}")
