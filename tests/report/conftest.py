"""Facts of runs as the learner would hand them to a report."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.report import comparisons, intervals, lines, plots, sweep_plots

sys.path.append(str(Path(__file__).parent))

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    '"quoted\'"\nand\r\nbroken',
    "x" * 5000,
    "\u202eשלום עולם",
    "😀👩‍👩‍👧 漢字",
    "$\\frac{1}$",
    "<svg onload=alert(1)>",
    "--><!-- ]]> a&b;&lt;",
    "\x00\x1b[31m\ud800",
    'id="title" #010203 url(#a)',
]


@pytest.fixture(scope="module")
def drawn_once() -> Iterator[dict[bytes, Any]]:
    """Pictures of equal values are drawn once for all tests of a file: most of their pages differ
    in words alone.  It is the store of these pictures, which a test may clear.
    """
    drawn: dict[bytes, Any] = {}

    def remembering(draw: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(draw)
        def recalled(*args: Any, **kwargs: Any) -> Any:
            of = pickle.dumps((draw.__module__, draw.__name__, args, kwargs))
            if of not in drawn:
                drawn[of] = draw(*args, **kwargs)
            return drawn[of]

        return recalled

    with pytest.MonkeyPatch.context() as patch:
        for module in (lines, plots, intervals, sweep_plots):
            for name in module.__all__:
                if callable(getattr(module, name)):
                    patch.setattr(module, name, remembering(getattr(module, name)))
        patch.setattr(comparisons, "bands", remembering(comparisons.bands))
        yield drawn


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    """Ten names that try to leave their place."""
    return HOSTILE


@pytest.fixture(scope="session")
def make_history() -> Callable[..., list[dict[str, Any]]]:
    """`make_history(epochs)`: a history that learns, then overfits."""

    def make(epochs: int = 20) -> list[dict[str, Any]]:
        return [
            {
                "epoch": e,
                "step": 352 * e,
                "lr": 0.001 * (1 - (e - 1) / epochs),
                "seconds": 3.5 * e,
                "train_loss": 0.4 + 2 * math.exp(-e / 14),
                "train_accuracy": 0.72 - 0.45 * math.exp(-e / 9),
                "val_loss": 1.36 + 0.5 * math.exp(-e / 3) + 0.002 * max(0, e - 14),
                "val_accuracy": 0.521 - 0.25 * math.exp(-e) - 0.001 * max(0, e - 14),
                "ratio_dense1": 0.004 / e,
                "ratio_dense2": 0.001 / e,
                "dead_dense1": 0.02 * e,
            }
            for e in range(1, epochs + 1)
        ]

    return make


@pytest.fixture(scope="session")
def make_facts(make_history: Callable[..., list[dict[str, Any]]]) -> Callable[..., dict[str, Any]]:
    """`make_facts(**changes)`: all facts of a classifier of colour images, 10 classes."""

    def make(**changes: Any) -> dict[str, Any]:
        random = np.random.default_rng(0)
        facts: dict[str, Any] = {
            "title": "cifar10 · report-best",
            "data": {
                "name": "cifar10",
                "n_train": 45000,
                "n_val": 5000,
                "n_features": 3072,
                "n_outputs": 10,
            },
            "task": "classification",
            "history": make_history(20),
            "best_epoch": 14,
            "monitor": "val_loss",
            "seconds": 71.3,
            "parameters": 323060,
            "engine": "reference",
            "layers": [
                {"name": "Dense", "detail": "3072 → 10", "output": "10", "parameters": 30730}
            ],
            "confusion": random.integers(0, 60, (10, 10)) + 300 * np.eye(10, dtype=int),
            "class_names": [f"class {i}" for i in range(10)],
            "calibration": {
                "n": np.array([700, 1300, 3000]),
                "confidence": np.array([0.3, 0.6, 0.9]),
                "right": np.array([0.35, 0.55, 0.8]),
                "bins": 15,
                "error": 0.07,
            },
            "mistakes": {
                "rows": [
                    {"true": "cat", "predicted": "dog", "confidence": 0.99, "of_true": 0.004}
                    for _ in range(12)
                ],
                "wrong": 2400,
                "n": 5000,
                "images": random.integers(0, 256, (12, 32, 32, 3)).astype(np.uint8),
            },
            "first_layer": {"W": random.normal(size=(3072, 100)), "image_shape": (3, 32, 32)},
            "recipe": '[data]\nname = "cifar10"\n',
            "versions": {"deltarule": "0.1.0", "numpy": "2.4"},
            "command": "deltarule train cifar10 --recipe report-best",
            "warnings": [],
        }
        return facts | changes

    return make


def summary(values: list[float]) -> dict[str, Any] | None:
    """What a comparison says of some numbers."""
    if not values:
        return None
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return {"n": 1, "mean": mean, "sd": None, "low": None, "high": None}
    sd = float(np.std(values, ddof=1))
    half = 2.776 * sd / math.sqrt(n)
    return {"n": n, "mean": mean, "sd": sd, "low": mean - half, "high": mean + half}


def run_of(random: np.random.Generator, seed: int, place: int, epochs: int) -> dict[str, Any]:
    """One run that learns, of arm `place`, each a little slower and better than the one before."""
    top = 0.5 + 0.004 * place + 0.004 * random.normal()
    pace = 2.0 + 0.7 * place
    step = 0.8 + 0.05 * random.random()
    history = [
        {
            "epoch": e,
            "step": 352 * e,
            "lr": 0.003 * 0.97**e,
            "seconds": step * e,
            "train_loss": 0.9 + 1.4 * math.exp(-e / (2 * pace)),
            "train_accuracy": top + 0.1 - 0.4 * math.exp(-e / pace),
            "val_loss": 1.4 + 0.8 * math.exp(-e / pace) + 0.01 * random.normal(),
            "val_accuracy": top - 0.3 * math.exp(-e / pace) + 0.003 * random.normal(),
        }
        for e in range(1, epochs + 1)
    ]
    values = [record["val_accuracy"] for record in history]
    best = int(np.argmax(values))
    reached = next((e for e, value in enumerate(values, 1) if value >= 0.42), None)
    return {
        "seed": seed,
        "status": "done",
        "message": None,
        "folder": f"runs/arm-{place}/seed-{seed}",
        "seconds": step * epochs,
        "best_epoch": best + 1,
        "best": values[best],
        "end": values[-1],
        "at_equal_time": values[min(len(values) - 1, int(0.8 * epochs))],
        "epochs_to_target": reached,
        "steps_to_target": reached and 352 * reached,
        "seconds_to_target": reached and step * reached,
        "history": history,
    }


def arm_of(name: str, place: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One arm and what its runs come to."""
    done = [run for run in runs if run["status"] == "done"]
    reached = [run for run in done if run["epochs_to_target"]]
    return {
        "name": name,
        "changes": {"optimizer": name},
        "tuned": {"lr": 0.003},
        "parameters": 322960,
        "runs": runs,
        **{k: summary([r[k] for r in done]) for k in ("best", "end", "at_equal_time", "seconds")},
        "to_target": {
            "reached": len(reached),
            "of": len(done),
            **{
                k: summary([r[f"{k}_to_target"] for r in reached])
                for k in ("epochs", "steps", "seconds")
            },
        },
    }


def differences_of(arms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each arm minus the first, paired by seed."""
    found = []
    first = {r["seed"]: r for r in arms[0]["runs"] if r["status"] == "done"}
    for arm in arms[1:]:
        pairs = [(r, first[r["seed"]]) for r in arm["runs"] if r["status"] == "done"
                 and r["seed"] in first]  # fmt: skip
        for at in ("best", "end", "at_equal_time"):
            numbers = summary([a[at] - b[at] for a, b in pairs])
            if numbers:
                test = {"p": 0.0625, "p_holm": 0.125} if len(pairs) > 1 else {}
                found.append(
                    {"arm": arm["name"], "against": arms[0]["name"], "at": at, **numbers, **test}
                )
    return found


@pytest.fixture(scope="session")
def make_comparison() -> Callable[..., dict[str, Any]]:
    """`make_comparison(names, seeds, epochs, diverged, **changes)`: the facts of a comparison.

    `diverged` names arms of which the last run diverged, or with `all_diverged` every run.
    """

    def make(
        names: Sequence[str] = ("adam", "sgd"),
        seeds: int = 5,
        epochs: int = 20,
        diverged: Sequence[str] = (),
        all_diverged: Sequence[str] = (),
        **changes: Any,
    ) -> dict[str, Any]:
        random = np.random.default_rng(0)
        arms = []
        for place, name in enumerate(names):
            runs = [run_of(random, seed, place, epochs) for seed in range(seeds)]
            stopped = runs if name in all_diverged else runs[-1:] if name in diverged else []
            for run in stopped:
                run["history"] = run["history"][:3]
                run |= dict.fromkeys(set(run) - {"seed", "folder", "history"})
                run |= {
                    "status": "diverged",
                    "message": "Training diverged: the loss was not finite.",
                }
            arms.append(arm_of(name, place, runs))
        facts: dict[str, Any] = {
            "title": "Adam or SGD? cifar10, the report's network",
            "verdict": [
                "adam reached 42 % in 3.1 ± 0.2 epochs, sgd in 9.4 ± 0.8.",
                "Final accuracy differs by 0.2 ± 0.6 points: no evidence of a difference over 5 "
                "seeds.",
            ],
            "warnings": [f"A run of {name} diverged." for name in (*diverged, *all_diverged)],
            "metric": {"name": "val_accuracy", "greater_is_better": True, "share": True},
            "seeds": list(range(seeds)),
            "level": 0.95,
            "smallest_p": 2.0 / 2**seeds if seeds > 1 else None,
            "target": 0.42,
            "equal_time": 13.0,
            "data": {"name": "cifar10", "n_train": 45000, "n_val": 5000},
            "arms": arms,
            "differences": differences_of(arms),
            "tuning": [
                {
                    "arm": name,
                    "changes": {"lr": lr},
                    "n": 2,
                    "mean": None
                    if lr == 0.1
                    else 0.48 + 0.003 * place - 0.01 * abs(math.log(lr / 0.003)),
                    "sd": None if lr == 0.1 else 0.004,
                    "chosen": lr == 0.003,
                    "diverged": 2 if lr == 0.1 else 0,
                }
                for place, name in enumerate(names)
                for lr in (0.001, 0.003, 0.01, 0.1)
            ],
            "recipe": 'data = "cifar10"\nhidden_layer_sizes = [100, 100, 50]\n',
            "command": "deltarule compare cifar10 --vary optimizer=adam,sgd --seeds 5",
            "versions": {"deltarule": "0.1.0", "numpy": "2.4"},
            "machine": {"processes": 2, "cores": 2},
        }
        return facts | changes

    return make
