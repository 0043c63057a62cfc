"""Facts of runs as the learner would hand them to a report."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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
            "first_layer": {"W": random.normal(size=(3072, 100)), "image_shape": (3, 32, 32)},
            "recipe": '[data]\nname = "cifar10"\n',
            "versions": {"deltarule": "0.1.0", "numpy": "2.4"},
            "command": "deltarule train cifar10 --recipe report-best",
            "warnings": [],
        }
        return facts | changes

    return make
