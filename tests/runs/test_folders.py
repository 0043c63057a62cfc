"""Run folders: claimed whole, written line by line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from deltarule.ground.errors import FileRefused, InvalidInput, NotAvailable
from deltarule.runs import folders
from deltarule.runs.folders import (
    append_line,
    claim_folder,
    claim_next,
    free_folder,
    read_lines,
)

FILES = {"metrics.jsonl": "", "recipe.toml": "lr = 1\n"}


def content(folder: Path) -> dict[str, str]:
    """The files of a folder."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_next_free_number(tmp_path: Path) -> None:
    """Runs are numbered from 1, and no number is taken twice."""
    for number in (1, 2, 3):
        folder = free_folder(tmp_path, "digits")
        assert folder.name == f"digits-{number}"
        folder.mkdir()
    (tmp_path / "digits-2").rmdir()
    assert free_folder(tmp_path, "digits").name == "digits-2"


def test_a_number_that_another_process_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process takes the number in between, the next one is claimed."""
    free = folders.free_folder

    def slow(parent: Path, stem: str) -> Path:
        found = free(parent, stem)
        if found.name == "digits-1":
            claim_folder(found, {"theirs": "1"})
        return found

    monkeypatch.setattr(folders, "free_folder", slow)
    assert claim_next(tmp_path, "digits", FILES).name == "digits-2"
    assert content(tmp_path / "digits-1") == {"theirs": "1"}
    assert content(tmp_path / "digits-2") == FILES


def test_no_number_can_be_claimed(tmp_path: Path) -> None:
    """Where no folder can be made at all, that is said, and not tried for ever."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAvailable, match="cannot be made"):
        claim_next(tmp_path / "file", "digits", FILES)


@pytest.mark.parametrize("there", [False, True])
def test_new_or_empty(tmp_path: Path, there: bool) -> None:
    """A new folder appears with its files; an empty one gets them."""
    folder = tmp_path / "deep" / "run"
    if there:
        folder.mkdir(parents=True)
    assert claim_folder(folder, FILES) == folder
    assert content(folder) == FILES
    assert os.listdir(folder.parent) == ["run"]


def test_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The empty folder that one stands in can be the run."""
    monkeypatch.chdir(tmp_path)
    folder = claim_folder(".", FILES)
    append_line(folder / "metrics.jsonl", {"a": 1})
    assert content(tmp_path)["metrics.jsonl"] == '{"a": 1}\n'


@pytest.mark.parametrize("there", [False, True])
def test_another_process_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """A folder that another process claims in between is in use, and what it holds stays."""
    folder = tmp_path / "run"
    if there:
        folder.mkdir()
    fill = folders._fill

    def late(where: Path, files: dict[str, str], names: tuple[str, ...]) -> None:
        monkeypatch.setattr(folders, "_fill", fill)
        folder.mkdir(exist_ok=True)
        (folder / "checkpoints").mkdir()
        (folder / "recipe.toml").write_text("theirs")
        fill(where, files, names)

    monkeypatch.setattr(folders, "_fill", late)
    with pytest.raises(FileRefused, match="is in use; choose a new or an empty one"):
        claim_folder(folder, FILES, ("checkpoints",))
    assert (folder / "recipe.toml").read_text() == "theirs"
    assert sorted(os.listdir(folder)) == ["checkpoints", "recipe.toml"]
    assert os.listdir(tmp_path) == ["run"]


def test_a_run_is_gone_on_with(tmp_path: Path) -> None:
    """A used folder is refused with how to go on with its run, where it holds one."""
    claim_folder(tmp_path / "run", FILES)
    with pytest.raises(FileRefused, match=r"deltarule resume .*run"):
        claim_folder(tmp_path / "run", FILES)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "note").write_text("mine")
    with pytest.raises(FileRefused) as refused:
        claim_folder(tmp_path / "notes", FILES)
    assert "resume" not in str(refused.value)


def test_a_link_to_an_empty_folder(tmp_path: Path) -> None:
    """A link stays a link."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    claim_folder(tmp_path / "run", FILES)
    assert content(tmp_path / "disk") == FILES
    assert (tmp_path / "run").is_symlink()


def test_relative_stays_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is told as it was named."""
    monkeypatch.chdir(tmp_path)
    assert claim_folder("run", FILES) == Path("run")


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("used", FileRefused, "is in use"),
        ("file", FileRefused, "is a file"),
        ("file/run", NotAvailable, "cannot be made"),
        ("", InvalidInput, "names no file"),
        ("x" * 300, NotAvailable, "too long"),
        ("new/" + "x" * 300, NotAvailable, "too long"),
    ],
)
def test_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception], says: str
) -> None:
    """What is used or cannot be is refused, and nothing is made on the way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=says):
        claim_folder(name, FILES)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("there", [False, True])
def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Where the second file cannot be written, the first goes, too, and folders made for it."""
    folder = tmp_path / "a" / "b" / "run"
    if there:
        folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    write = folders.write_text

    def fail(path: Path, text: str) -> None:
        if path.name == "recipe.toml":
            raise OSError(28, "No space left on device")
        write(path, text)

    monkeypatch.setattr(folders, "write_text", fail)
    with pytest.raises(NotAvailable, match="No space left"):
        claim_folder(folder, FILES)
    assert sorted(tmp_path.rglob("*")) == before


def test_lines(tmp_path: Path) -> None:
    """Each record is one line of JSON, there as soon as it was added."""
    path = tmp_path / "metrics.jsonl"
    for record in ({"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}):
        append_line(path, record)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None}]


def test_lines_without_folder(tmp_path: Path) -> None:
    """That the folder has gone in the meantime is told in a sentence."""
    with pytest.raises(NotAvailable, match=r"metrics.jsonl cannot be written: No such file"):
        append_line(tmp_path / "gone" / "metrics.jsonl", {})


def test_lines_are_read_back(tmp_path: Path) -> None:
    """What was appended is read; the last line, if it is not whole yet, is left out."""
    path = tmp_path / "metrics.jsonl"
    append_line(path, {"epoch": 1})
    append_line(path, {"epoch": 2, "loss": float("nan")})
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"epoch": 3, "lo')
    assert read_lines(path) == [{"epoch": 1}, {"epoch": 2, "loss": None}]


@pytest.mark.parametrize("text", ["{\n", "3\n", "\n{}\n", "\xff\n", "[" * 10_000 + "\n"])
def test_lines_that_are_no_records(tmp_path: Path, text: str) -> None:
    """A whole line that is no record means that the file is damaged."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FileRefused, match=r"metrics\.jsonl is damaged"):
        read_lines(path)
    with pytest.raises(NotAvailable, match="cannot be read"):
        read_lines(tmp_path / "nothing")
