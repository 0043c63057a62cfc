"""A comparison as a value: printed, in a notebook, as a frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

import deltarule as dr

Compare = Callable[..., dr.Comparison]
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def found(compare: Compare) -> dr.Comparison:
    """A comparison whose first arm has a hostile name."""
    return compare(names=[HOSTILE, "plain"], reach=0.5)


def test_text(found: dr.Comparison) -> None:
    """Printed, it is the verdict, the table and the notes, in columns."""
    text = str(found)
    lines = text.splitlines()
    assert lines[: len(found.verdict)] == found.verdict
    header = next(line for line in lines if line.startswith("arm "))
    row = next(line for line in lines if line.startswith("plain "))
    assert "points" in row
    assert len(row) <= len(header) + 20
    assert [line for line in lines if line.startswith("Note: ")] == [
        f"Note: {warning}" for warning in found.warnings
    ]


def test_repr(found: dr.Comparison) -> None:
    """What a notebook keeps beside the table is one line, without the curves and the folder."""
    assert repr(found) == f"<Comparison {found.facts['title']!r}, 2 seeds>"


def test_notebook(found: dr.Comparison) -> None:
    """In a notebook names stay text."""
    page = found._repr_html_()
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert page.count("<tr>") == 3


def test_folders_of_hostile_names_are_inside(found: dr.Comparison) -> None:
    """Whatever an arm is called, its runs stay in the folder."""
    inside = (found.folder / "runs").resolve()
    for arm in found.facts["arms"]:
        for run in arm["runs"]:
            assert (found.folder / run["folder"]).resolve().parent.parent == inside


def test_frame(found: dr.Comparison) -> None:
    """A data frame has a row for each run, with its arm, seed and values."""
    frame = found.to_frame()
    assert len(frame) == 4
    assert list(frame.groupby("arm", sort=False)["best"].mean()) == pytest.approx(
        [arm["best"]["mean"] for arm in found.facts["arms"]]
    )
    assert set(frame["seed"]) == {0, 1}


def test_it_is_frozen(found: dr.Comparison) -> None:
    """A comparison is a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.facts = {}  # type: ignore[misc]
    assert list(found.arms) == [HOSTILE, "plain"]
