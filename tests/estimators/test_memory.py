"""What a fit takes of memory is asked for before it is taken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

import deltarule as dr
from deltarule.estimators.memory import FitSize
from deltarule.estimators.samples import Samples
from deltarule.ground import memory as limits
from deltarule.ground.contracts import Array

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::deltarule.DoubtfulFit"
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Each: the estimator, its parameters, rows, features, outputs.
CASES: dict[str, tuple[str, dict[str, Any], int, int, int]] = {
    "wide": ("MLPClassifier", {"hidden_layer_sizes": [1000, 900]}, 200, 1000, 10),
    "rows held out": (
        "MLPRegressor",
        {"hidden_layer_sizes": [1500], "early_stopping": True, "solver": "sgd"},
        12_000,
        300,
        5,
    ),
    "reference": (
        "MLPClassifier",
        {"hidden_layer_sizes": [1000, 800], "engine": "reference", "average": 0.9, "dropout": 0.2},
        600,
        300,
        3,
    ),
    "many features": ("MLPClassifier", {"hidden_layer_sizes": [100]}, 12_000, 1000, 3),
    "lbfgs, wide": (
        "MLPClassifier",
        {"hidden_layer_sizes": [800], "solver": "lbfgs", "max_iter": 12},
        50,
        1000,
        5,
    ),
    "lbfgs, rows": (
        "MLPClassifier",
        {"hidden_layer_sizes": [200], "solver": "lbfgs", "max_iter": 3},
        30_000,
        100,
        3,
    ),
}
CHILD = """
import json, sys, warnings
import numpy as np
import deltarule as dr
from deltarule.estimators import memory

warnings.simplefilter("ignore")
kind, options, n, d, k = json.loads(sys.argv[1])
kind, options = getattr(dr, kind), {"max_iter": 2, "tol": 0.0, **options}

def told(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))

def rows(n, d):
    X = np.ones((n, d), np.float32)
    X[:, 0] = np.arange(n) % 7
    return X, np.arange(n) % k if kind is dr.MLPClassifier else X[:, :1] * np.ones((1, k))

small = [4] * len(options["hidden_layer_sizes"])
kind(**{**options, "hidden_layer_sizes": small}).fit(*rows(300, 3))
X, y = rows(n, d)
found, whole = [], memory.FitSize.memory
memory.FitSize.memory = lambda *a, **k: found.append(whole(*a, **k)) or found[-1]
before = told("VmRSS")
model = kind(**options).fit(X, y)
print(json.dumps([found[-1].new, told("VmHWM") - before, model.history_.engine, found[-1].parts]))
"""


@LINUX
@pytest.mark.parametrize("case", CASES)
def test_estimate_is_what_a_process_takes(case: str) -> None:
    """The memory told is what the process grows by, doctor, copies and L-BFGS included."""
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(CASES[case])],
        env=os.environ | one,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, taken, engine, parts = json.loads(done.stdout)
    assert 0.7 * taken <= told <= 1.4 * taken, (engine, told, taken, parts)


def rows(n: int = 40, d: int = 1000) -> tuple[Array, Array]:
    """Rows that a network learns nothing from."""
    return np.ones((n, d), np.float32), np.arange(n) % 2


def nearly_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were 50 MB of memory left."""
    limit = limits.Limit(50_000_000, "a limit of this test")
    monkeypatch.setattr(limits, "memory_left", lambda: limit)


@pytest.mark.parametrize("kind", [dr.MLPClassifier, dr.MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch, kind: Any, solver: str) -> None:
    """A fit that would not fit is refused in one sentence before a network is made."""
    nearly_none(monkeypatch)
    model = kind(hidden_layer_sizes=(2000,), solver=solver)
    with pytest.raises(
        dr.InvalidInput,
        match=r"^This training \(the largest part: .+\) would take .+ of memory, and 50 MB are "
        r"left \(a limit of this test\); make hidden_layer_sizes or batch_size smaller",
    ):
        model.fit(*rows())
    assert not hasattr(model, "network_")
    with pytest.raises(NotFittedError):
        model.predict(rows()[0])


def test_going_on_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm start on more rows than there is room for leaves the fit before as it was."""
    X, y = rows(40, 50)
    model = dr.MLPClassifier((20,), max_iter=2, warm_start=True, early_stopping=True).fit(X, y)
    before = model.network_.chain.theta.copy()
    nearly_none(monkeypatch)
    X = np.broadcast_to(np.float32(1.0), (400_000, 50))
    with pytest.raises(dr.InvalidInput, match="largest part: rows held out, and the others"):
        model.fit(X, np.arange(len(X)) % 2)
    assert (model.network_.chain.theta == before).all()
    assert model.n_iter_ == 2


def test_small_fits_do_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where little is needed nothing is read: a small fit starts as quickly as before."""
    monkeypatch.setattr(limits, "memory_left", lambda: pytest.fail("looked"))
    X, y = rows(40, 5)
    dr.MLPClassifier((10,), max_iter=2).fit(X, y).partial_fit(X, y)


def test_sparse_rows_count_as_they_will_lie() -> None:
    """Sparse rows that will be made dense are counted as dense ones; larger ones as they are."""
    model = dr.MLPClassifier((3,), max_iter=1).fit(*rows(40, 50))
    settings = model.network_.settings
    few = sparse.csr_matrix((1000, 50), dtype=np.float32)
    many = sparse.csr_matrix((10_000_000, 50), dtype=np.float32)
    for X, dense in ((few, 1000 * 50 * 4), (many, 0)):
        size = FitSize(Samples(X, np.zeros(0), None), None)
        assert size.memory(model, settings).parts["sparse rows as dense ones"] == dense


def test_an_engine_that_is_not_there_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """engine="fast" for what it cannot do is refused before a network is made."""
    model = dr.MLPClassifier((3,), engine="fast", normalization="batch")
    with pytest.raises((dr.InvalidInput, dr.NotAvailable), match="engine"):
        model.fit(*rows(40, 5))
    assert not hasattr(model, "network_")
