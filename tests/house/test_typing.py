"""What a type checker makes of programs that use the library."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import deltarule as dr
from deltarule.data.scaling import KINDS
from deltarule.estimators.losses import NUMBER_LOSSES, NumberLoss
from deltarule.network.settings import ScalingName

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = ("README.md", "docs/start.md")

ANSWERS = """
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import deltarule as dr
from deltarule.data.dataset import Table
from deltarule.data.selection import Input
from deltarule.learning.diagnosis import Diagnosis
from deltarule.learning.gradients import GradientReport
from deltarule.network.passes import ForwardPass, Gradients

data = dr.load_data("digits")
X, y = data.X[:1400], data.y[:1400]
assert_type(X, NDArray[Any])
assert_type(y, NDArray[Any])
table = dr.load_data("table.csv", target="y")
assert_type(table.X, Input | Table)
assert_type(table.X[:9], NDArray[Any] | Table)
assert_type(table.y, NDArray[Any])
rows = dr.load_data("table.csv", need_target=False)
assert_type(rows.y, NDArray[Any] | None)

net = dr.Network([64, 10], activation=["relu"], dtype=np.float64)
assert_type(net.train(X, y, epochs=1), dr.History)
assert_type(net.train(table.X, table.y), dr.History)
assert_type(net.predict(X), NDArray[Any])
assert_type(net.predict([[0.5] * 64]), NDArray[Any])
assert_type(net.evaluate(X, y), dict[str, float])
assert_type(net.forward(X), ForwardPass)
assert_type(net.backward(X, y)["dense1.W"], NDArray[Any])
assert_type(dr.check_gradients(net, X[:8], y[:8]), GradientReport)
assert_type(dr.load("net.safetensors"), dr.Network)

model = dr.MLPClassifier((100, 50), class_weight={0: 2.0}, random_state=0)
assert_type(model.fit(X, y, X_val=X, y_val=y), dr.MLPClassifier)
assert_type(model.fit(X, y).partial_fit(X, y), dr.MLPClassifier)
assert_type(model.initialize(64, range(10)), dr.MLPClassifier)
assert_type(model.set_params(alpha=1), dr.MLPClassifier)
assert_type(model.get_params(), dict[str, Any])
assert_type(model.predict(X), NDArray[Any])
assert_type(model.predict_proba(X), NDArray[Any])
assert_type(model.score(X, y), float)
assert_type(model.diagnose(), Diagnosis)
assert_type(model.network_, dr.Network)
assert_type(model.coefs_, list[NDArray[Any]])
assert_type(dr.MLPRegressor().fit(X, y).predict(X), NDArray[Any])
assert_type(dr.MLPRegressor().fit(X, y).score(X, y), float)


class Mine(dr.MLPClassifier):
    pass


assert_type(Mine().fit(X, y), Mine)
"""

MISTAKES = """
import deltarule as dr

data = dr.load_data("digits")
dr.MLPClassifier(aktivation="relu")
dr.MLPClassifier(scaling="features")
dr.MLPClassifier().fit(data.X, data.y, Xval=data.X)
dr.MLPRegressor(loss="log_loss")
dr.Network([2, 2], normalization="batchnorm")
dr.Network([2, 2]).train(data.X, data.y, engine="gpu")
dr.load_data("rows.csv", need_target=False).y[:3]
dr.Netwrok([2, 2])
"""


def problems(folder: Path, **programs: str) -> dict[str, list[str]]:
    """What mypy says of each program, in strict mode, by the number of its line."""
    for name, program in programs.items():
        (folder / f"{name}.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *(str(folder / f"{name}.py") for name in programs)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said: dict[str, list[str]] = {name: [] for name in programs}
    for line in done.stdout.splitlines():
        found = re.search(r"(\w+)\.py:(\d+): error: (.*)", line)
        if found:
            said[found[1]].append(f"{found[2]}: {found[3]}")
    return said


def program_of(page: str) -> str:
    """All Python of a page as one program; a block that defines an import anew is still one."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join(["import deltarule as dr", *BLOCK.findall(text)])


@pytest.mark.slow
def test_programs_of_users(tmp_path: Path) -> None:
    """Strict mypy passes the pages' Python, knows what calls return, and finds each mistake."""
    pytest.importorskip("mypy")
    pages = {f"page{i}": program_of(page) for i, page in enumerate(PAGES)}
    said = problems(tmp_path, answers=ANSWERS, mistakes=MISTAKES, **pages)
    found = {int(line.split(":")[0]) for line in said.pop("mistakes")}
    assert found == set(range(5, 5 + MISTAKES.count("\n") - 4))
    assert said == {name: [] for name in said}


def test_closed_choices_are_those_that_are_taken() -> None:
    """What the annotations of doors list is what their checks let through."""
    assert set(get_args(ScalingName)) == {"auto", *KINDS}
    assert get_args(NumberLoss) == tuple(NUMBER_LOSSES)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "Network"])
def test_help_says_what_parameters_are(name: str) -> None:
    """No parameter of a public method is annotated as Any, and each annotation can be resolved."""
    for method, function in inspect.getmembers(getattr(dr, name), inspect.isfunction):
        if (method != "__init__" and method.startswith("_")) or not function.__module__.startswith(
            "deltarule"
        ):
            continue
        get_type_hints(inspect.unwrap(function))
        vague = [
            f"{name}.{method}({p.name})"
            for p in inspect.signature(function).parameters.values()
            if p.annotation == "Any" and p.kind is not p.VAR_KEYWORD
        ]
        assert not vague
