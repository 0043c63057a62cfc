"""Mixed precision: short products between layers of a wider type."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from deltarule.learning.mixed import ShortProducts, with_short_products
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, BatchNorm, Dense
from deltarule.mathematics.activations import tanh

torch = pytest.importorskip("torch", reason="needs the optional package torch")
RNG = np.random.default_rng(0)


def views(layer: Any) -> SimpleNamespace:
    """Parameters and room for their gradients, float32."""
    p = SimpleNamespace()
    for name, shape in layer.parameters.items():
        setattr(p, name, torch.from_numpy(RNG.normal(size=shape).astype(np.float32)))
        setattr(p, f"d{name}", torch.full(shape, torch.nan))
    return p


def test_factors_are_rounded_and_numbers_stay_wide() -> None:
    """Products are those of bfloat16 factors; values and gradients come back in float32."""
    layer = ShortProducts(Dense(5, 4))
    p, x, g = views(layer), torch.randn(7, 5), torch.randn(7, 4)
    y, pullback = layer(p, x)
    below = pullback(g)
    for found, exact in (
        (y, x @ p.W + p.b),
        (below, g @ p.W.T),
        (p.dW, x.T @ g),
        (p.db, g.sum(0)),
    ):
        assert found.dtype == torch.float32
        error = float((found - exact).norm() / exact.norm())
        assert 1e-5 < error < 0.02


def test_exact_where_bfloat16_is() -> None:
    """Whole numbers of few digits are exact in bfloat16: then so is everything."""
    layer = ShortProducts(Dense(3, 2, bias=False))
    p = views(layer)
    p.W[...] = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]])
    x, g = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[2.0, -1.0]])
    y, pullback = layer(p, x)
    assert y.tolist() == (x @ p.W).tolist()
    assert pullback(g, False) is None
    assert p.dW.tolist() == (x.T @ g).tolist()


def test_the_layout_is_the_same() -> None:
    """A chain of such layers has parameters and statistics where the plain one has them."""
    layers = {"dense1": Dense(4, 3, bias=False), "bn": BatchNorm(3), "tanh": Activation(tanh)}
    layers["dense2"] = Dense(3, 2)
    plain, mixed = Chain(layers), Chain(with_short_products(layers))
    assert {n: vars(s) for n, s in plain.layout.slots.items()} == {
        n: vars(s) for n, s in mixed.layout.slots.items()
    }
    plain.initialize(5)
    mixed.initialize(5)
    np.testing.assert_array_equal(plain.theta, mixed.theta)
    np.testing.assert_array_equal(plain.statistics, mixed.statistics)
    assert [type(layer) for layer in mixed.layers.values()] == [
        ShortProducts,
        BatchNorm,
        Activation,
        ShortProducts,
    ]
