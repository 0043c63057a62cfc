"""Tables as text."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.data.dataset import as_number
from deltarule.data.formats import delimited
from deltarule.data.formats.delimited import MISSING, read_delimited
from deltarule.ground.errors import FileRefused, NotAvailable


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "n,t\n1,x\n2.5,y\n"),
        ("a.csv", "n;t\n1;x\n2.5;y\n"),
        ("a.tsv", "n\tt\n1\tx\n2.5\ty\n"),
        ("a.txt", "n\tt\n1\tx\n2.5\ty\n"),
        ("a.csv", "\ufeffn,t\n1,x\n2.5,y"),
        ("a.csv", "n,t\r\n1,x\r\n2.5,y\r\n"),
        ("a.csv", "n,t\r1,x\r2.5,y\r"),
        ("a.csv", '"n","t"\n"1","x"\n2.5, y \n'),
        ("a.csv", "n,t\n\n1,x\n\n2.5,y\n\n"),
        ("a.csv", "\n\nn;t\n1;x\n2.5;y\n"),
        ("a.CSV.gz", gzip.compress(b"n,t\n1,x\n2.5,y\n", mtime=0)),
    ],
)
def test_spellings_of_one_table(name, content, write):
    """Delimiters, quotes, line ends, blank lines, a byte order mark and gzip do not matter."""
    table = read_delimited(write(name, content))
    assert table.names == ("n", "t")
    assert table["n"].dtype == np.float64
    assert table["n"].tolist() == [1, 2.5]
    assert table["t"].tolist() == ["x", "y"]


def test_a_tsv_is_split_at_tabs_alone(write):
    """In a .tsv commas are text."""
    table = read_delimited(write("a.tsv", "a,b\tc,d,e\n1\tx\n"))
    assert table.names == ("a,b", "c,d,e")


@pytest.mark.parametrize("word", sorted(MISSING))
def test_missing_values(word, write):
    """Each word for a missing value is NaN among numbers and None among text, spaces aside."""
    table = read_delimited(write("a.csv", f"n,t,e\n1,x,{word}\n {word} ,{word},\n"))
    np.testing.assert_array_equal(table["n"], [1, np.nan])
    assert table["t"].tolist() == ["x", None]
    np.testing.assert_array_equal(table["e"], [np.nan, np.nan])


@pytest.mark.parametrize("value", ["1", "-2", "+3.5", "1e5", "1E-5", ".5", "5.", "00"])
def test_numbers(value, write):
    """Decimal numbers are numbers."""
    assert read_delimited(write("a.csv", f"a\n{value}\n"))["a"].tolist() == [float(value)]


@pytest.mark.parametrize("value", ["1_000", "0x10", "1,5", "1 000", "١", "e", "--1", "1e", "NAN"])
def test_other_words_make_a_column_text(value, write):
    """Anything else makes the whole column text, as it is written."""
    table = read_delimited(write("a.csv", f'a;b\n1.50;1\n"{value}";2\n'))
    assert table["a"].tolist() == ["1.50", value]
    assert table["b"].dtype == np.float64


def test_types_are_told_from_the_whole_file(write):
    """A column that turns out to be text after many blocks is text from its first row."""
    rows = [*map(str, range(10_000)), "ten"]
    table = read_delimited(
        write("a.csv", "a,b\n" + "".join(f"{v},{i}\n" for i, v in enumerate(rows)))
    )
    assert table["a"].tolist() == rows
    assert table["b"].tolist() == list(range(10_001))


def test_a_quoted_name_does_not_mislead(write):
    """Delimiters within quoted names do not count as the delimiter."""
    assert read_delimited(write("a.csv", '"a,b,c";d\n1;2\n')).names == ("a,b,c", "d")


def test_quoted_fields_may_hold_anything(write):
    """Delimiters, quotes and line ends are text within quotes."""
    table = read_delimited(write("a.csv", 'a,b\n"x, ""y""\nz",1\n'))
    assert table["a"].tolist() == ['x, "y"\nz']


def test_a_word_for_infinity_is_text_among_text(write):
    """'inf' in a column of words is a word."""
    assert read_delimited(write("a.csv", "a\ninf\nsup\n"))["a"].tolist() == ["inf", "sup"]


BAD = {
    "nothing": ("", "is empty"),
    "a line end": ("\n", "is empty"),
    "no rows": ("a,b\n", "no rows"),
    "a short line": ("a,b\n1,2\n3\n", r"line 3 has 1 fields where the header has 2"),
    "a long line": ("a,b\n1,2,3\n", r"line 2 has 3 fields where the header has 2"),
    "a late short line": ('a,b\n"x\ny",2\n\n3\n', r"line 5 has 1 fields"),
    "a name twice": ("a,b,a\n1,2,3\n", "several columns called 'a'"),
    "no name": ("a,,c,\n1,2,3,4\n", r"no name for column 2, 4.*index=False"),
    "two problems": (",a,a\n1,2,3\n", r"2 problems: .*no name.*called 'a'"),
    "too many columns": (",".join(map(str, range(100_001))) + "\n", "has 100,001 columns"),
    "infinity": ("a,b\n1,2\n3,inf\n", r"line 3 has an infinite number in column 'b'"),
    "minus infinity": ("a\n-Infinity\n", "line 2 has an infinite number"),
    "overflow": ("a\n1\n\n1e999\n", "line 4 has an infinite number"),
    "Latin-1": ("a\nä\n".encode("latin-1"), "not UTF-8"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "UTF-16 text"),
    "a NUL": ("a,b\n1,\0\n", "binary data"),
    "a late NUL": ("a\n" + "1\n" * 1000 + "\0\n", "line 1002 has a NUL"),
    "an open quote": ('a\n"b\n', "cannot be read"),
    "text behind a quote": ('a\n"b"c\n', "line 2 cannot be read"),
    "a huge field": ("a\n" + "x" * 200_000 + "\n", "field larger"),
    "a huge line": ("a\n" + "x," * 2**23 + "\n", "line 2 is too long"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG image"),
    "packed": (gzip.compress(b"a\n1\n", mtime=0), "gzip-compressed data"),
    "a web page": ("<!DOCTYPE html><p>404", "a web page"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused(case, write):
    """Each mistake gets a sentence with the file and, where there is one, the line."""
    content, match = BAD[case]
    with pytest.raises(FileRefused, match=match) as caught:
        read_delimited(write("bad.csv", content))
    assert "bad.csv" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"a\n1\n",
        b"",
        gzip.compress(b"a\n1\n" * 99, mtime=0)[:-9],
        gzip.compress(b"a\n1\n", mtime=0)[:-1],
    ],
)
def test_bad_packing_is_refused(content, write):
    """A .gz that is none, or ends early, is refused."""
    with pytest.raises(FileRefused, match=r"a\.csv\.gz"):
        read_delimited(write("a.csv.gz", content))


@pytest.mark.parametrize("content", [b"\0", b"x", b"1,"])
def test_a_packed_bomb_is_bounded(content, write):
    """A line that unpacks without end is refused, in bounded memory."""
    path = write("a.csv.gz", gzip.compress(b"a\n" + content * 2**26, mtime=0))
    tracemalloc.start()
    with pytest.raises(FileRefused):
        read_delimited(path)
    assert tracemalloc.get_traced_memory()[1] < 128 * 2**20
    tracemalloc.stop()


def test_long_tables_are_bounded(write, monkeypatch):
    """Text beyond the limit is refused while it is read."""
    monkeypatch.setattr(delimited, "MAX_TEXT", 1000)
    with pytest.raises(FileRefused, match="more than 1,000 bytes"):
        read_delimited(write("a.csv", "a\n" + "1\n" * 1000))


def test_a_missing_file_is_told(tmp_path):
    """A file that is not there is not available."""
    with pytest.raises(NotAvailable, match=r"none\.csv"):
        read_delimited(tmp_path / "none.csv")


fields = st.text("0123456789+-.eE_ nafiNAF?/", max_size=7).filter(lambda t: t.strip())


@settings(deadline=None)
@given(st.lists(fields, min_size=1, max_size=4))
def test_the_fast_path_agrees_with_the_grammar(tmp_path_factory, texts):
    """A column is numbers exactly if every value is one by `as_number`, and then these numbers."""
    known = [t.strip() for t in texts if t.strip() not in MISSING]
    numbers = [as_number(text) for text in known]
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_text("a\n" + "\n".join(texts) + "\n")
    if None not in numbers and np.isinf(np.array(numbers, float)).any():
        with pytest.raises(FileRefused, match="infinite"):
            read_delimited(path)
        return
    column = read_delimited(path)["a"]
    assert (column.dtype == object) == (None in numbers)
    if column.dtype == object:
        assert [v for v in column if v is not None] == known
    else:
        assert column[~np.isnan(column)].tolist() == numbers


@pytest.mark.parametrize(("line", "mend"), [("1", "also for an empty one"), ("1,2,3", "quote")])
def test_a_ragged_line_is_told_how_to_mend(line: str, mend: str, tmp_path: Path) -> None:
    """Too few fields and too many have different cures."""
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n1,2\n{line}\n")
    with pytest.raises(FileRefused, match=f"line 3 has .* fields.*{mend}"):
        read_delimited(path)


def test_commas_of_names_stay(tmp_path: Path) -> None:
    """A column of which it is known that it holds names keeps its commas."""
    path = tmp_path / "shoes.csv"
    path.write_text("size;length\n36,5;23,1\n37;23,5\n")
    told: list[str] = []
    assert read_delimited(path, told.append)["size"].tolist() == [36.5, 37.0]
    assert told == ["Numbers with decimal commas are read as such: 'size' (36,5), 'length' (23,1)."]
    table = read_delimited(path, texts=["size"])
    assert table["size"].tolist() == ["36,5", "37"]
    assert table["length"].tolist() == [23.1, 23.5]
