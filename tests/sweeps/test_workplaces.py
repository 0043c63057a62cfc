"""Laws of the folder of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

import deltarule as dr
from deltarule.sweeps.workplaces import SWEEP, check_folder, described, open_workplace


def test_a_folder_keeps_its_identity(tmp_path: Path) -> None:
    """Who opens it again finds the same; an empty folder is as good as none."""
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        place = open_workplace(tmp_path / name)
        assert open_workplace(tmp_path / name).identity == place.identity
    assert open_workplace(tmp_path / "new").identity != place.identity


def test_one_process_for_one_trial(tmp_path: Path) -> None:
    """A trial that is held cannot be had; given back, it can; others are free all the time."""
    place = open_workplace(tmp_path / "a")
    release = place.hold_trial(3)
    assert release is not None
    assert place.hold_trial(3) is None
    other = place.hold_trial(4)
    assert other is not None
    release()
    again = place.hold_trial(3)
    assert again is not None
    again()
    other()


def test_what_is_written_down_is_read(tmp_path: Path) -> None:
    """What is None is left out, in lists it is 'none', as TOML has no word for it."""
    place = open_workplace(tmp_path / "a")
    place.describe({"sweep": "x", "space": {"norm": {"choices": [None, "layer"]}}, "gone": None})
    found = described(tmp_path / "a")
    assert found == {
        "folder": place.identity,
        "sweep": "x",
        "space": {"norm": {"choices": ["none", "layer"]}},
    }


def test_folders_that_are_refused(tmp_path: Path) -> None:
    """One in use for something else, a file, and one with a damaged description."""
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    with pytest.raises(dr.FileRefused, match="in use, and not by a sweep"):
        check_folder(tmp_path / "used")
    with pytest.raises(dr.FileRefused, match="is a file"):
        check_folder(tmp_path / "file")
    check_folder(tmp_path / "new")
    open_workplace(tmp_path / "a")
    (tmp_path / "a" / SWEEP).write_text("sweep = = 1")
    with pytest.raises(dr.FileRefused, match=r"sweep\.toml cannot be read"):
        open_workplace(tmp_path / "a")
