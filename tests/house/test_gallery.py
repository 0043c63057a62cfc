"""The gallery: each example is short, runs as it stands, and leaves its picture."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import time
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"
FILES = sorted(GALLERY.glob("*.py"))
FETCHED = {"cifar10": "cifar-10-batches-bin"}
NEEDS = {"learning_rates": "optuna", "calibration": "sklearn", "class_weights": "sklearn"} | {
    "grid_search": "sklearn"
}
LONG = os.environ.get("DELTARULE_LONG") == "1"
SECONDS = 60.0  # of a run on a busy machine; alone each takes a few


def load() -> ModuleType:
    """What runs examples for the site."""
    name = "_examples"
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "_ext" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = load()


@pytest.fixture(autouse=True)
def no_data_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder without data sets."""
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("DELTARULE_DATA", str(cache))
    return cache


def test_there_are_examples() -> None:
    """The gallery has the examples that it was made for, and more."""
    asked = {"xor", "digits", "cifar10", "table", "quantiles", "custom_loss", "learning_rates"}
    assert asked | {"resume"} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_short_and_says_what_it_shows(path: Path) -> None:
    """An example has fewer than 40 lines, a title, a few sentences, and words for its picture."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 40
    assert lines[-1].strip() in (f'figure.savefig("{path.stem}.svg")',)
    example = examples.read(path)
    assert 0 < len(example.title) < 60
    assert not example.title.endswith(".")
    assert 2 <= len(re.findall(r"[.?!:](?=\s|$)", example.text)) <= 6
    assert "Look at" in " ".join(example.text.split())
    assert 60 < len(example.alt) < 300
    assert example.alt.endswith(".")
    assert example.code.startswith(("import ", "from "))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_runs(path: Path, request: pytest.FixtureRequest) -> None:
    """In an empty folder it ends without a warning, prints a little and draws; again the same."""
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem], reason=f"needs {NEEDS[path.stem]}")
    begun = time.perf_counter()
    first = examples.run(path)
    assert time.perf_counter() - begun < SECONDS
    assert first.warnings == ""
    assert 1 <= len(first.output.splitlines()) <= 5
    if path.stem in FETCHED:
        assert first.picture is None
        assert first.output.startswith("Skipped: ")
        assert f"deltarule datasets get {path.stem}" in first.output
        return
    assert ElementTree.fromstring(first.picture).tag.endswith("svg")
    assert len(first.picture) < 400_000
    if LONG:
        assert examples.run(path) == first
        return
    request.getfixturevalue("site")  # whose build has run it, too
    built = ROOT / "docs" / "_build_gallery" / path.stem
    assert json.loads(built.with_suffix(".json").read_text("utf-8"))["output"] == first.output
    for theme, picture in examples.painted(first.picture).items():
        assert built.with_name(f"{path.stem}-{theme}.svg").read_text("utf-8") == picture


@pytest.mark.parametrize("name", FETCHED)
def test_what_needs_fetched_data_runs_where_they_are(
    name: str, real_data, no_data_of_the_user: Path
) -> None:
    """With the data set in the cache an example draws, and what is kept of it is such a run."""
    (no_data_of_the_user / name).symlink_to(real_data(FETCHED[name]), target_is_directory=True)
    done, kept = examples.run(GALLERY / f"{name}.py"), examples.kept(name)
    assert done.warnings == ""
    assert done.picture is not None
    number = re.compile(r"\d+\.\d+")
    assert number.sub("#", done.output) == number.sub("#", kept.output)
    for now, then in zip(number.findall(done.output), number.findall(kept.output), strict=True):
        assert float(now) == pytest.approx(float(then), abs=0.05)


def test_what_may_be_skipped_is_kept() -> None:
    """Pages that are built without a data set show an earlier run; nothing else is kept."""
    there = {path.stem for path in (GALLERY / "kept").iterdir()}
    assert there == set(FETCHED)
    for name in FETCHED:
        kept = examples.kept(name)
        assert kept.output
        assert ElementTree.fromstring(kept.picture).tag.endswith("svg")
    assert examples.kept("xor") is None


def test_the_index_names_each() -> None:
    """The list of examples holds each once, under its title."""
    text = (GALLERY / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(.+)\]\((\w+)\.py\)$", text, re.MULTILINE)
    assert sorted(listed, key=lambda pair: pair[1]) == [
        (examples.read(path).title, path.stem) for path in FILES
    ]


def test_pictures_are_painted() -> None:
    """For each theme all stands are replaced by colours that are seen on it."""
    from deltarule.report.figures import ARMS, DARK, INK, LIGHT

    stands = [INK, *ARMS]
    painted = examples.painted(" ".join(stands))
    assert painted["light"].split()[1:] == list(LIGHT)
    assert painted["dark"].split()[1:] == list(DARK)
    assert not [stand for text in painted.values() for stand in stands if stand in text]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('"""T\n\nT.\n\nPicture: p."""\nraise SystemExit(3)', "ended with 3"),
        ('"""T\n\nT.\n\nPicture: p."""\nprint("Done")', "left no bad.svg"),
    ],
)
def test_what_fails_is_told(code: str, told: str, tmp_path: Path) -> None:
    """An example that fails or does not draw stops the build."""
    path = tmp_path / "bad.py"
    path.write_text(code, encoding="utf-8")
    with pytest.raises(RuntimeError, match=rf"The example bad\.py {told}"):
        examples.run(path)


@pytest.mark.parametrize("docstring", ["", "T", "T\n\nText.", "T\n\nText.\n\nNo picture."])
def test_a_docstring_that_is_none_is_told(docstring: str, tmp_path: Path) -> None:
    """Without title, text or words for the picture there is no page."""
    path = tmp_path / "bad.py"
    path.write_text(f'"""{docstring}"""\n', encoding="utf-8")
    with pytest.raises(ValueError, match="must begin with a docstring"):
        examples.read(path)
