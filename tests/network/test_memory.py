"""What a training takes of memory is told before it is taken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.engine import native
from deltarule.ground import memory as limits
from deltarule.learning.plan import Plan
from deltarule.network.memory import RowsInfo, describe_settings, training_memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Each: arguments of Network, n, n_val, arguments of train.
CASES: dict[str, tuple[dict[str, Any], int, int, dict[str, Any]]] = {
    "wide": ({"sizes": [1300, 1300, 900, 10]}, 300, 100, {}),
    "averaged": (
        {"sizes": [900, 1200, 5], "optimizer": "sgd", "dtype": "float64"},
        300,
        0,
        {"average": 0.9, "clip_norm": 1.0},
    ),
    "going back": (
        {"sizes": [1000, 1400, 5]},
        300,
        100,
        {"average": 0.9, "on_divergence": "rollback"},
    ),
    "normalised": (
        {"sizes": [300, 800, 800, 10], "normalization": "batch"},
        3000,
        1000,
        {"batch_size": 1500},
    ),
    "smooth": (
        {"sizes": [300, 1000, 1000, 3], "activation": "gelu", "dropout": 0.5},
        1600,
        0,
        {"batch_size": 800, "engine": "reference"},
    ),
    "many rows": ({"sizes": [4, 8, 2]}, 1_000_000, 150_000, {"batch_size": 4096}),
    "many numbers": (
        {"sizes": [10, 20, 60], "loss": "squared_error"},
        60_000,
        15_000,
        {"batch_size": 2048},
    ),
    "device": ({"sizes": [1300, 1300, 900, 10]}, 300, 100, {"device": "cpu", "average": 0.9}),
}
CASES |= {
    f"{name}, checkpoints": (*CASES[name][:3], {**CASES[name][3], "checkpoint_every": "4 steps"})
    for name in ("wide", "averaged", "many numbers")
}
CHILD = """
import json, sys
import numpy as np
import deltarule as dr
from deltarule.network import assembly

def told(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))

def rows(n, arguments):
    X = np.ones((n, arguments["sizes"][0]), np.float32)
    X[:, 0] = np.arange(n) % 7
    outputs = arguments["sizes"][-1]
    if arguments.get("loss"):
        return X, np.ones((n, outputs), np.float32) * X[:, :1]
    return X, np.arange(n, dtype=np.int64) % outputs

(arguments, n, n_val, options), folder = json.loads(sys.argv[1]), sys.argv[2]
small = {**arguments, "sizes": [3, *[4] * (len(arguments["sizes"]) - 2), 2]}
X, y = rows(4, small)
of_small = {k: v for k, v in options.items() if k != "batch_size"}
if "checkpoint_every" in options:
    of_small["checkpoints"], options["checkpoints"] = folder + "/small", folder + "/whole"
dr.Network(**small).train(X, y, X, y, epochs=1, progress=False, **of_small)
X, y = rows(n, arguments)
val = rows(n_val, arguments) if n_val else (None, None)
found = []
whole = assembly.training_memory
assembly.training_memory = lambda *a, **k: found.append(whole(*a, **k)) or found[-1]
before = told("VmRSS")
net = dr.Network(**arguments)
history = net.train(X, y, *val, epochs=2, progress=False, **options)
estimate = found[-1].total - found[-1].parts["rows in memory"]
print(json.dumps([estimate, told("VmHWM") - before, history.engine, found[-1].parts]))
"""


def in_child(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | one | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@LINUX
@pytest.mark.parametrize("case", CASES)
def test_estimate_is_what_a_process_takes(case: str, tmp_path: Path) -> None:
    """The memory told is what the process grows by, of networks, batches and rows of all sorts."""
    if case == "device":
        pytest.importorskip("torch", reason="needs the optional package torch")
    done = in_child(CHILD, json.dumps(CASES[case]), str(tmp_path))
    assert done.returncode == 0, done.stderr
    told, taken, engine, parts = json.loads(done.stdout)
    assert 0.7 * taken <= told <= 1.4 * taken, (engine, told, taken, parts)


@pytest.mark.parametrize(
    ("network", "training"),
    [
        ({}, {}),
        ({"dropout": 0.3, "l2": 0.01}, {"average": 0.9, "clip_norm": 1.0}),
        ({"dtype": "float64", "optimizer": "sgd"}, {}),
        ({}, {"precision": "bf16"}),
    ],
)
def test_engine_is_counted_to_the_byte(
    core: Any, network: dict[str, Any], training: dict[str, Any]
) -> None:
    """What the core is said to pack is what its trainer then holds."""
    net = dr.Network([30, 200, 50, 4], **network)
    s = net.settings
    plan = Plan(1, 32, 0, l2=s.l2, **training)
    layers, description = describe_settings(s, plan.engine, plan.precision)
    found = training_memory(s, layers, description, plan, RowsInfo(100, 0), monitored=False)
    held = []
    X, y = np.ones((100, 30), np.float32), np.arange(100) % 4

    def look(training: Any) -> None:
        held.append(training._steps._trainer.bytes)

    net.train(X, y, epochs=1, batch_size=32, progress=False, callbacks=look, **training)
    assert found.parts["engine"] == held[0]


def test_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that would not fit is refused in one sentence, and the network is as it was."""
    net = dr.Network([1000, 2000, 2])
    before = net.chain.theta.copy()
    limit = limits.Limit(30_000_000, "a limit of this test")
    monkeypatch.setattr(limits, "memory_left", lambda: limit)
    X, y = np.ones((4, 1000), np.float32), np.array([0, 1, 0, 1])
    with pytest.raises(
        dr.InvalidInput, match=r"would take \d+(\.\d+)? MB of memory, and 30 MB are left \(a limit"
    ):
        net.train(X, y, progress=False)
    assert (net.chain.theta == before).all()
    assert net.history is None
    with pytest.raises(dr.InvalidInput, match="A network of 20,020,000 weights would take"):
        dr.Network([10_000, 2000, 10])


def test_small_trainings_do_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where little is needed, nothing is read: a small training starts as quickly as before."""
    monkeypatch.setattr(limits, "memory_left", lambda: pytest.fail("looked"))
    X, y = np.ones((4, 10), np.float32), np.array([0, 1, 0, 1])
    dr.Network([10, 20, 2]).train(X, y, epochs=1, progress=False)


@LINUX
def test_refused_before_anything_is_taken() -> None:
    """Under a limit of the process itself a training is refused, not ended by a lack of memory."""
    code = (
        "import resource, deltarule as dr\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (400 << 20,) * 2)\n"
        "net = dr.Network([3000, 3000, 10])\n"
        "try:\n    net.train([[0.0] * 3000] * 4, [0, 1, 2, 3], progress=False)\n"
        "except dr.InvalidInput as error:\n    print(error)\n"
    )
    done = in_child(code)
    assert done.returncode == 0, done.stderr
    assert "the limit RLIMIT_DATA of this process" in done.stdout


def test_an_estimate_makes_nothing() -> None:
    """Of a network of two billion weights the memory is told without making it."""
    huge = dr.Network([3, 2]).settings
    settings = type(huge)(**{**huge.__dict__, "sizes": (40_000, 40_000, 2)})
    settings = type(huge)(**{**settings.__dict__, "activation": (), "dropout": (0.0,)})
    layers, description = describe_settings(settings, "auto", "full")
    plan, rows = Plan(1, 64, 0), RowsInfo(1000, 0)
    found = training_memory(settings, layers, description, plan, rows, monitored=True)
    assert found.parts["parameters"] == 4 * (40_000 * 40_002 + 40_002 - 40_000 + 40_000)
    assert not native.available() or found.parts["engine"] > found.parts["parameters"]
