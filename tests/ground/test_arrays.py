"""The functions that NumPy and torch spell differently agree, and complex numbers trip none."""

from __future__ import annotations

import inspect
import math
import warnings

import numpy as np
import pytest

from deltarule.ground import arrays
from deltarule.ground.errors import names_in

UNARY = [
    name
    for name in names_in(arrays)
    if name != "namespace"
    and inspect.isfunction(getattr(arrays, name))
    and len(inspect.signature(getattr(arrays, name)).parameters) == 1
]
POSITIVE = np.array([[0.5, 2.0, 1e-9], [3.0, 40.0, 7.0]])
MIXED = np.array([[-0.5, 2.0, 0.0], [3.0, -40.0, 1e-9]])


@pytest.fixture(scope="module")
def torch():  # type: ignore[no-untyped-def]
    """The package, or a skip."""
    return pytest.importorskip("torch", reason="needs the optional package torch")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_numpy_and_torch_agree(name: str, dtype: type, torch) -> None:  # type: ignore[no-untyped-def]
    """A function of one array gives the same numbers in the same dtype on both."""
    function = getattr(arrays, name)
    for x in (POSITIVE, MIXED):
        x = abs(x).astype(dtype) if name in ("log1p", "sqrt") else x.astype(dtype)
        with np.errstate(divide="ignore"):
            ours = np.asarray(function(x))
        theirs = np.asarray(function(torch.from_numpy(x.copy())))
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(dtype).eps)


def test_other_functions_agree(torch) -> None:  # type: ignore[no-untyped-def]
    """The functions of several arguments give the same on both."""
    t = torch.from_numpy(MIXED.copy())
    pairs = [
        (arrays.where(MIXED > 0, MIXED, 7.0), arrays.where(t > 0, t, 7.0)),
        (arrays.clip_real(MIXED, -1.0, 2.5), arrays.clip_real(t, -1.0, 2.5)),
        (arrays.zeros((2, 5), like=MIXED), arrays.zeros((2, 5), like=t)),
        (arrays.lift(0.1, like=MIXED), arrays.lift(0.1, like=t)),
        (arrays.lift(MIXED > 0, like=MIXED), arrays.lift(MIXED > 0, like=t)),
        (arrays.constants([0.1, 0.5], like=MIXED), arrays.constants([0.1, 0.5], like=t)),
        (arrays.count(4, like=MIXED), arrays.count(4, like=t)),
    ]
    for ours, theirs in pairs:
        assert isinstance(theirs, torch.Tensor)
        assert ours.dtype == theirs.numpy().dtype
        assert np.array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_new_arrays_have_the_dtype_asked_for(dtype: type) -> None:
    """What is made like an array has its dtype."""
    x = np.ones((2, 3), dtype)
    assert arrays.zeros(4, like=x).dtype == dtype
    assert arrays.lift(0.5, like=x).dtype == dtype
    assert arrays.lift(0.5, like=x).shape == ()
    assert arrays.lift(np.array([True, False]), like=x).dtype == dtype


@pytest.mark.parametrize(
    ("function", "at", "derivative"),
    [
        (arrays.exp, 1.5, math.exp(1.5)),
        (arrays.expm1, -2.0, math.exp(-2.0)),
        (arrays.log1p, 3.0, 1 / 4),
        (arrays.sqrt, 4.0, 1 / 4),
        (arrays.tanh, 0.5, 1 - math.tanh(0.5) ** 2),
        (arrays.erfc, 0.7, -2 / math.sqrt(math.pi) * math.exp(-0.49)),
        (arrays.absolute, -3.0, -1.0),
        (arrays.absolute, 3.0, 1.0),
        (lambda z: arrays.clip_real(z, -1.0, 1.0), 0.5, 1.0),
        (lambda z: arrays.clip_real(z, -1.0, 1.0), 1.5, 0.0),
        (arrays.finite_or_inf, 2.0, 1.0),
    ],
)
def test_functions_carry_a_complex_step(function, at: float, derivative: float) -> None:  # type: ignore[no-untyped-def]
    """Im f(x + ih)/h is f′(x): none of these functions loses the derivative."""
    step = 1e-30
    assert function(np.array([at + step * 1j])).imag[0] / step == pytest.approx(derivative, 1e-14)


def test_comparisons_look_at_the_real_part() -> None:
    """sign, top_of_rows and real see the point, not its perturbation."""
    z = np.array([[-2.0 + 5j, 1.0 - 3j]])
    assert arrays.sign(z).tolist() == [[-1.0, 1.0]]
    assert arrays.top_of_rows(z).tolist() == [[1.0]]
    assert arrays.real(z).tolist() == [[-2.0, 1.0]]


def test_erfc_is_exact_in_the_tail() -> None:
    """erfc keeps its relative precision where 1 − erf(x) has none left."""
    exact = {5.0: 1.5374597944280349e-12, 26.0: 5.663192408856143e-296}
    for x, value in exact.items():
        assert float(arrays.erfc(np.array(x))) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_becomes_inf(value: float) -> None:
    """∞ − ∞, and −∞, do not pass for a loss."""
    assert arrays.finite_or_inf(np.float64(value)) == math.inf


def test_quiet_silences_and_restores() -> None:
    """Inside, overflow is silent, also when nested; outside, it warns as before."""

    @arrays.quiet
    def inner(x: np.ndarray) -> np.ndarray:
        return np.exp(x) - np.exp(x)

    @arrays.quiet
    def outer(x: np.ndarray) -> np.ndarray:
        return inner(x) + np.log(x * 0.0) + np.exp(x)

    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        assert np.isnan(outer(np.array([1e6]))).all()
        with pytest.raises(RuntimeWarning, match="overflow"):
            np.exp(np.array([1e6]))


def test_sums_keep_what_broadcasts() -> None:
    """A sum over units keeps its axis, a sum over rows does not."""
    x = np.arange(6.0).reshape(2, 3)
    assert arrays.sum_units(x).tolist() == [[3.0], [12.0]]
    assert arrays.sum_rows(x).tolist() == [3.0, 5.0, 7.0]


def test_constants_of_tensors_are_made_once(torch) -> None:  # type: ignore[no-untyped-def]
    """The second time nothing comes from the host: it is the same tensor; of each dtype its own."""
    t = torch.zeros(1)
    assert arrays.constants([0.25, 0.75], like=t) is arrays.constants((0.25, 0.75), like=t)
    assert arrays.constants([0.25, 0.75], like=t.double()).dtype == torch.float64


def test_whichever_computes_one_of_two() -> None:
    """Of NumPy's conditions only the branch that holds is computed."""
    here = arrays.whichever(np.float64(1.0) > 0, lambda: np.array(3.0), lambda: pytest.fail("no"))
    assert here == 3.0
    assert arrays.whichever(np.array(False), lambda: pytest.fail("no"), lambda: here) == 3.0


def test_whichever_of_tensors(torch) -> None:  # type: ignore[no-untyped-def]
    """Of tensors it is chosen where they lie, even where they hold no numbers at all."""
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    assert arrays.whichever(one < two, lambda: one, lambda: two) == 1.0
    assert arrays.whichever(one > two, lambda: one, lambda: two) == 2.0
    blank = torch.empty((), device="meta")
    assert arrays.whichever(blank > 0, lambda: blank, lambda: blank).device.type == "meta"
