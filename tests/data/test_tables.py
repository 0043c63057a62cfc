"""The encoding of tables."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.dataset import Table
from deltarule.data.tables import (
    MAX_CATEGORIES,
    NumberColumn,
    TableEncoder,
    TextColumn,
)
from deltarule.ground.errors import FileRefused, InvalidInput, UnknownName


def text(*values: str | None) -> np.ndarray:
    return np.array(values, object)


@pytest.fixture
def table() -> Table:
    return Table(
        {
            "sex": text("M", "F", None, "M"),
            "age": np.array([10.0, np.nan, 30.0, 20.0]),
            "pay": np.array([1.0, 2.0, 3.0, 4.0]),
        }
    )


def test_the_encoding_by_hand(table):
    """Median and indicator, standardised numbers, one column per category, sorted by name."""
    encoder = TableEncoder.fit(table)
    assert encoder.feature_names == ("age", "age (missing)", "pay", "sex=F", "sex=M")
    age = (np.array([10, 20, 30, 20]) - 20) / np.sqrt(50)
    pay = (np.array([1, 2, 3, 4]) - 2.5) / np.sqrt(1.25)
    expected = np.column_stack([age, [0, 1, 0, 0], pay, [0, 1, 0, 0], [1, 0, 0, 1]])
    encoded = encoder.transform(table)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, expected, rtol=1e-6)
    np.testing.assert_allclose(encoder.transform(table, np.float64), expected, rtol=1e-15)


def test_what_is_no_table_yet_becomes_one(table):
    """A dictionary of columns or a data frame is encoded as the table of its columns."""
    pandas = pytest.importorskip("pandas", reason="needs pandas for a data frame")
    columns = {"sex": ["M", "F", None, "M"], "age": [10, None, 30, 20], "pay": [1, 2, 3, 4]}
    encoder = TableEncoder.fit(table)
    for same in (columns, pandas.DataFrame(columns)):
        assert TableEncoder.fit(same) == encoder
        np.testing.assert_array_equal(encoder.transform(same), encoder.transform(table))


def test_what_is_no_table_is_refused(table):
    """Rows without names are no table, to learn from or to encode."""
    for act in (TableEncoder.fit, TableEncoder.fit(table).transform):
        with pytest.raises(InvalidInput, match="give a data frame or a dictionary of columns"):
            act([[1.0, 2.0]])


def test_the_order_of_columns_does_not_matter(table):
    """A file with its columns in another order, and more of them, is encoded alike."""
    other = Table({"extra": np.zeros(4), **{name: table[name] for name in reversed(table.names)}})
    assert TableEncoder.fit(table) == TableEncoder.fit(other.without("extra"))
    encoder = TableEncoder.fit(table)
    np.testing.assert_array_equal(encoder.transform(table), encoder.transform(other))


def test_unseen_and_missing_text_is_zeros(table):
    """A category that training never saw encodes like a missing one, as zeros."""
    encoder = TableEncoder.fit(table.select(["sex"]))
    encoded = encoder.transform(Table({"sex": text("X", None, "F")}))
    assert encoded.tolist() == [[0, 0], [0, 0], [1, 0]]


def test_a_gap_that_training_never_saw_becomes_the_median(table):
    """Without gaps in training there is no indicator; a later gap is the median."""
    encoder = TableEncoder.fit(Table({"a": np.array([1.0, 2.0, 9.0])}))
    assert encoder.feature_names == ("a",)
    gap, median = encoder.transform(Table({"a": np.array([np.nan, 2.0])}))
    assert gap == median


def test_constant_and_empty_columns_are_harmless():
    """A constant column becomes zeros, a column without values zeros and an indicator of ones."""
    table = Table({"c": np.full(3, 0.1), "e": np.full(3, np.nan), "t": text(None, None, None)})
    encoder = TableEncoder.fit(table)
    assert encoder.feature_names == ("c", "e", "e (missing)")
    assert encoder.transform(table).tolist() == [[0, 0, 1]] * 3


def test_the_most_frequent_categories_are_kept():
    """Of more than a hundred categories the most frequent are kept, the first of equals."""
    values = [f"c{i:03d}" for i in range(150)] + ["c149", "c148"]
    column = TextColumn.fit("t", text(*values))
    assert len(column.categories) == MAX_CATEGORIES
    assert column.categories == tuple(sorted([f"c{i:03d}" for i in range(98)] + ["c148", "c149"]))


def test_missing_columns_are_told_at_once(table):
    """All missing columns are named, with the nearest ones that are there."""
    encoder = TableEncoder.fit(table)
    with pytest.raises(UnknownName, match=r"'age'.*Did you mean 'agee'.*'sex'"):
        encoder.transform(Table({"agee": np.zeros(1), "pay": np.zeros(1)}))


def test_text_where_numbers_were_learned_is_refused(table):
    """All such columns are told at once, with how many values and an example."""
    encoder = TableEncoder.fit(table)
    bad = Table({"sex": text("M", "F"), "age": text("12", "old"), "pay": text("much", "inf")})
    with pytest.raises(InvalidInput, match=r"'age'.*1 of 2 rows.*'old'.*'pay'.*2 of 2.*'much'"):
        encoder.transform(bad)


def test_numbers_written_as_text_are_numbers(table):
    """A column of text in which every value is a number is read as numbers."""
    encoder = TableEncoder.fit(table.select(["pay"]))
    np.testing.assert_array_equal(
        encoder.transform(Table({"pay": text("1", "2.0", "3e0", None)})),
        encoder.transform(Table({"pay": np.array([1.0, 2.0, 3.0, np.nan])})),
    )


@pytest.mark.parametrize("category", ["1", "1.0", "01", "1e0"])
def test_numbers_find_the_categories_that_write_them(category):
    """Where another file's column is all numbers, they meet the category of the same value."""
    encoder = TableEncoder.fit(Table({"code": text(category, "other")}))
    encoded = encoder.transform(Table({"code": np.array([1.0, 2.0, np.nan])}))
    column = encoder.feature_names.index(f"code={category}")
    assert encoded[:, column].tolist() == [1, 0, 0]
    assert encoded.sum() == 1


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e307])
def test_any_magnitude_is_standardised(scale):
    """Huge and tiny columns neither overflow nor vanish."""
    values = scale * np.array([-3.0, 1.0, 1.0, 5.0])
    encoded = TableEncoder.fit(Table({"a": values})).transform(Table({"a": values}), np.float64)
    np.testing.assert_allclose(encoded[:, 0], np.array([-4, 0, 0, 4]) / np.sqrt(8), atol=1e-12)


def test_values_far_beyond_training_stay_finite():
    """A value that no float32 holds is clipped, not made infinite."""
    encoder = TableEncoder.fit(Table({"a": np.array([0.0, 1e-300])}))
    assert np.isfinite(encoder.transform(Table({"a": np.array([1e300, -1e300])}))).all()


def test_no_rows_teach_nothing():
    """Fitting on no rows is refused; encoding no rows gives none."""
    empty = Table({"a": np.empty(0)})
    with pytest.raises(InvalidInput, match="without rows"):
        TableEncoder.fit(empty)
    assert TableEncoder.fit(Table({"a": np.arange(3.0)})).transform(empty).shape == (0, 1)


columns = st.one_of(
    st.lists(st.none() | st.text("ab1.ä\n", max_size=3), min_size=4, max_size=4).map(
        lambda v: text(*v)
    ),
    st.lists(st.floats(allow_infinity=False, width=64), min_size=4, max_size=4).map(np.array),
)


@given(st.dictionaries(st.text("abc=()", min_size=1, max_size=4), columns, min_size=1, max_size=4))
def test_any_table_is_encoded_finite_and_restored_exactly(data):
    """The encoding is finite, and the encoder survives JSON and tensors bit for bit."""
    table = Table(data)
    encoder = TableEncoder.fit(table)
    encoded = encoder.transform(table)
    assert np.isfinite(encoded).all()
    assert encoded.shape == (4, len(encoder.feature_names))
    restored = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())), encoder.tensors())
    assert restored == encoder


def _hostile() -> dict[str, tuple[object, dict[str, object]]]:
    number = {"name": "a", "indicator": True}
    word = {"name": "b", "categories": ["x"]}
    one = {name: np.ones(1) for name in ("median", "mean", "scale")}
    return {
        "not a dictionary": ([], one),
        "no columns": ({}, one),
        "another key": ({"columns": [], "code": "x"}, one),
        "columns of text": ({"columns": "ab"}, one),
        "a column of text": ({"columns": ["ab"]}, one),
        "no name": ({"columns": [{"indicator": True}]}, one),
        "a name of numbers": ({"columns": [{"name": 1, "indicator": True}]}, one),
        "no kind": ({"columns": [{"name": "a"}]}, one),
        "two kinds": ({"columns": [number | word]}, one),
        "an odd indicator": ({"columns": [number | {"indicator": 1}]}, one),
        "odd categories": ({"columns": [word | {"categories": [1]}]}, one),
        "nested categories": ({"columns": [word | {"categories": [["x"]]}]}, one),
        "categories of text": ({"columns": [word | {"categories": "xy"}]}, one),
        "twice a category": ({"columns": [word | {"categories": ["x", "x"]}]}, one),
        "too many": ({"columns": [word | {"categories": [str(i) for i in range(101)]}]}, one),
        "twice a name": ({"columns": [word, word]}, {k: np.ones(0) for k in one}),
        "no tensors": ({"columns": [number]}, {}),
        "a tensor too few": ({"columns": [number]}, {"mean": np.ones(1), "scale": np.ones(1)}),
        "a list": ({"columns": [number]}, one | {"mean": [1.0]}),
        "another length": ({"columns": [number]}, one | {"mean": np.ones(2)}),
        "another dtype": ({"columns": [number]}, one | {"mean": np.ones(1, np.float32)}),
        "NaN": ({"columns": [number]}, one | {"median": np.array([np.nan])}),
        "a scale of zero": ({"columns": [number]}, one | {"scale": np.zeros(1)}),
        "a negative scale": ({"columns": [number]}, one | {"scale": -np.ones(1)}),
    }


@pytest.mark.parametrize("case", _hostile())
def test_hostile_descriptions_are_refused(case):
    """Whatever a damaged model file says, it is refused in a sentence or restored whole."""
    description, tensors = _hostile()[case]
    with pytest.raises(FileRefused, match="damaged"):
        TableEncoder.from_json(description, tensors)


def test_numbers_in_pieces(table):
    """Each column of numbers is followed by its pieces; the median stands for a gap there, too."""
    encoder = TableEncoder.fit(table, pieces=2)
    names = ["age", "age (missing)", "age (piece 1 of 2)", "age (piece 2 of 2)", "pay"]
    assert list(encoder.feature_names[:5]) == names
    whole, encoded = TableEncoder.fit(table).transform(table), encoder.transform(table)
    np.testing.assert_array_equal(encoded[:, [0, 1, 4]], whole[:, :3])
    assert encoded[:, 2].tolist() == [0, 1, 1, 1]
    assert encoded[:, 3].tolist() == [0, 0, 1, 0]


def test_pieces_come_back(table):
    """An encoder with knots is read as it was written, and without knots writes none."""
    encoder = TableEncoder.fit(table, pieces=3)
    assert TableEncoder.from_json(encoder.to_json(), encoder.tensors()) == encoder
    plain = TableEncoder.fit(table)
    assert "knots" not in plain.tensors()
    assert "knots" not in str(plain.to_json())


@pytest.mark.parametrize(
    "knots",
    [None, [1.0], [3.0, 2.0, 1.0] * 2, [1.0, 2.0, np.inf] * 2, [1.0, 1.0, 2.0] * 2],
)
def test_knots_that_are_none(table, knots):
    """Knots that are missing, too few, infinite or do not rise are refused."""
    encoder = TableEncoder.fit(table, pieces=2)
    tensors = encoder.tensors()
    del tensors["knots"]
    if knots is not None:
        tensors["knots"] = np.array(knots)
    with pytest.raises(FileRefused, match="knots are not 6 values that rise"):
        TableEncoder.from_json(encoder.to_json(), tensors)


@pytest.mark.parametrize("pieces", [-1, 257, 2.5, "8", True])
def test_pieces_that_are_none(table, pieces):
    """Another number of pieces is refused, saying what may be."""
    with pytest.raises(InvalidInput, match="a whole number from 0 to 256, not"):
        TableEncoder.fit(table, pieces=pieces)


def test_columns_are_values():
    """Columns of equal content are equal, and cannot be changed."""
    assert NumberColumn("a", 0.0, 0.0, 1.0, True) == NumberColumn("a", 0.0, 0.0, 1.0, True)
    with pytest.raises(AttributeError):
        TextColumn("a", ("x",)).name = "b"  # type: ignore[misc]
