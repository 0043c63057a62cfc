"""Networks of every kind, small and trained, and which formats can be checked here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr

GENERATOR = np.random.default_rng(0)
N = 48
X = GENERATOR.normal(3.0, 5.0, size=(N, 6))
PIXELS = GENERATOR.integers(0, 256, (N, 6)).astype(np.uint8)
Y = np.arange(N) % 3
NUMBERS = X @ GENERATOR.normal(size=6) * 100.0 + 1e4
COUNTS = GENERATOR.poisson(3.0, N)


def missing(*packages: str) -> str:
    """Why a format cannot be checked here, or nothing."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"needs {' and '.join(absent)}" if absent else ""


NEEDS = {"onnx": missing("onnx", "onnxruntime"), "torch": missing("torch"), "numpy": ""}
FORMATS = [
    pytest.param(to, marks=pytest.mark.skipif(bool(why), reason=why or "here"))
    for to, why in NEEDS.items()
]
needs_onnx = pytest.mark.skipif(bool(NEEDS["onnx"]), reason=NEEDS["onnx"] or "here")
needs_torch = pytest.mark.skipif(bool(NEEDS["torch"]), reason=NEEDS["torch"] or "here")

LEVELS = {"name": "quantile", "level": [0.9, 0.1, 0.5]}
# Rows, targets, outputs and arguments, by what is told apart or predicted.
KINDS: dict[str, tuple[Any, Any, int, dict[str, Any]]] = {
    "classes": (X, Y, 3, {}),
    "text": (X, np.array(["b", 'ä "quoted"', "c d"])[Y], 3, {}),
    "odd text": (X, np.array(['a"""\n', "{b}", "\\'\u202e"])[Y], 3, {}),
    "named": (X, np.array([10, 30, 20])[Y], 3, {"classes": [30, 20, 10]}),
    "booleans": (X, Y > 0, 2, {}),
    "binary": (X, Y > 0, 1, {"loss": "binary_cross_entropy"}),
    "binary numbers": (X, (Y > 0).astype(int), 1, {"loss": "binary_cross_entropy"}),
    "binary text": (X, np.array(["no", "yes"])[Y % 2], 1, {"loss": "binary_cross_entropy"}),
    "multilabel": (X, np.eye(3)[Y], 3, {"loss": "binary_cross_entropy"}),
    "bytes": (PIXELS, Y, 3, {"scaling": "auto"}),
    "no scaling": (X, Y, 3, {"scaling": "none"}),
    "one scale": (X, Y, 3, {"scaling": "unit"}),
    "squared_error": (X, NUMBERS, 1, {"loss": "squared_error"}),
    "half_squared_error": (X, NUMBERS, 1, {"loss": "half_squared_error"}),
    "absolute_error": (X, NUMBERS, 1, {"loss": "absolute_error"}),
    "huber": (X, NUMBERS, 1, {"loss": "huber"}),
    "poisson": (X, COUNTS, 1, {"loss": "poisson"}),
    "several counts": (X, np.stack([COUNTS, COUNTS + 1], 1), 2, {"loss": "poisson"}),
    "one column": (X, NUMBERS[:, None], 1, {"loss": "squared_error"}),
    "several numbers": (X, np.stack([NUMBERS, -NUMBERS], 1), 2, {"loss": "squared_error"}),
    "not standardised": (X, Y, 1, {"loss": "squared_error", "standardize_targets": False}),
    "quantile": (X, NUMBERS, 1, {"loss": {"name": "quantile", "level": 0.9}}),
    "several quantiles": (X, NUMBERS, 3, {"loss": LEVELS}),
    "quantiles of several": (X, np.stack([NUMBERS] * 3, 1), 3, {"loss": LEVELS}),
}


def trained(kind: str = "classes", **arguments: Any) -> dr.Network:
    """A small network of a kind, after two epochs."""
    rows, y, k, own = KINDS[kind]
    net = dr.Network([6, 8, 5, k], **{"scaling": "feature", **own, **arguments})
    net.train(rows, y, epochs=2, lr=0.01, progress=False)
    return net


def name_for(folder: Path, to: str) -> Path:
    """A file name that fits a format."""
    return folder / ("net.onnx" if to == "onnx" else "net.py")
