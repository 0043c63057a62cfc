"""Laws of every loss, found in the module."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.mathematics import losses

NAMES = names_in(losses)
every_loss = pytest.mark.parametrize("name", NAMES)
laws = settings(deadline=None, derandomize=True, max_examples=25)
seeds = st.integers(0, 10_000)

STEP = 1e-30
# Their derivative grows without bound, as it should.
UNBOUNDED = {"squared_error", "half_squared_error", "poisson"}


def of(name: str) -> Callable[..., Any]:
    """The loss of this name."""
    return getattr(losses, name)  # type: ignore[no-any-return]


def options_of(loss: Callable[..., Any]) -> list[dict[str, float]]:
    """The defaults, and each option at some other value."""
    options = [p for p in inspect.signature(loss).parameters.values() if p.kind == p.KEYWORD_ONLY]
    return [{}, *({p.name: 0.5 * p.default + 0.1} for p in options)]


def targets(loss: Any, rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Targets of the kind that the loss is for: classes, indicators, counts or numbers."""
    if loss.link is losses.softmax:
        return rng.integers(0, k, n)
    if loss.task == "classification":
        return (rng.random((n, k)) < 0.5).astype(float)
    numbers = rng.normal(size=(n, k)) * 2
    return np.round(abs(numbers)) if (loss.link(numbers) > 0).all() else numbers


def case(name: str, seed: int, n: int = 5, k: int = 3, spread: float = 2.0) -> tuple[Any, ...]:
    """A loss with random targets, scores and weights, and their sum."""
    rng = np.random.default_rng(seed)
    loss = of(name)
    weight = rng.uniform(0.2, 2.0, n)
    return loss, targets(loss, rng, n, k), rng.normal(size=(n, k)) * spread, weight, weight.sum()


def complex_step(value: Callable[[np.ndarray], complex], z: np.ndarray) -> np.ndarray:
    """∂L/∂z, entry by entry, as Im L(z + ih)/h."""
    g = np.zeros(z.shape)
    for index in np.ndindex(z.shape):
        moved = z.astype(complex)
        moved[index] += STEP * 1j
        g[index] = value(moved).imag / STEP
    return g


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖a − b‖₂/max(‖a‖₂, ‖b‖₂)."""
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-300))


@every_loss
@laws
@given(seed=seeds, spread=st.sampled_from([0.1, 2.0, 30.0]), weighted=st.booleans())
def test_gradient_is_the_complex_step(name: str, seed: int, spread: float, weighted: bool) -> None:
    """The gradient is that of the value that stands beside it, with every option and weights."""
    loss, y, z, weight, total = case(name, seed, spread=spread)
    weight = weight if weighted else None
    for options in options_of(loss):
        _, g = loss(y, z, weight, total, **options)
        expected = complex_step(lambda z: loss(y, z, weight, total, **options)[0], z)  # noqa: B023
        assert distance(g, expected) <= 1e-12


@every_loss
@laws
@given(seed=seeds)
def test_gradient_is_the_slope(name: str, seed: int) -> None:
    """Along any direction the gradient is the fourth-order central difference."""
    loss, y, z, weight, total = case(name, seed)
    along = np.random.default_rng(seed + 1).choice([-1.0, 1.0], z.shape)
    h = 1e-3
    if loss.kinks:  # step away from them
        z = np.where(abs(z - y) < 4 * h, z + 1.0, z)
    for options in options_of(loss):

        def f(s: float, options: dict[str, float] = options) -> float:
            return float(loss(y, z + s * along, weight, total, **options)[0])

        if name == "huber" and (abs(abs(z - y) - options.get("delta", 1.0)) < 4 * h).any():
            continue  # where the second derivative jumps, differences see less
        slope = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
        g = loss(y, z, weight, total, **options)[1]
        assert (g * along).sum() == pytest.approx(slope, rel=1e-9, abs=1e-10)


@every_loss
@laws
@given(seed=seeds, data=st.data())
def test_shards_add_up(name: str, seed: int, data: st.DataObject) -> None:
    """Over any split of the rows, values add up to the whole and gradients are its rows."""
    loss, y, z, weight, total = case(name, seed, n=8)
    worker = np.array(data.draw(st.lists(st.integers(0, 2), min_size=8, max_size=8)))
    for options in options_of(loss):
        value, g = loss(y, z, weight, total, **options)
        scale = sum(
            abs(loss(y[i : i + 1], z[i : i + 1], weight[i : i + 1], total)[0]) for i in range(8)
        )
        parts = 0.0
        for rows in (worker == w for w in range(3)):
            if rows.any():
                part, of_part = loss(y[rows], z[rows], weight[rows], total, **options)
                parts += part
                assert np.array_equal(of_part, g[rows])
        assert abs(parts - value) <= 1e-15 * max(scale, abs(value))


@every_loss
@laws
@given(seed=seeds)
def test_rows_without_weight_change_nothing(name: str, seed: int) -> None:
    """Rows of weight 0 leave value and gradients as they are, however extreme their scores."""
    loss, y, z, weight, total = case(name, seed)
    weight[[1, 3]] = 0.0
    z[1] *= 1e300
    rows = weight > 0
    for options in options_of(loss):
        value, g = loss(y, z, weight, total, **options)
        expected, of_rows = loss(y[rows], z[rows], weight[rows], total, **options)
        assert value == pytest.approx(float(expected), rel=1e-15)
        assert np.array_equal(g[rows], of_rows)
        assert (g[~rows] == 0).all()


@every_loss
@laws
@given(seed=seeds, counts=st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(any))
def test_integer_weights_are_repetitions(name: str, seed: int, counts: list[int]) -> None:
    """A row of weight 3 counts as the same row three times."""
    loss, y, z, *_ = case(name, seed)
    weight, total = np.array(counts, float), float(sum(counts))
    again = np.repeat(np.arange(5), counts)
    for options in options_of(loss):
        value, g = loss(y, z, weight, total, **options)
        expected, repeated = loss(y[again], z[again], None, total, **options)
        assert value == pytest.approx(float(expected), rel=1e-14, abs=1e-15)
        summed = np.zeros_like(z)
        np.add.at(summed, again, repeated)
        np.testing.assert_allclose(g, summed, rtol=1e-14, atol=1e-15 * abs(repeated).sum())


@every_loss
@laws
@given(seed=seeds)
def test_weight_one_is_no_weight(name: str, seed: int) -> None:
    """Without weights every row weighs 1."""
    loss, y, z, *_ = case(name, seed)
    for options in options_of(loss):
        value, g = loss(y, z, None, 5.0, **options)
        same, same_g = loss(y, z, np.ones(5), 5.0, **options)
        assert value == pytest.approx(float(same), rel=1e-15)
        np.testing.assert_allclose(g, same_g, rtol=1e-15)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_input_left_alone(name: str, dtype: type) -> None:
    """Value and gradient have the dtype of the scores; y, z and weight are not written."""
    loss, y, z, weight, total = case(name, 3)
    y = y if y.ndim == 1 else y.astype(dtype)
    z, weight = z.astype(dtype), weight.astype(dtype)
    for array in (y, z, weight):
        array.setflags(write=False)
    for options in options_of(loss):
        for w in (None, weight):
            value, g = loss(y, z, w, float(total), **options)
            assert value.dtype == g.dtype == dtype
            assert value.shape == ()
            assert g.shape == z.shape


def finite(width: int) -> st.SearchStrategy[float]:
    """Any finite number of this width; small ones and the corners more often."""
    info = np.finfo(f"f{width // 8}")
    corners = [float(v) for v in (info.max, info.tiny, info.smallest_subnormal, 0.0)]
    anything = st.floats(width=width, allow_nan=False, allow_infinity=False)
    return st.one_of(anything, st.sampled_from([s * c for c in corners for s in (1, -1)]))


@every_loss
@pytest.mark.parametrize("width", [32, 64])
@laws
@given(data=st.data())
def test_no_finite_score_is_too_extreme(name: str, width: int, data: st.DataObject) -> None:
    """For any finite scores and targets: no NaN, no warning, and a bounded gradient is finite."""
    loss, dtype = of(name), f"f{width // 8}"
    numbers = st.lists(finite(width), min_size=6, max_size=6)
    z = np.array(data.draw(numbers), dtype).reshape(2, 3)
    y = targets(loss, np.random.default_rng(0), 2, 3)
    if loss.task == "regression":
        y = np.array(data.draw(numbers), dtype).reshape(2, 3)
        if name == "poisson":
            y = abs(y)
    elif y.ndim == 2:
        y = y.astype(dtype)
    weight = np.array(data.draw(st.sampled_from([[1.0, 0.0], [0.5, 2.0]])), dtype)
    for options in options_of(loss):
        for w, total in ((None, 2.0), (weight, float(weight.sum()))):
            value, g = loss(y, z, w, total, **options)
            assert not np.isnan(value)
            assert not np.isnan(g).any()
            assert np.isfinite(g).all() or name in UNBOUNDED


@every_loss
def test_scores_at_their_limits_have_a_bounded_gradient(name: str) -> None:
    """A bounded gradient stays below the row's weight; an unbounded one is listed as such."""
    loss, y, z, weight, total = case(name, 1)
    _, g = loss(y, z * 1e30, weight, total)
    assert (abs(g).max() > 1e6) == (name in UNBOUNDED)


@every_loss
def test_a_perfect_prediction_is_the_minimum(name: str) -> None:
    """No random scores score better than those that the target itself implies."""
    loss, y, z, weight, total = case(name, 2)
    if loss.link is losses.softmax:
        best = 50.0 * np.eye(3)[y]
    elif loss.task == "classification":
        best = np.where(y > 0, 50.0, -50.0)
    else:
        best = np.log(np.maximum(y, 1e-30)) if loss.link is losses.exp_link else y
    lowest = loss(y, best, weight, total)[0]
    for seed in range(20):
        _, _, z, *_ = case(name, seed)
        assert loss(y, z, weight, total)[0] > lowest


@every_loss
@laws
@given(seed=seeds)
def test_gradient_vanishes_where_link_meets_target(name: str, seed: int) -> None:
    """The link is the loss's own: where link(z) = y, the gradient is 0."""
    loss, _, z, weight, total = case(name, seed)
    y = loss.link(z)
    assert abs(loss(y, z, weight, total)[1]).max() <= 1e-15 * max(1.0, abs(y).max())


@every_loss
@pytest.mark.parametrize("width", [32, 64])
@laws
@given(data=st.data())
def test_links_take_any_finite_score(name: str, width: int, data: st.DataObject) -> None:
    """Predictions have no NaN and the dtype of the scores; probabilities lie in [0, 1]."""
    loss = of(name)
    z = np.array(data.draw(st.lists(finite(width), min_size=4, max_size=4)), f"f{width // 8}")
    p = loss.link(z.reshape(2, 2))
    assert p.dtype == z.dtype
    assert not np.isnan(p).any()
    if loss.task == "classification":
        assert ((p >= 0) & (p <= 1)).all()
    if loss.link is losses.softmax:
        np.testing.assert_allclose(p.sum(1), 1.0, rtol=4 * np.finfo(z.dtype).eps)


@every_loss
def test_declares_itself(name: str) -> None:
    """A loss declares its task, its link and its kinks."""
    loss = of(name)
    assert loss.task in ("classification", "regression")
    assert callable(loss.link)
    assert isinstance(loss.kinks, tuple)


@pytest.mark.parametrize("name", [name for name in NAMES if of(name).kinks])
def test_residuals_at_kinks_have_a_gradient_between(name: str) -> None:
    """At each declared kink the gradient lies between those on its two sides."""
    loss = of(name)
    for options in options_of(loss):
        for kink in loss.kinks:
            y = np.zeros((1, 1))
            left, at, right = (
                float(loss(y, y + kink + h, None, 1.0, **options)[1][0, 0])
                for h in (-1e-9, 0.0, 1e-9)
            )
            assert left < right
            assert left <= at <= right


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_run_through_the_same_code(name: str, dtype: type) -> None:
    """On torch tensors the same function gives the same numbers in the same dtype."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    loss, y, z, weight, total = case(name, 7, n=40, k=4)
    y = y if y.ndim == 1 else y.astype(dtype)
    z, weight = z.astype(dtype), weight.astype(dtype)
    eps = np.finfo(dtype).eps
    for options in options_of(loss):
        for w in (None, weight):
            value, g = loss(y, z, w, float(total), **options)
            tensors = [None if a is None else torch.from_numpy(a) for a in (y, z, w)]
            t, tg = loss(*tensors, float(total), **options)
            assert t.numpy().dtype == tg.numpy().dtype == dtype
            np.testing.assert_allclose(t.numpy(), value, rtol=32 * eps)
            np.testing.assert_allclose(tg.numpy(), g, rtol=32 * eps, atol=eps)
    np.testing.assert_allclose(
        loss.link(torch.from_numpy(z)).numpy(), loss.link(z), rtol=32 * eps, atol=eps**2
    )
