"""Numbered files of which the newest that is whole counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deltarule import FileRefused, NotAvailable
from deltarule.storage.generations import Generations

NUMBERS = {"x": np.arange(6.0)}


def written(folder: Path, count: int) -> Generations:
    """Generations 1 to count."""
    where = Generations(folder)
    for number in range(1, count + 1):
        where.write(number, {"x": np.full(3, float(number))}, {"n": number})
    return where


def test_two_are_kept(tmp_path: Path) -> None:
    """Of many writes the two newest files are left, and nothing else."""
    where = written(tmp_path / "c", 5)
    assert where.numbers() == [5, 4]
    assert len(list((tmp_path / "c").iterdir())) == 2


def test_newest(tmp_path: Path) -> None:
    """The highest number that verifies is the newest, whatever the order of writing."""
    where = written(tmp_path, 3)
    found = where.newest()
    assert found is not None
    tensors, description, refused = found
    assert tensors["x"][0] == 3
    assert description == {"n": 3}
    assert refused == ()


@pytest.mark.parametrize("damage", range(100))
def test_a_damaged_newest_is_passed_over(tmp_path: Path, damage: int) -> None:
    """Damaged in any of 100 ways, the newest yields to the one before, and it is said."""
    where = written(tmp_path, 2)
    path = where.path(2)
    data = bytearray(path.read_bytes())
    if damage < 50:
        path.write_bytes(data[: len(data) * damage // 50])
    else:
        place = len(data) * (damage - 50) // 50
        data[place] ^= 1 << (damage % 8)
        path.write_bytes(data)
    found = where.newest()
    assert found is not None
    assert found[1] == {"n": 1}
    assert len(found[2]) == 1
    assert str(path) in found[2][0]


def test_none_and_none_whole(tmp_path: Path) -> None:
    """No file is no checkpoint; files of which none is whole are an error that says so."""
    assert Generations(tmp_path / "nothing").newest() is None
    where = written(tmp_path, 2)
    for number in where.numbers():
        where.path(number).write_bytes(b"x")
    with pytest.raises(FileRefused, match=r"No checkpoint in .* can be used"):
        where.newest()


def test_strangers_are_left_alone(tmp_path: Path) -> None:
    """Files of other names are neither read nor taken away; half-written ones are tidied up."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".checkpoint-000000000009.safetensors.1.tmp").write_text("half")
    where = written(tmp_path, 4)
    where.tidy()
    assert {p.name for p in tmp_path.iterdir()} == {
        "notes.txt",
        where.path(3).name,
        where.path(4).name,
    }


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """Where there is a file in the way, one sentence says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAvailable, match=r"cannot be"):
        Generations(tmp_path / "file" / "c").write(1, NUMBERS, {})
