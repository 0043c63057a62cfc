"""The repository speaks of the product alone, and is clean."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written so that this file does not hold what it looks for.
FOREIGN = [
    ("paths of one machine", "/" + r"(work|root|tmp/v|home/\w+)/"),
    ("notes to oneself", r"\b(TO" + "DO|FIX" + "ME|X" + r"XX)\b"),
    ("debugging", r"\b(p" + r"db\b|break" + r"point\(\))"),
]
UNSAFE = [
    ("unpickling", r"pickle\.loads?\(|np\.load\([^)]*allow_pickle\s*=\s*True"),
    ("unpacking whole archives", r"\.extract" + r"all\("),
    ("running text", r"(?<![\w.])(ev" + "al|ex" + r"ec)\("),
]


def tracked(*patterns: str) -> list[Path]:
    """The files that git tracks, or a skip where this is no checkout."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


def text_of(path: Path) -> str:
    """The text of a file, '' of one that holds none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize(("what", "pattern"), FOREIGN, ids=[what for what, _ in FOREIGN])
def test_nothing_foreign(what: str, pattern: str) -> None:
    """No tracked file holds what belongs to somewhere else."""
    places = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not places, f"{what}: {places}"


@pytest.mark.parametrize(("what", "pattern"), UNSAFE, ids=[what for what, _ in UNSAFE])
def test_nothing_unsafe(what: str, pattern: str) -> None:
    """No source file runs what a file says."""
    places = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("src")
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if re.search(pattern, line.partition("#")[0])
    ]
    assert not places, f"{what}: {places}"


def test_patterns_find_what_they_look_for() -> None:
    """Each pattern matches an example of its kind."""
    examples = [
        "see /wo" + "rk/main/x.py",
        "# TO" + "DO later",
        "import p" + "db",
        "pickle.lo" + "ad(file)",
        "tar.extract" + "all(path)",
        "x = ev" + "al(text)",
    ]
    patterns = [pattern for _, pattern in [*FOREIGN, *UNSAFE]]
    for pattern, example in zip(patterns, examples, strict=True):
        assert re.search(pattern, example), pattern


def test_no_large_files() -> None:
    """No tracked file is larger than 2 MB: data are fetched, not committed."""
    assert not [path for path in tracked() if path.stat().st_size > 2_000_000]


def test_tests_mirror_the_source() -> None:
    """Each test file of a floor is called after the source file that it tests."""
    floors = [folder.name for folder in (ROOT / "src" / "deltarule").iterdir() if folder.is_dir()]
    strays = []
    for floor in floors:
        for test in (ROOT / "tests" / floor).rglob("test_*.py"):
            folder = ROOT / "src" / "deltarule" / test.parent.relative_to(ROOT / "tests")
            words = test.stem.removeprefix("test_").split("_")
            stems = ("_".join(words[:n]) for n in range(len(words), 0, -1))
            if not any((folder / f"{stem}.py").exists() for stem in stems):
                strays.append(test.relative_to(ROOT).as_posix())
    assert strays in ([], ["tests/report/test_browser.py"])


def test_each_test_states_its_law() -> None:
    """Every test function begins with a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not silent
