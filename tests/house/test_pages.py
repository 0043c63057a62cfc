"""What the pages show is what happens: their Python and their commands run, in order."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deltarule.cli.parser import build_parser
from deltarule.runs.recipes import builtin_recipes

HOUSE = Path(__file__).resolve().parent
DOCS = HOUSE.parents[1] / "docs"
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not any(part.startswith("_") for part in path.relative_to(DOCS).parts)
)
# Whose Python other tests run: each piece by itself, or with versions in mind.
PYTHON_ELSEWHERE = {
    "derivations": "test_derivation_examples.py",
    "adding.md": "test_documents.py",
    "from-scikit-learn.md": "test_from_scikit_learn.py",
}
# What a page needs beyond what tests always have.
NEEDS = {
    "sweeps.md": ["optuna"],
    "how-to/export.md": ["onnx", "onnxruntime", "torch"],
    "how-to/tables.md": ["sklearn", "pandas"],
}
NOT_RUN = re.compile(r"^\*Not run by the tests: (?P<why>.+)\.\*$")
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[\w-]*|\{[\w-]+\}.*?)\s*$")
MOST_NOT_RUN = 8
FIRST_LINES = re.compile(r"^The first lines of `(.+)`:$")
NUMBER = re.compile(r"\[[\d, ]+\]|[-−]?\d[\d,]*\.?\d*(e[-+]?\d+)?")


# What makes long commands short, unless DELTARULE_LONG is set; their output is then another one.
SHORT = {
    "compare": "--epochs 1 --seeds 2",
    "sweep": "--epochs 2 --trials 3",
}
LONG = os.environ.get("DELTARULE_LONG") == "1"


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Its language ("" for an indented one), its text and line; the last line of prose between it and
    the block before, if any; and why it is not run, if it is not.
    """

    language: str
    text: str
    line: int
    prose: str = ""
    why_not: str = ""


def blocks(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    why = prose = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        if match := FENCE.match(line):
            end = number + 1
            while end < len(lines) and lines[end].strip() != match["fence"]:
                end += 1
            body = "\n".join(lines[number + 1 : end]) + "\n"
            found.append(Block(match["language"] or "text", body, number + 2, prose, why))
            number, why, prose = end + 1, "", ""
        elif line.startswith("    ") and (not number or not lines[number - 1].strip()):
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            body = "\n".join(one[4:] for one in lines[number:end]).rstrip() + "\n"
            found.append(Block("", body, number + 1, prose, why))
            number, why, prose = end, "", ""
        else:
            if match := NOT_RUN.match(line):
                why = match["why"]
            elif line.strip():
                why, prose = "", line
            number += 1
    return found


def commands(block: Block) -> list[tuple[str, int]]:
    """The lines of a block that begin with `deltarule`, with their numbers."""
    if block.language not in ("", "console"):
        return []
    return [
        (line.removeprefix("$ "), block.line + above)
        for above, line in enumerate(block.text.splitlines())
        if line.removeprefix("$ ").startswith("deltarule ")
    ]


def runs_workers(block: Block) -> bool:
    """Whether a block starts several processes, of which tests elsewhere start smaller ones."""
    return any(line.startswith("torchrun ") for line in block.text.splitlines())


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def steps(page: Path) -> tuple[list[tuple[str, object, str]], dict[int, str]]:
    """What a page runs, and what it shows of the output of which step."""
    name = name_of(page)
    run_python = name not in PYTHON_ELSEWHERE and name.split("/")[0] not in PYTHON_ELSEWHERE
    found: list[tuple[str, object, str]] = []
    shown: dict[int, str] = {}
    speaks_of: int | None = None
    for block in blocks(page.read_text(encoding="utf-8")):
        if match := FIRST_LINES.match(block.prose):
            found.append(("head", match[1], f"{name}:{block.line}"))
            shown[len(found) - 1] = block.text
        elif block.language == "text" and speaks_of is not None and not block.prose:
            shown[speaks_of] = block.text
        speaks_of = None
        if block.why_not:
            continue
        if block.language == "python" and run_python:
            found.append(("python", "\n" * (block.line - 1) + block.text, f"{name}:{block.line}"))
            speaks_of = len(found) - 1
        elif match := re.match(r"# ([\w.-]+\.toml)\n", block.text):
            found.append(("file", [match[1], block.text], f"{name}:{block.line}"))
        for line, number in commands(block):
            shorter = "" if LONG else SHORT.get(line.split()[1], "")
            told = f"{re.sub(' --tune [^ ]+', '', line)} {shorter}" if shorter else line
            found.append(("command", told, f"{name}:{number}"))
            speaks_of = None if shorter else len(found) - 1
    return found, shown


def masked(text: str) -> list[str]:
    """The words of an output, line by line: numbers differ from machine to machine."""
    return [" ".join(NUMBER.sub("0", line).split()) for line in text.splitlines() if line.strip()]


RUNNING = [page for page in PAGES if steps(page)[0]]


@pytest.mark.parametrize("page", RUNNING, ids=name_of)
def test_page_runs(page: Path, tmp_path: Path) -> None:
    """Python and commands of a page run in order, and print what it shows but for figures."""
    for package in NEEDS.get(name_of(page), ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    todo, shown = steps(page)
    asked, answered = tmp_path / "steps.json", tmp_path / "results.json"
    folder = tmp_path / "reader"
    folder.mkdir()
    asked.write_text(json.dumps(todo), encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "agg", "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-X", "utf8", HOUSE / "page_driver.py", asked, answered],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(answered.read_text(encoding="utf-8"))
    for number, text in shown.items():
        lines = iter(masked(results[number]))
        missing = [line for line in masked(text) if line != "…" and line not in lines]
        assert not missing, f"{todo[number][2]} prints\n{results[number]}"


def test_what_is_not_run_says_why() -> None:
    """Few blocks are not run, and each says why to the reader; no mark stands without a block."""
    left_out = [
        f"{name_of(page)}:{block.line}"
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.why_not
    ]
    silent = [
        f"{name_of(page)}:{block.line}"
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        if runs_workers(block) and not block.why_not
    ]
    assert silent == []
    marks = sum(
        bool(NOT_RUN.match(line))
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
    )
    assert len(left_out) == marks
    assert len(left_out) <= MOST_NOT_RUN, left_out


@pytest.mark.parametrize(
    "page", [p for p in PAGES if "deltarule " in p.read_text("utf-8")], ids=name_of
)
def test_commands_exist(page: Path) -> None:
    """Every `deltarule …` line of a page parses, run or not, and names recipes that exist."""
    for block in blocks(page.read_text(encoding="utf-8")):
        for line, _ in commands(block):
            args = build_parser().parse_strictly(shlex.split(line, comments=True)[1:])
            named = getattr(args, "recipe", None) or []
            for recipe in [named] if isinstance(named, str) else named:
                assert recipe in builtin_recipes() or recipe.endswith(".toml"), line


def test_what_runs_elsewhere_does() -> None:
    """The tests that run the Python of other pages are there and read these pages."""
    for page, test in PYTHON_ELSEWHERE.items():
        assert (DOCS / page).exists()
        assert page in (HOUSE / test).read_text(encoding="utf-8")


def test_blocks_are_found() -> None:
    """Fenced and indented blocks are told apart, and a mark belongs to the block below it."""
    text = "\n".join(
        [
            "Text.",
            "",
            "    deltarule recipes",
            "",
            "*Not run by the tests: it waits.*",
            "",
            "```python",
            "wait()",
            "```",
            "",
            "```text",
            "done",
            "```",
        ]
    )
    assert [(b.language, b.text, b.line, b.prose, b.why_not) for b in blocks(text)] == [
        ("", "deltarule recipes\n", 3, "Text.", ""),
        ("python", "wait()\n", 8, "", "it waits"),
        ("text", "done\n", 12, "", ""),
    ]
