"""Activations in ONNX's operators: all there are, and the one that had to be computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import deltarule as dr
from deltarule.exporting import numpy_predictor, torch_module
from deltarule.exporting.onnx_operators import COMPOSED, PLAIN, _tail_coefficients
from deltarule.ground.errors import names_in


@pytest.mark.parametrize(
    "table", [PLAIN, COMPOSED, numpy_predictor.ACTIVATIONS, torch_module.ACTIVATIONS]
)
def test_every_activation_has_its_form(table: dict[str, object]) -> None:
    """An activation that is added needs a form in each format."""
    assert set(table) == set(names_in(dr.activations))


def test_the_normal_tail() -> None:
    """½·erfc(a) = t·e^(P(t) − a²) to 14 digits, wherever it is a normal number."""
    a = np.concatenate([np.linspace(0, 3, 301), np.linspace(3, 26, 200)])
    t = 2.0 / (2.0 + a)
    p = np.polynomial.chebyshev.chebval(2.0 * t - 1.0, _tail_coefficients())
    exact = np.array([0.5 * math.erfc(v) for v in a])
    ours = t * np.exp(p - a * a)
    error = abs(ours / exact - 1.0) / (1.0 + a * a)  # e^(−a²) itself loses a²·ε
    assert error.max() < 1e-14
