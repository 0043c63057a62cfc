"""Parquet tables."""

from __future__ import annotations

import datetime
import decimal
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from deltarule.data.formats import reading
from deltarule.data.formats.columnar import read_parquet
from deltarule.ground.errors import FileRefused, NotAvailable

pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")


@pytest.fixture
def save(tmp_path):
    def one(table, **options):
        pq.write_table(table, tmp_path / "a.parquet", **options)
        return tmp_path / "a.parquet"

    return one


@pytest.mark.parametrize("version", ["1.0", "2.6"])
@pytest.mark.parametrize("rows", [1, 100])
def test_numbers_and_text(version, rows, save):
    """Numbers and booleans become float64, text and dictionaries text; null is missing."""
    columns = {
        "f": pa.array([0.5, None, 2.0]),
        "h": pa.array(np.float16([1, 2, 3])),
        "i": pa.array([1, None, 2**60]),
        "u": pa.array([1, 2, None], pa.uint8()),
        "b": pa.array([True, None, False]),
        "d": pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("2.5")]),
        "n": pa.nulls(3),
        "s": pa.array(["x", None, "y"]),
        "l": pa.array(["x", None, "y"], pa.large_string()),
        "c": pa.array(["x", None, "y"]).dictionary_encode(),
        "ci": pa.array([7, None, 7]).dictionary_encode(),
    }
    save(pa.table(columns), version=version, row_group_size=rows)
    table = read_parquet(save(pa.table(columns), version=version, row_group_size=rows))
    expected = {
        "f": [0.5, np.nan, 2],
        "h": [1, 2, 3],
        "i": [1, np.nan, 2.0**60],
        "u": [1, 2, np.nan],
        "b": [1, np.nan, 0],
        "d": [1.5, np.nan, 2.5],
        "n": [np.nan] * 3,
        "ci": [7, np.nan, 7],
    }
    assert table.names == tuple(columns)
    for name in table:
        if name in expected:
            assert table[name].dtype == np.float64
            np.testing.assert_array_equal(table[name], expected[name])
        else:
            assert table[name].tolist() == ["x", None, "y"]


def test_what_pandas_writes_is_read(tmp_path):
    """A frame that pandas wrote comes back."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    table = read_parquet(tmp_path / "a.parquet")
    assert table["a"].tolist() == [1, 2]
    assert table["b"].tolist() == ["x", None]
    assert table["c"].tolist() == ["u", "v"]


def test_other_types_are_all_named(save):
    """Dates, lists and structures are refused, all of them by name."""
    table = pa.table({"day": [datetime.date(2020, 1, 1)], "many": [[1, 2]], "fine": [1.0]})
    with pytest.raises(FileRefused, match=r"2 problems.*'day' holds date32.*'many' holds list"):
        read_parquet(save(table))


def test_odd_tables_are_refused(save, write):
    """No rows, two columns of one name, infinite numbers, other content and damage are refused."""
    with pytest.raises(FileRefused, match="no rows"):
        read_parquet(save(pa.table({"a": pa.array([], pa.float64())})))
    with pytest.raises(FileRefused, match="several columns called 'a'"):
        read_parquet(save(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])))
    with pytest.raises(FileRefused, match=r"a\.parquet: Column 'a' has 1 infinite"):
        read_parquet(save(pa.table({"a": [np.inf]})))
    with pytest.raises(FileRefused, match="holds text"):
        read_parquet(write("b.parquet", "a,b\n1,2\n"))
    whole = save(pa.table({"a": [1.0, 2.0]})).read_bytes()
    with pytest.raises(FileRefused, match=r"c\.parquet cannot be read"):
        read_parquet(write("c.parquet", whole[:-20]))


def test_sizes_are_checked_before_reading(save, monkeypatch):
    """A table of more rows than the memory allows is refused from its head."""
    monkeypatch.setattr(reading, "MAX_IN_MEMORY", 1000)
    with pytest.raises(FileRefused, match="would take"):
        read_parquet(save(pa.table({"a": np.zeros(1000)})))


def test_long_repeated_texts_are_held_once(save):
    """A long text in many rows costs one copy."""
    path = save(pa.table({"a": ["x" * 10_000] * 5000}))
    tracemalloc.start()
    table = read_parquet(path)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()
    assert len(table) == 5000
    assert table["a"][0] is table["a"][-1]


def test_without_pyarrow_the_package_is_named(save, monkeypatch):
    """Without pyarrow the message says how to install it."""
    path = save(pa.table({"a": [1.0]}))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(NotAvailable, match=r"pip install 'deltarule\[parquet\]'"):
        read_parquet(path)
