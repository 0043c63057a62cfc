"""The engine against the reference: the same steps lead to the same weights.

A training magnifies rounding where a score sits at a kink or a gradient at rounding level; there
the reference itself goes other ways in float32 than in float64, which is how such data are known
and left out.  Rules that divide by the gradient's size have a large ε, for the same reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import engine_driver as drive
import numpy as np
import pytest
from engine_cases import ACTIVATIONS, LOSSES, MANY_STEPS, cases, laws, seeds, shapes
from engine_driver import Case, Outcome
from hypothesis import assume, given
from hypothesis import strategies as st

from deltarule.mathematics import optimizers

ISAS = drive.names("ISAS")
STRIDE = 1 if os.environ.get("DELTARULE_LONG") == "1" else 2

BOUND = {"float64": 1e-12, "float32": 1e-4}
EPS32 = float(np.finfo(np.float32).eps)
TAME = 1e-5  # between the reference in float32 and in float64

pytestmark = pytest.mark.usefixtures("core")


def references(case: Case, data: drive.Data) -> dict[str, Outcome] | None:
    """The reference's training in both dtypes, or None where they do not agree."""
    with np.errstate(all="ignore"):
        both = {dtype: drive.reference(case, data, dtype) for dtype in BOUND}
        return both if drive.apart(both["float32"], both["float64"]) <= TAME else None


def hold(core: Any, case: Case, **how: Any) -> bool:
    """Whether the data are tame; if so, every instruction set leads where the reference leads."""
    data = drive.data_of(case)
    tame = references(case, data)
    for dtype, expected in (tame or {}).items():
        for isa in ISAS:
            found = drive.engine(core, case, data, dtype, isa=isa, **how)
            assert drive.apart(found, expected) <= BOUND[dtype], (isa, dtype)
    return tame is not None


def test_every_rule_is_here(core: Any) -> None:
    """Each rule that the core knows is held to these laws, and each function is the library's."""
    assert {name for name, _ in drive.RULES.values()} == set(core.RULES) == set(optimizers.__all__)
    assert core.ISAS[0] == "baseline"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@laws(2)
@given(sizes=shapes(), batch=st.integers(1, 40), seed=seeds)
def test_every_combination(
    core: Any, activation: str, loss: str, sizes: tuple[int, ...], batch: int, seed: int
) -> None:
    """20 steps with each activation, loss and rule end where the reference ends.

    The short form takes every second of all triples, among which every pair of two is.
    """
    first = (ACTIVATIONS.index(activation) + LOSSES.index(loss)) % STRIDE
    for rule in MANY_STEPS[first::STRIDE]:
        hold(core, Case(sizes, (activation,), loss, rule, batch=batch, lr=0.004, seed=seed))


@laws(50)
@given(case=cases(), threads=st.integers(1, 3), cut=st.none() | st.integers(1, 8))
def test_everything_at_random(core: Any, case: Case, threads: int, cut: int | None) -> None:
    """20 steps with any options, rows and cuts into calls end where the reference ends."""
    assume(hold(core, case, threads=threads, cut=cut))


@pytest.mark.parametrize("layout", list(drive.LAYOUTS))
@pytest.mark.parametrize("rows", ["own", "uint8", "float32", "float64"])
@pytest.mark.parametrize("features", [1, 37, 515])
def test_rows_of_every_kind(core: Any, rows: str, layout: str, features: int) -> None:
    """Rows of every dtype, however they lie in memory, are read and scaled as by the reference."""
    for scaled in (True, False):
        sizes = features, 9, 3
        case = Case(sizes, ("tanh",), rows=rows, layout=layout, scaled=scaled, steps=5)
        assert hold(core, case)


@pytest.mark.parametrize("features", [37, 600])
@pytest.mark.parametrize("rows", ["own", "uint8", "float32", "float64"])
@pytest.mark.parametrize("dtype", list(BOUND))
def test_scaling_to_the_last_bit(core: Any, dtype: str, rows: str, features: int) -> None:
    """Rows are converted and scaled to the reference's bits: identity weights show them."""
    sizes = features, features
    case = Case(sizes, (), "squared_error", "sgd", batch=20, n=20, steps=1, lr=0.0, rows=rows)
    data = drive.data_of(case)
    data.theta[:] = 0
    data.theta[: features**2] = np.eye(features).ravel()
    expected = drive.reference(case, data, dtype).scores
    theta, (X, _, _) = data.theta.astype(dtype), drive.typed(data, dtype)
    for isa in ISAS:
        found = drive.engine(core, case, data, dtype, isa=isa).scores
        np.testing.assert_array_equal(found, expected)
        for n in (1, 20):
            scores, scale = np.zeros((n, features), dtype), (data.shift, data.factor, True)
            assert core.forward(list(sizes), [], theta, X[:n], *scale, scores, 1, isa) == -1
            np.testing.assert_array_equal(scores, expected[:n])


@pytest.mark.parametrize("layout", list(drive.LAYOUTS))
@pytest.mark.parametrize("rows", ["uint8", "float32", "float64"])
def test_how_rows_lie_changes_no_bit(core: Any, rows: str, layout: str) -> None:
    """Strided, reversed, transposed and memory-mapped rows train to the same bits as plain ones."""
    for sizes in ((37, 9, 3), (600, 9, 3)):
        case = Case(sizes, ("tanh",), rows=rows, steps=4)
        for isa in ISAS:
            plain, other = (
                drive.engine(core, c, drive.data_of(c), "float32", isa=isa)
                for c in (case, replace(case, layout=layout))
            )
            assert drive.same_bits(plain, other)


def one_step(core: Any, case: Case, first: int) -> Iterator[tuple[Any, ...]]:
    """One step by both from where three steps of the reference have led.

    With it, in units of the last place, what rounding can do: what it does to the reference.
    """
    data = drive.data_of(replace(case, steps=4))
    data.batches, before = data.batches[-1:], replace(data, batches=data.batches[:-1])
    with np.errstate(all="ignore"):
        start = drive.reference(case, before, "float32")
        steps = {d: drive.reference(case, data, d, start.astype(d), first) for d in BOUND}
        off = {
            name: drive.distance(getattr(steps["float32"], name), getattr(steps["float64"], name))
            for name in ("theta", "state", "losses", "scores")
        }
    assume(max(off.values()) <= TAME)
    for dtype, expected in steps.items():
        eps = float(np.finfo(dtype).eps)
        bounds = {name: (4 + 8 * value / EPS32) * eps for name, value in off.items()}
        for isa in ISAS:
            found = drive.engine(core, case, data, dtype, start.astype(dtype), first, isa=isa)
            yield start, expected, found, bounds


many_rows = cases().map(lambda case: replace(case, n=case.n + 16, batch=case.batch + 8))


@laws(40)
@given(case=many_rows, first=st.sampled_from([4, 5000]))
def test_one_step(core: Any, case: Case, first: int) -> None:
    """From an equal state that is not zero, one step agrees to a few units of the last place."""
    for _, expected, found, bounds in one_step(core, case, first):
        for name, bound in bounds.items():
            assert drive.distance(getattr(found, name), getattr(expected, name)) <= bound, name
        if expected.average is not None:
            assert drive.distance(found.average, expected.average) <= bounds["theta"]


@laws(40)
@given(case=many_rows)
def test_one_step_of_lion(core: Any, case: Case) -> None:
    """Lion's step agrees wherever the sign that it takes is above rounding level."""
    case = replace(case, rule="lion")
    for start, expected, found, bounds in one_step(core, case, 4):
        grad = (expected.state[0] - 0.99 * start.state[0]) / 0.01
        blend = abs(0.9 * start.state[0] + 0.1 * grad)
        eps = float(np.finfo(grad.dtype).eps)
        sure = (blend > 1e3 * eps * abs(grad).max()) | (expected.theta == found.theta)
        assert sure.mean() > 0.9
        assert drive.distance(found.theta[sure], expected.theta[sure]) <= 4 * eps
        for name in ("state", "losses", "scores"):
            assert drive.distance(getattr(found, name), getattr(expected, name)) <= bounds[name]


@laws(40)
@given(rate=st.floats(0.05, 0.95), width=st.integers(1, 70), seed=seeds, t=st.integers(1, 10**9))
def test_dropout_drops_the_same_units(
    core: Any, rate: float, width: int, seed: int, t: int
) -> None:
    """Each unit is kept, in each row and step, exactly where the reference keeps it.

    With every weight 1 and rows of ones, a row's score is the number of its units that stayed.
    """
    case = Case(
        (1, width, 1), ("identity",), "squared_error", "sgd", dropout=(rate,), batch=40, n=40,
        steps=1, scaled=False, lr=0.0, seed=seed,
    )  # fmt: skip
    data = drive.data_of(case)
    data.X[...] = 1
    data.theta[:] = 0
    data.theta[: 2 * width] = 1
    for dtype in BOUND:
        expected = drive.reference(case, data, dtype, None, t).scores
        for isa in ISAS:
            found = drive.engine(core, case, data, dtype, None, t, isa=isa).scores
            np.testing.assert_allclose(found, expected, rtol=1e-5)
            kept = np.round(found * (1 - rate))
            np.testing.assert_array_equal(kept, np.round(expected * (1 - rate)))


@pytest.mark.parametrize("dtype", list(BOUND))
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "cross_entropy"])
def test_residuals_at_kinks(core: Any, loss: str, isa: str, dtype: str) -> None:
    """At z = y, at |z − y| = δ and at z = 0 the loss takes the subgradient of the reference.

    A single layer on rows of zeros: the bias alone is the score, and moves by −∂L/∂z.
    """
    option = 0.5
    y = np.array([[0.0, 1.0, 0.25, 1.0, 0.0, 1.0, 1.0]])
    z = np.array([[0.0, 1.0, 0.75, 0.5, -0.0, 0.0, 1.5]])
    case = Case((1, 7), (), loss, "sgd", option, n=1, batch=1, steps=1, lr=1.0)
    data = drive.data_of(case)
    data.X[...], data.y, data.shift[:] = 0, y, 0
    data.theta[:] = np.concatenate([np.zeros(7), z[0]])
    expected = drive.reference(case, data, dtype)
    found = drive.engine(core, case, data, dtype, isa=isa)
    np.testing.assert_array_equal(found.scores, z)
    np.testing.assert_allclose(found.theta, expected.theta, rtol=1e-6, atol=0)
    still = expected.state[0, 7:] == 0
    np.testing.assert_array_equal(found.state[0, 7:] == 0, still)
    assert still[1] or loss in ("binary_cross_entropy", "poisson")


@pytest.mark.parametrize("dtype", list(BOUND))
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("loss", ["squared_error", "half_squared_error"])
def test_squares_to_the_end_of_the_numbers(core: Any, loss: str, isa: str, dtype: str) -> None:
    """From the smallest residual to one that overflows, the loss is the reference's or +inf."""
    top = float(np.finfo(dtype).max)
    for half in (1e-10, 1.0, top**0.45, 0.3 * top**0.5, 0.2 * top, 0.3 * top, 0.6 * top, top):
        case = Case((1, 1), (), loss, "sgd", n=1, batch=1, steps=1, lr=1e-3)
        data = drive.data_of(case)
        data.X[...], data.shift[:] = 0, 0
        data.y[...], data.theta[:] = -half, [0, half]
        with np.errstate(all="ignore"):
            expected = drive.reference(case, data, dtype)
        found = drive.engine(core, case, data, dtype, isa=isa)
        np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-6)
        fits = half < 0.5 * top**0.5
        assert np.isfinite(found.losses[0]) == fits
        if fits:
            np.testing.assert_allclose(found.theta, expected.theta, rtol=1e-6)


@pytest.mark.parametrize("dtype", list(BOUND))
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_at_zero(core: Any, activation: str, isa: str, dtype: str) -> None:
    """Units whose input is exactly 0 or −0 let through the gradient that the reference takes."""
    case = Case((1, 4, 1), (activation,), "squared_error", "sgd", n=2, batch=2, steps=1, lr=1.0)
    data = drive.data_of(case)
    data.X[...], data.shift[:] = 0, 0
    data.theta[:] = [1, -1, 2, -2, 1, 2, 3, 4, 0.0, -0.0, 0.0, -0.0, 1]
    expected = drive.reference(case, data, dtype)
    found = drive.engine(core, case, data, dtype, isa=isa)
    np.testing.assert_allclose(found.state, expected.state, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", list(BOUND))
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("loss", LOSSES)
def test_far_from_the_middle(core: Any, loss: str, isa: str, dtype: str) -> None:
    """Scores of any finite size have the reference's loss and gradient: finite, or +inf alike."""
    peak = float(np.finfo(dtype).max)
    z = [0.0, 20.0, -20.0, 90.0, -90.0, 700.0, -750.0, 1e30, -1e30, 0.9 * peak, -0.9 * peak]
    for value in z:
        case = Case((1, 3), (), loss, "sgd", n=1, batch=1, steps=1, lr=1e-30)
        data = drive.data_of(case)
        data.X[...], data.shift[:] = 0, 0
        data.y = np.array([2]) if loss == "cross_entropy" else np.array([[0.0, 1.0, 1.0]])
        data.theta[:] = [0, 0, 0, value, -value / 2, 0.25]
        with np.errstate(all="ignore"):
            expected = drive.reference(case, data, dtype)
        found = drive.engine(core, case, data, dtype, isa=isa)
        np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-5)
        tiny = 2 * float(np.finfo(dtype).tiny)
        np.testing.assert_allclose(found.state, expected.state, rtol=1e-5, atol=tiny)
