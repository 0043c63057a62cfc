"""Tables and data sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.dataset import Dataset, Table, as_number
from deltarule.ground.errors import InvalidInput, UnknownName


@pytest.fixture
def table() -> Table:
    return Table(
        {
            "age": np.array([30, 41, 52]),
            "sex": np.array(["F", None, "M"], object),
            "pay": np.array([1.5, np.nan, 2.5]),
        }
    )


def test_columns_become_float64_or_text(table):
    """Numbers are kept as float64 with NaN, text as objects with None."""
    assert [table[name].dtype for name in table] == [np.float64, object, np.float64]
    assert table.names == ("age", "sex", "pay")
    assert table.shape == (3, 3)
    assert len(table) == 3
    assert "age" in table
    assert "wage" not in table


def test_take_keeps_kinds_even_of_no_rows(table):
    """Rows are chosen by position, slice or mask, and text stays text."""
    assert table.take([2, 0])["age"].tolist() == [52, 30]
    assert table.take(slice(1, None))["sex"].tolist() == [None, "M"]
    assert table.take(np.array([False, True, False]))["sex"].dtype == object
    assert table.take([])["sex"].dtype == object


def test_a_slice_is_the_table_of_those_rows(table):
    """table[:2] is what take gives, as an array's slice would be its rows."""
    assert table[:2]["age"].tolist() == [30, 41]
    assert table[1:].names == table.names
    assert len(table[:0]) == 0


def test_select_and_without(table):
    """Columns are chosen by name, in the given order."""
    assert table.select(["pay", "age"]).names == ("pay", "age")
    assert table.without("sex").names == ("age", "pay")


def test_missing_columns_are_named_at_once(table):
    """One message names every missing column and the nearest known ones."""
    with pytest.raises(UnknownName, match=r"'agee'.*'age'.*'xyz'"):
        table.select(["agee", "pay", "xyz"])
    with pytest.raises(UnknownName, match="Did you mean 'pay'"):
        table["payy"]
    with pytest.raises(UnknownName, match="nothing"):
        table.without("nothing")


def test_a_table_without_columns_is_refused(table):
    """Leaving out the last column is refused."""
    with pytest.raises(InvalidInput, match="at least one column"):
        table.select(["age"]).without("age")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"a": np.zeros(2), "b": np.zeros(3)}, "number of rows"),
        ({"a": np.zeros((2, 2))}, "one dimension"),
        ({"a": np.array([1j])}, "complex"),
        ({"a": np.array(["2020-01-01"], "datetime64[D]")}, "datetime"),
        ({"a": np.array(["x", 1], object)}, "all numbers or all text"),
        ({"a": np.array([1.0, np.inf])}, "infinite"),
        ({"a": [[1], [2, 3]]}, "several lengths"),
        ({"a": [10**400, None]}, "too large"),
        ({"a": np.array([b"x"])}, "dtype"),
        ({"": np.zeros(2)}, "column name"),
        ({3: np.zeros(2)}, "column name"),
    ],
)
def test_odd_columns_are_refused(columns, match):
    """What is neither numbers nor text of one length is refused with the column's name."""
    with pytest.raises(InvalidInput, match=match):
        Table(columns)


def test_all_odd_columns_are_told_at_once():
    """Two bad columns make one message with both names."""
    with pytest.raises(InvalidInput, match=r"2 problems.*'a'.*'b'"):
        Table({"a": np.array([np.inf]), "b": np.array([1j])})


def test_from_any_reads_pandas():
    """A pandas frame gives the same columns, whatever its dtypes."""
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None, 3], dtype="Int64"),
            "f": [0.5, np.nan, 1.5],
            "b": [True, False, True],
            "s": pd.array(["x", None, "y"], dtype="string"),
            "c": pd.Categorical(["u", None, "u"]),
            "o": ["p", None, "q"],
            5: [1, 2, 3],
        }
    )
    table = Table.from_any(frame)
    assert table.names == ("i", "f", "b", "s", "c", "o", "5")
    np.testing.assert_array_equal(table["i"], [1, np.nan, 3])
    np.testing.assert_array_equal(table["f"], [0.5, np.nan, 1.5])
    assert table["b"].tolist() == [1, 0, 1]
    assert table["s"].tolist() == ["x", None, "y"]
    assert table["c"].tolist() == ["u", None, "u"]
    assert table["o"].tolist() == ["p", None, "q"]


def test_from_any_reads_what_quacks_like_a_frame():
    """Any object with `columns` and columns with `to_numpy` is read, such as polars' frames."""

    class Series:
        def __init__(self, values: np.ndarray) -> None:
            self.values = values

        def to_numpy(self) -> np.ndarray:
            return self.values

    class Frame(dict):
        columns = ("a", "b")

    class NoMapping:
        columns = ("a",)

        def __getitem__(self, name: str) -> Series:
            return Series(np.array([1.0, 2.0]))

    assert Table.from_any(NoMapping())["a"].tolist() == [1, 2]
    assert Table.from_any({"a": [1, 2], "b": ["x", "y"]})["b"].tolist() == ["x", "y"]


def test_from_any_returns_a_table_as_it_is(table):
    """A table is not copied."""
    assert Table.from_any(table) is table


def test_from_any_refuses_the_rest():
    """A list, and a frame with two columns of one name, are refused in a sentence."""
    with pytest.raises(InvalidInput, match="data frame"):
        Table.from_any([[1, 2]])
    with pytest.raises(InvalidInput, match="several columns"):
        Table.from_any(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("-1.5e3", -1500), (".5", 0.5), ("5.", 5), ("+2", 2), ("1e400", np.inf)],
)
def test_numbers_are_read(text, number):
    """A decimal number is one, with sign, point and exponent."""
    assert as_number(text) == number


@pytest.mark.parametrize("text", ["", "1_000", "1,000", "0x1", "nan", "e5", ".", "١", "1 2", "--1"])
def test_other_text_is_no_number(text):
    """Digit groups, hexadecimal, other scripts' digits and words are text."""
    assert as_number(text) is None


@pytest.mark.parametrize("text", ["inf", "-Infinity", "+INF"])
def test_infinity_is_told_from_text(text):
    """Infinity is recognised, so that readers can refuse it."""
    assert np.isinf(as_number(text))


def test_a_data_set_needs_one_label_per_row():
    """Rows and labels that differ in number are refused."""
    with pytest.raises(InvalidInput, match="3 rows but 2 labels"):
        Dataset("odd", np.zeros((3, 1)), np.zeros(2))


def _variants() -> dict[str, Dataset]:
    x, y = np.arange(6, dtype=np.uint8).reshape(3, 2), np.array([0, 1, 0])
    text = np.array(["ab", None, "c"], object)
    return {
        "plain": Dataset("d", x, y),
        "no labels": Dataset("d", x),
        "other labels": Dataset("d", x, 1 - y),
        "other pixel": Dataset("d", x[::-1], y),
        "other dtype": Dataset("d", x.astype(np.int64), y),
        "other shape": Dataset("d", x.reshape(3, 1, 2), y),
        "text": Dataset("d", Table({"t": text}), y),
        "shifted text": Dataset("d", Table({"t": np.array(["a", None, "bc"], object)}), y),
        "other name": Dataset("d", Table({"u": text}), y),
        "missing is text": Dataset("d", Table({"t": np.array(["ab", "-", "c"], object)}), y),
        "text labels": Dataset("d", x, np.array(["0", "1", "0"], object)),
    }


def test_fingerprints_tell_contents_apart():
    """Every change of content, shape, dtype or column name changes the fingerprint."""
    prints = {name: data.fingerprint() for name, data in _variants().items()}
    assert len(set(prints.values())) == len(prints)
    assert all(len(print_) == 64 for print_ in prints.values())


def test_fingerprints_are_the_same_for_the_same_content():
    """The fingerprint depends on content alone, not on the name or the memory layout."""
    x = np.arange(12.0).reshape(4, 3)
    assert Dataset("a", x).fingerprint() == Dataset("b", np.asfortranarray(x)).fingerprint()


def test_fingerprint_of_a_memory_map(tmp_path):
    """A memory-mapped array has the fingerprint of the same array in memory, over many chunks."""
    x = np.arange(3 * 2**22, dtype=np.int32).reshape(-1, 3)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert Dataset("d", mapped).fingerprint() == Dataset("d", x).fingerprint()


@given(st.lists(st.none() | st.text("ab1-:ä", max_size=3), min_size=1, max_size=6), st.data())
def test_fingerprint_is_injective_on_text(texts, data):
    """Two text columns have one fingerprint only if they are equal."""
    other = data.draw(st.permutations(texts))
    first, second = (
        Dataset("d", Table({"t": np.array([*values, "end"], object)})).fingerprint()
        for values in (texts, other)
    )
    assert (first == second) == (texts == other)
