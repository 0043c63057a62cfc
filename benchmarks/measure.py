"""What is measured: training, contention, inference, starting, and the accuracy of bf16."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contestants import OURS, PREDICTORS, TRAINERS, Contestant
from processes import race, with_kept_rows
from workloads import Workload

import deltarule as dr

IMPORTS = {
    "deltarule": "import deltarule",
    "deltarule, ready to train": "import deltarule as dr; dr.Network([2, 2])",
    "scikit-learn": "from sklearn.neural_network import MLPClassifier",
    "PyTorch": "import torch",
    "JAX": "import jax, jax.numpy, optax",
    "Keras": "import keras",
}


def training(
    works: list[Workload],
    contestants: list[Contestant],
    folder: Path,
    say: Callable[[str], None],
    **how: Any,
) -> dict[str, Any]:
    """Seconds per epoch of everybody on every workload, taking turns."""
    found = {}
    for work in works:
        say(f"training {work.name}")
        X, _ = work.rows()
        kept = with_kept_rows(work, folder)
        times = race([c for c in contestants if c.suits(work)], kept, "epochs", **how)
        found[work.name] = {
            "sizes": work.sizes,
            "batch": work.batch,
            "rows": len(X),
            "source": work.source,
            "multiply_adds": work.multiply_adds(len(X)),
            "contestants": times,
        }
    return found


@contextmanager
def busy_process() -> Iterator[None]:
    """One other process that never rests."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def contention(
    work: Workload,
    contestants: list[Contestant],
    folder: Path,
    say: Callable[[str], None],
    **how: Any,
) -> dict[str, Any]:
    """Seconds per epoch beside one busy process; the idle times are those of `training`."""
    say(f"contention on {work.name}")
    how["retake"] = False
    kept = with_kept_rows(work, folder)
    with busy_process():
        times = race([c for c in contestants if c.suits(work)], kept, "epochs", **how)
    return {"workload": work.name, "contestants": times}


def inference(
    works: list[Workload],
    contestants: list[Contestant],
    folder: Path,
    say: Callable[[str], None],
    **how: Any,
) -> dict[str, Any]:
    """Seconds of a prediction of one row and of 10,000 rows."""
    found: dict[str, Any] = {}
    for work in works:
        kept = with_kept_rows(work, folder)
        for what in ("row", "bulk"):
            say(f"inference of {work.name}, {what}")
            found.setdefault(work.name, {})[what] = race(contestants, kept, what, **how)
    return found


def starting(say: Callable[[str], None], repeat: int = 5) -> dict[str, Any]:
    """Seconds of whole processes: a training from the command line, and bare imports."""
    say("starting")
    names = {name: code for name, code in IMPORTS.items() if _works(code)}
    imports: dict[str, list[float]] = {name: [] for name in names}
    trains, bare = [], []
    for _ in range(repeat):
        bare.append(_seconds([sys.executable, "-c", ""]))
        for name, code in names.items():
            imports[name].append(_seconds([sys.executable, "-c", code]))
        with tempfile.TemporaryDirectory() as folder:
            words = ["-m", "deltarule", "train", "digits", "--quiet", "--out", f"{folder}/run"]
            trains.append(_seconds([sys.executable, *words]))
    start = statistics.median(bare)
    return {
        "train_digits": statistics.median(trains),
        "python": start,
        "imports": {name: statistics.median(times) - start for name, times in imports.items()},
    }


def _works(code: str) -> bool:
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def _seconds(words: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - begin


def accuracy(
    work: Workload, say: Callable[[str], None], *, seeds: int = 5, epochs: int = 10
) -> dict[str, Any]:
    """Validation accuracy on held-out rows, whole and with bf16 products, for each seed."""
    say(f"accuracy of bf16 on {work.name}")
    X, y = work.rows()
    held = len(X) // 10
    settings = {"lr": 0.002, "batch_size": work.batch, "epochs": epochs, "progress": False}
    found: dict[str, list[float]] = {"full": [], "bf16": []}
    for seed in range(seeds):
        for precision, values in found.items():
            net = dr.Network(
                work.sizes, seed=seed, schedule="linear", weight_decay=0.02, scaling="feature"
            )
            net.train(X[:-held], y[:-held], engine="fast", precision=precision, **settings)
            values.append(net.evaluate(X[-held:], y[-held:])["accuracy"])
    return {"workload": work.name, "epochs": epochs, "held_out": held, **found}


def peak(threads: int, seconds: float) -> dict[str, float]:
    """Multiply-adds per second that the processors reach in registers, the best of three."""
    from deltarule.engine import native

    core = native.core()
    return {"float32": max(core.peak("float32", threads, seconds) for _ in range(3))}


def everybody() -> tuple[list[Contestant], list[Contestant], dict[str, str]]:
    """Who can train, who can predict, and why the others cannot."""
    absent = {c.name: c.why_absent() for c in (*TRAINERS.values(), *PREDICTORS.values())}
    return (
        [c for c in TRAINERS.values() if not absent[c.name]],
        [c for c in PREDICTORS.values() if not absent[c.name]],
        {name: why for name, why in absent.items() if why and name != OURS},
    )
