"""Records as data frames."""

from __future__ import annotations

import sys

import pytest

from deltarule.ground.errors import NotAvailable
from deltarule.ground.frames import data_frame

RECORDS = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0, "extra": "a"}]


def test_one_row_for_each_record() -> None:
    """Rows and columns are those of the records; what one lacks is a gap."""
    pytest.importorskip("pandas", reason="needs pandas for a data frame")
    frame = data_frame(RECORDS, "a history", "to_dict()", index="epoch")
    assert list(frame.index) == [1, 2]
    assert list(frame.columns) == ["loss", "extra"]
    assert frame["extra"].isna().tolist() == [True, False]
    assert data_frame(RECORDS, "a history", "to_dict()").columns[0] == "epoch"


def test_without_records() -> None:
    """A frame without rows has the columns that it would have had."""
    pytest.importorskip("pandas", reason="needs pandas for a data frame")
    frame = data_frame([], "trials", ".trials", index="trial", columns=["trial", "state"])
    assert len(frame) == 0
    assert list(frame.columns) == ["state"]


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pandas is missing, the message says where else the records are."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotAvailable, match=r"of trials needs pandas: .*, \.trials holds"):
        data_frame(RECORDS, "trials", ".trials")
