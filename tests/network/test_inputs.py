"""What reaches a network is checked once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import Problems
from deltarule.network.inputs import (
    HUGE_WEIGHT,
    as_array,
    brief,
    check_flag,
    check_number,
    check_rows,
    check_weights,
)

laws = settings(deadline=None, derandomize=True)


def told(problems: Problems) -> str:
    """The message of all problems, '' if there are none."""
    try:
        problems.raise_if_any()
    except ValueError as error:
        return str(error)
    return ""


@laws
@given(
    value=st.integers() | st.floats(),
    low=st.floats(-10, 0),
    high=st.floats(1, 10),
    above=st.booleans(),
    below=st.booleans(),
)
def test_bounds(value: float, low: float, high: float, above: bool, below: bool) -> None:
    """A number passes exactly if it is finite and within its bounds, ends excluded where asked."""
    problems = Problems()
    passed = check_number(problems, "n", value, low=low, high=high, above=above, below=below)
    inside = (value > low if above else value >= low) and (value < high if below else value <= high)
    assert passed == inside == (told(problems) == "")


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1)])
def test_whole_numbers(value: object) -> None:
    """Python's and NumPy's integers are whole numbers."""
    assert check_number(Problems(), "n", value, integer=True)


@pytest.mark.parametrize("value", [1.0, np.float32(1), True, np.True_, "1", None, [1], 1j])
def test_no_whole_numbers(value: object) -> None:
    """Floats, booleans, texts and lists are none."""
    problems = Problems()
    assert not check_number(problems, "n", value, integer=True)
    assert "n must be a whole number, not" in told(problems)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_finite(value: float) -> None:
    """Without bounds a number must still be finite, and fit a float."""
    problems = Problems()
    assert not check_number(problems, "n", value)
    assert "finite" in told(problems)


@pytest.mark.parametrize("value", [1, 0, None, "true", [True]])
def test_flags(value: object) -> None:
    """Only True and False are flags."""
    problems = Problems()
    assert check_flag(problems, "f", True)
    assert check_flag(problems, "f", np.False_)
    assert not check_flag(problems, "f", value)
    assert "f must be True or False" in told(problems)


@laws
@given(value=st.text() | st.lists(st.integers()))
def test_brief(value: object) -> None:
    """A value in a message takes one line of at most 60 characters."""
    text = brief(value)
    assert len(text) <= 60
    assert "\n" not in text


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3, 4]],
        ((1, 2), (3, 4)),
        np.array([[1, 2], [3, 4]]),
        np.ma.masked_array([[1, 2], [3, 4]]),
        [np.array([1, 2]), [3, 4]],
        np.array([[1, 2], [3, 4]], object),
    ],
)
def test_arrays(value: object) -> None:
    """Lists, tuples, arrays and arrays of which nothing is masked are taken as NumPy does."""
    problems = Problems()
    array = as_array(value, "X", problems)
    assert told(problems) == ""
    np.testing.assert_array_equal(array, [[1, 2], [3, 4]])


def test_pandas() -> None:
    """A data frame of numbers is rows; a column of texts is labels."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    rows = check_rows(frame, 2, np.float32, Problems())
    np.testing.assert_array_equal(rows, [[1, 0.5], [2, 1.5]])
    assert as_array(pandas.Series(["x", "y"]), "y", Problems()) is not None


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.float16, np.float64, ">f4"])
def test_rows_stay_as_they_are(dtype: str) -> None:
    """Rows of any real type are not copied: pixels stay bytes."""
    X = np.ones((4, 3), dtype)
    assert check_rows(X, 3, np.float32, Problems()) is X


@pytest.mark.parametrize("row", [0, 4095, 4096, 9999])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e39])
def test_the_place_is_told(row: int, value: float) -> None:
    """The first entry that cannot be learned from is told by row and column, wherever it is."""
    X = np.zeros((10_000, 2))
    X[row, 1] = value
    X[-1, 1] = value
    problems = Problems()
    assert check_rows(X, 2, np.float32, problems) is None
    assert f"(row {row}, column 1)" in told(problems)


@pytest.mark.parametrize("mine", ["float16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("nets", ["float32", "float64"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_infinity_passes(mine: str, nets: str, value: float) -> None:
    """Whatever the types of the rows and of the network, what is not finite is refused."""
    assert check_rows(np.full((2, 2), value, mine), 2, nets, Problems()) is None
    assert check_rows(np.ones((2, 2), mine), 2, nets, Problems()) is not None


def test_what_is_too_large_depends_on_the_dtype() -> None:
    """1e39 fits float64 and not float32; 1e200 fits neither, as its square overflows."""
    assert check_rows([[1e39]], 1, np.float64, Problems()) is not None
    problems = Problems()
    assert check_rows([[1e200]], 1, np.float64, problems) is None
    assert "too large for float64; use other units." in told(problems)


@pytest.mark.parametrize(
    ("shape", "n_rows", "transposed"),
    [((3, 8), -1, True), ((5, 8), 8, True), ((5, 8), 5, False), ((8, 4), -1, False)],
)
def test_transposed(shape: tuple[int, int], n_rows: int, transposed: bool) -> None:
    """X is called transposed if its rows are as many as the features, or its columns as y."""
    problems = Problems()
    assert check_rows(np.zeros(shape), 3, np.float32, problems, n_rows=n_rows) is None
    assert ("pass X.T" in told(problems)) == transposed


@laws
@given(weights=st.lists(st.floats(0, 1e17), min_size=1, max_size=8))
def test_weights(weights: list[float]) -> None:
    """Weights pass if they are finite, none is negative and one is positive in the dtype."""
    problems = Problems()
    checked = check_weights(weights, len(weights), np.float32, problems)
    if np.asarray(weights, np.float32).any():
        assert checked is not None
        assert checked.dtype == np.float32
        fitting = np.float32(weights)
        huge = fitting.max() > HUGE_WEIGHT  # then only the ratios are kept
        np.testing.assert_array_equal(checked, fitting / fitting.max() if huge else fitting)
    else:
        assert checked is None
        assert "zero for every row" in told(problems)


def test_huge_weights() -> None:
    """Weights whose sum might not fit are scaled: only their ratios count."""
    checked = check_weights([1e30, 2e30, 0.0], 3, np.float32, Problems())
    assert checked is not None
    np.testing.assert_allclose(checked, [0.5, 1.0, 0.0], rtol=1e-6)


def test_no_weights() -> None:
    """None stays None: every row weighs 1."""
    assert check_weights(None, 3, np.float32, Problems()) is None
