"""The tags in the code and the derivations: every identity stands once in both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt  # rich brings it

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "deltarule"
DERIVATIONS = ROOT / "docs" / "derivations"
CHAPTERS = sorted(DERIVATIONS.glob("[0-9][0-9]-*.md"))
DERIVED_FLOORS = ("mathematics", "machine")

IN_DOCSTRING = re.compile(r"\(([A-Z]\d+)\)$")
IN_CHAPTER = re.compile(r"\\tag\{([^}]*)\}")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`\n]*`")
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$([^$]*)\$")

Tags = dict[str, list[str]]


def docstrings(path: Path) -> Iterator[tuple[str, int]]:
    """Every docstring of a file, with the number of its first line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield text, node.body[0].lineno


@cache
def tags_in_code() -> Tags:
    """Where in the code each tag stands, as path:line."""
    found: Tags = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for text, first in docstrings(path):
            for number, line in enumerate(text.splitlines(), first):
                if match := IN_DOCSTRING.search(line.rstrip()):
                    place = f"{path.relative_to(ROOT).as_posix()}:{number}"
                    found.setdefault(match[1], []).append(place)
    return found


def blanked(match: re.Match[str]) -> str:
    """As many newlines as the match has, so that line numbers stay."""
    return "\n" * match[0].count("\n")


@cache
def tags_in_chapters() -> Tags:
    """Where in the chapters each tag is derived, as path:line."""
    found: Tags = {}
    for path in CHAPTERS:
        text = FENCE.sub(blanked, path.read_text(encoding="utf-8"))
        for number, line in enumerate(text.splitlines(), 1):
            for match in IN_CHAPTER.finditer(line):
                place = f"{path.relative_to(ROOT).as_posix()}:{number}"
                found.setdefault(match[1], []).append(place)
    return found


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = FENCE.sub(blanked, path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("tags", [tags_in_code(), tags_in_chapters()], ids=["code", "chapters"])
def test_every_tag_stands_once(tags: Tags) -> None:
    """No tag stands twice in the code's docstrings, none twice in the derivations."""
    assert len(tags) > 50
    assert {tag: places for tag, places in tags.items() if len(places) > 1} == {}


def test_every_identity_of_the_code_is_derived() -> None:
    """A tag in a docstring is the \\tag{…} of one equation in docs/derivations."""
    derived = tags_in_chapters()
    assert {tag: places for tag, places in tags_in_code().items() if tag not in derived} == {}


def test_every_derivation_is_used() -> None:
    """A \\tag{…} in docs/derivations ends the line of one equation in a docstring."""
    stated = tags_in_code()
    assert {tag: places for tag, places in tags_in_chapters().items() if tag not in stated} == {}


def test_a_letter_belongs_to_one_file_and_one_chapter() -> None:
    """Tags with the same letter stand in one source file and are derived in one chapter."""
    for tags in (tags_in_code(), tags_in_chapters()):
        files: dict[str, set[str]] = {}
        for tag, places in tags.items():
            files.setdefault(tag[0], set()).update(place.rpartition(":")[0] for place in places)
        assert {letter: names for letter, names in files.items() if len(names) > 1} == {}


@pytest.mark.parametrize(
    "source",
    [path for floor in DERIVED_FLOORS for path in sorted((SOURCE / floor).glob("[a-z]*.py"))],
    ids=lambda path: path.stem,
)
def test_every_file_of_floors_1_and_2_has_its_chapter(source: Path) -> None:
    """The tags of mathematics/losses.py are derived in a chapter called NN-losses.md."""
    (chapter,) = (path for path in CHAPTERS if path.stem[3:] == source.stem)
    here = source.relative_to(ROOT).as_posix()
    stated = {t for t, p in tags_in_code().items() if p[0].startswith(f"{here}:")}
    there = chapter.relative_to(ROOT).as_posix()
    assert stated
    assert stated == {t for t, p in tags_in_chapters().items() if p[0].startswith(f"{there}:")}


def test_the_reading_order_names_every_chapter_once() -> None:
    """The README's table lists all chapters, in the order of their numbers."""
    text = (DERIVATIONS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[.*?\]\((.*?)\)", text, re.MULTILINE) == [p.name for p in CHAPTERS]
    assert [int(p.name[:2]) for p in CHAPTERS] == list(range(len(CHAPTERS)))


@pytest.mark.parametrize("page", [DERIVATIONS / "README.md", *CHAPTERS], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link in the derivations leads to a file, and to a heading if it names one."""
    text = FENCE.sub(blanked, page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.is_file(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("page", [DERIVATIONS / "README.md", *CHAPTERS], ids=lambda p: p.name)
def test_formulas_survive_markdown(page: Path) -> None:
    """A Markdown reader that knows nothing of formulas passes every formula on unchanged.

    So MathJax sees what we wrote, whoever rendered the page: no backslash that escapes, no
    underscore that opens an emphasis, no line of a display that looks like a list.
    """
    text = page.read_text(encoding="utf-8")
    rendered = unescape(MarkdownIt("commonmark").enable("table").render(text))
    without_code = FENCE.sub(blanked, text)
    displays = DISPLAY.findall(without_code)
    prose = CODE_SPAN.sub("", DISPLAY.sub(blanked, without_code))
    assert without_code.count("$$") == 2 * len(displays)
    for formula in [*displays, *INLINE.findall(prose)]:
        assert f"${formula}$" in rendered or f"$$\n{formula}\n$$" in rendered
        assert "<" not in formula, formula


@pytest.mark.parametrize("page", [DERIVATIONS / "README.md", *CHAPTERS], ids=lambda p: p.name)
def test_dollars_stand_where_github_sees_them(page: Path) -> None:
    """Inline formulas begin and end on one line, without blanks inside, among blanks outside."""
    text = FENCE.sub(blanked, page.read_text(encoding="utf-8"))
    for line in CODE_SPAN.sub("", DISPLAY.sub(blanked, text)).splitlines():
        assert line.count("$") % 2 == 0, line
        for match in INLINE.finditer(line):
            assert match[1] == match[1].strip() != "", line
            assert line[: match.start()][-1:] in ("", *' (["'), line
            assert line[match.end() :][:1] in ("", *" .,;:?!)]\"'"), line


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.name)
def test_no_step_is_left_to_the_reader(page: Path) -> None:
    """A derivation shows its steps: no chapter calls one easy, clear, obvious or trivial."""
    text = page.read_text(encoding="utf-8")
    shrugs = r"\b(easy to see|easily seen|clearly|obvious(ly)?|trivial(ly)?|left to the reader)\b"
    assert re.findall(shrugs, text, re.IGNORECASE) == []
