"""Laws of every activation, found in the module."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.mathematics import activations

NAMES = names_in(activations)
every_activation = pytest.mark.parametrize("name", NAMES)
laws = settings(deadline=None, derandomize=True, max_examples=40)

STEP = 1e-30
# One ordinary point among them: where all of tanh is saturated, 1 − y² has no digits to compare.
points = st.lists(st.floats(-12, 12), max_size=20).map(lambda x: np.array([0.5, *x]))


def of(name: str) -> Callable[..., Any]:
    """The activation of this name."""
    return getattr(activations, name)  # type: ignore[no-any-return]


def derivative(function: Callable[..., Any], x: Any, **options: float) -> Any:
    """f′(x), by the pullback of ones."""
    return function(x, **options)[1](x * 0.0 + 1.0)


def options_of(function: Callable[..., Any]) -> list[dict[str, float]]:
    """The defaults, and each option at some other value."""
    options = [
        p for p in inspect.signature(function).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    return [{}, *({p.name: 0.5 * p.default + 0.1} for p in options)]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖a − b‖₂/max(‖a‖₂, ‖b‖₂)."""
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-300))


def extremes(dtype: type) -> np.ndarray:
    """The corners of the finite numbers, and each power of two between them."""
    info = np.finfo(dtype)
    sizes = np.ldexp(np.array(1.0, dtype), np.arange(info.minexp - info.nmant, info.maxexp))
    x = np.concatenate([[0.0, info.max, 88.7, 103.9, 709.7, 745.1, 1e4], sizes]).astype(dtype)
    return np.concatenate([x, -x])


@every_activation
@laws
@given(x=points)
@example(x=np.array([-30.0, -5.0, -1e-8, 1e-8, 5.0, 30.0]))
def test_pullback_is_the_complex_step(name: str, x: np.ndarray) -> None:
    """The pullback is Im f(x + ih)/h at every point, with every option."""
    function = of(name)
    x = x[~np.isin(x, function.kinks)]
    for options in options_of(function):
        y, _ = function(x + STEP * 1j, **options)
        assert distance(derivative(function, x, **options), y.imag / STEP) <= 1e-12


@every_activation
@laws
@given(x=points)
def test_pullback_is_the_slope(name: str, x: np.ndarray) -> None:
    """Away from kinks the pullback is the fourth-order central difference."""
    function, h = of(name), 1e-3
    for kink in function.kinks:
        x = x[abs(x - kink) > 2 * h]
    for options in options_of(function):

        def f(x: np.ndarray, options: dict[str, float] = options) -> np.ndarray:
            return function(x, **options)[0]  # type: ignore[no-any-return]

        slope = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
        np.testing.assert_allclose(derivative(function, x, **options), slope, rtol=1e-9, atol=1e-9)


@every_activation
@laws
@given(x=points, seed=st.integers(0, 9))
def test_pullback_is_linear_and_elementwise(name: str, x: np.ndarray, seed: int) -> None:
    """The pullback multiplies g by f′(x), entry by entry, in any shape."""
    function = of(name)
    g = np.random.default_rng(seed).normal(size=x.shape)
    expected = g * derivative(function, x)
    np.testing.assert_allclose(function(x)[1](g), expected, rtol=1e-15, atol=1e-300)
    column = function(x[:, None])[1](g[:, None])
    assert np.array_equal(column, function(x)[1](g)[:, None])


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_finite_input_is_too_extreme(name: str, dtype: type) -> None:
    """From the smallest to the largest number: no NaN, no warning, the dtype is kept."""
    function, x = of(name), extremes(dtype)
    for options in options_of(function):
        y, pullback = function(x, **options)
        slope = pullback(np.ones_like(x))
        assert y.dtype == slope.dtype == dtype
        assert not np.isnan(y).any()
        assert np.isfinite(y[abs(x) <= np.finfo(dtype).max / 2]).all()
        assert np.isfinite(slope).all()


@every_activation
@laws
@given(
    x32=st.floats(width=32, allow_nan=False, allow_infinity=False),
    x64=st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_finite_input_is_calm(name: str, x32: float, x64: float) -> None:
    """For any finite number: no NaN, no warning, and a finite slope."""
    for x in (np.array([x32], np.float32), np.array([x64])):
        y, pullback = of(name)(x)
        assert not np.isnan(y).any()
        assert np.isfinite(pullback(np.ones_like(x))).all()


@every_activation
def test_input_is_left_alone(name: str) -> None:
    """Neither the value nor the pullback writes to x or g."""
    x, g = np.linspace(-2, 2, 9), np.linspace(1, 2, 9)
    x.setflags(write=False)
    g.setflags(write=False)
    _, pullback = of(name)(x)
    first = pullback(g).copy()
    assert np.array_equal(pullback(g), first)


@pytest.mark.parametrize("name", [name for name in NAMES if of(name).kinks])
def test_slope_at_each_kink_lies_between_its_sides(name: str) -> None:
    """At a kink the slope is a subgradient: one of, or between, those on its two sides."""
    function = of(name)
    for options in options_of(function):
        for kink in function.kinks:
            left, at, right = derivative(function, kink + np.array([-1e-13, 0.0, 1e-13]), **options)
            assert min(left, right) - 1e-12 <= at <= max(left, right) + 1e-12


@every_activation
def test_kinks_are_where_slopes_jump(name: str) -> None:
    """With its options away from their defaults a function jumps in slope at its kinks only."""
    function = of(name)
    grid = np.arange(-400, 401) / 100.0
    jumps = np.zeros(grid.shape, bool)
    for options in options_of(function):
        sides = (derivative(function, grid + h, **options) for h in (-1e-9, 1e-9))
        jumps |= abs(np.subtract(*sides)) > 1e-3
    assert tuple(grid[jumps]) == function.kinks


@every_activation
def test_kinks_are_told(name: str) -> None:
    """The docstring states the subgradient wherever there is a kink, and only there."""
    text = inspect.getdoc(of(name)) or ""
    assert bool(re.search(r"At 0 the (subgradient|left derivative)", text)) == bool(of(name).kinks)


@every_activation
def test_value_is_right_with_infinite_precision_at_zero(name: str) -> None:
    """Near 0 the value keeps its relative precision: f(x) − f(0) = f′(0)·x."""
    function = of(name)
    x = np.array([1e-12, -1e-12])
    y, at_zero = function(x)[0], function(np.zeros(1))[0]
    if at_zero[0] == 0.0:
        np.testing.assert_allclose(y, derivative(function, x) * x, rtol=1e-11)
    else:
        np.testing.assert_allclose(y, at_zero[0], rtol=1e-11)


@pytest.fixture(scope="module")
def torch():  # type: ignore[no-untyped-def]
    """The package, or a skip."""
    return pytest.importorskip("torch", reason="needs the optional package torch")


GRID = np.concatenate([np.linspace(-15, 15, 2001), [0.0, 1e-8, -1e-8, 40.0, -40.0, 500.0, -500.0]])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "identity"])
def test_equals_torch(name: str, torch) -> None:  # type: ignore[no-untyped-def]
    """Value and derivative are those of torch.nn.functional, in float64, kinks included."""
    function = of(name)
    theirs = getattr(torch.nn.functional, name, None)
    if theirs is None:
        pytest.skip(f"torch has no {name}")
    exact = {"threshold": 700.0} if name == "softplus" else {}  # by default it cuts off at 20
    t = torch.tensor(GRID, requires_grad=True)
    expected = theirs(t, **exact)
    expected.sum().backward()
    np.testing.assert_allclose(function(GRID)[0], expected.detach(), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(derivative(function, GRID), t.grad, rtol=1e-14, atol=5e-15)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_run_through_the_same_code(name: str, dtype: type, torch) -> None:  # type: ignore[no-untyped-def]
    """On torch tensors the same function gives the same numbers in the same dtype."""
    function, near = of(name), 8 * np.finfo(dtype).eps
    x = np.concatenate([GRID, extremes(dtype)]).astype(dtype)
    y, pullback = function(x)
    t, tensor_pullback = function(torch.from_numpy(x))
    g = np.ones_like(x)
    for ours, theirs in ((y, t), (pullback(g), tensor_pullback(torch.from_numpy(g)))):
        assert theirs.numpy().dtype == dtype
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=near, atol=near)
