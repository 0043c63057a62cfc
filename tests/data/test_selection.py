"""Some rows of an array, without a copy of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deltarule.data.selection import PIECE, Selection, in_pieces, is_mapped, rows_within, select

X = np.arange(60.0).reshape(20, 3)
INDEX = np.array([1, 4, 5, 19, 0])


def test_as_the_copied_rows() -> None:
    """Shape, type and any rows of a selection are those of the rows that indexing copies."""
    chosen, copied = select(X, INDEX), X[INDEX]
    assert isinstance(chosen, Selection)
    for name in ("shape", "ndim", "size", "dtype"):
        assert getattr(chosen, name) == getattr(copied, name)
    assert len(chosen) == len(copied)
    for rows in (slice(None), slice(1, 3), np.array([4, 0]), np.array([], np.int64)):
        assert np.array_equal(chosen[rows], copied[rows])
    assert not np.shares_memory(chosen[:], X)


def test_neighbours_are_a_window() -> None:
    """Rows that follow one another are no copy and no selection."""
    window = select(X, np.arange(3, 9))
    assert isinstance(window, np.ndarray)
    assert np.shares_memory(window, X)
    assert isinstance(select(X, np.array([3, 5, 4])), Selection)


def test_selection_of_a_selection() -> None:
    """Chosen rows can be chosen from again; the array stays the same."""
    again = select(select(X, INDEX), np.array([2, 0]))
    assert isinstance(again, Selection)
    assert again.base is X
    assert np.array_equal(again[:], X[[5, 1]])


def test_mapped(tmp_path: Path) -> None:
    """A mapped file is known through windows, views and selections; copies are in memory."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for rows in (mapped, np.asarray(mapped), mapped[2:5], Selection(mapped, INDEX)):
        assert is_mapped(rows)
        assert in_pieces(rows)
    assert not is_mapped(mapped[INDEX])
    assert not is_mapped(X)
    assert in_pieces(Selection(X, INDEX))
    assert not in_pieces(X)


@pytest.mark.parametrize(("width", "most", "rows"), [(8, 5, 5), (8, 10**9, PIECE // 24), (2, 9, 9)])
def test_piece(width: int, most: int, rows: int) -> None:
    """A piece has at most so many rows and, but for a single row, at most so many bytes."""
    assert rows_within(X, most, width) == rows
    assert rows_within(np.broadcast_to(X[:1, :1], (3, PIECE)), most) == 1
