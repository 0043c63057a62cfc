"""The examples in the derivations run, and hold what they claim."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

DERIVATIONS = Path(__file__).resolve().parents[2] / "docs" / "derivations"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST = 20


def examples() -> dict[str, str]:
    """Every example's code by its place, chapter:line, on the lines that it has there."""
    found = {}
    for page in sorted(DERIVATIONS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            above = text.count("\n", 0, match.start(1))
            found[f"{page.name}:{above + 1}"] = "\n" * above + match[1]
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("place", EXAMPLES)
def test_example_runs(place: str, tmp_path: Path) -> None:
    """An example of the derivations runs by itself, without a warning or a failing assert."""
    script = tmp_path / place.partition(":")[0]
    script.write_text(EXAMPLES[place], encoding="utf-8")
    runpy.run_path(str(script))


@pytest.mark.parametrize("place", EXAMPLES)
def test_example_checks_something(place: str) -> None:
    """An example asserts what the text derived, and is short enough to type."""
    code = EXAMPLES[place]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code)))
    assert len([line for line in code.splitlines() if line.strip()]) <= LONGEST


@pytest.mark.parametrize("page", sorted(DERIVATIONS.glob("[0-9]*.md")), ids=lambda p: p.name)
def test_every_chapter_has_an_example(page: Path) -> None:
    """No chapter asks to be believed: each ends a derivation with something to run."""
    assert any(place.startswith(f"{page.name}:") for place in EXAMPLES)
