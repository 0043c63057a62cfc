"""The book: every chapter has its five parts, and every figure can be drawn."""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

pytest.importorskip("sphinx", reason="needs Sphinx, of the extra docs")

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CHAPTERS = sorted((DOCS / "derivations").glob("[0-9][0-9]-*.md"))
SCRIPTS = sorted((DOCS / "figures").glob("*.py"))

SHOWN = re.compile(r"^```\{literalinclude\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DRAWN = re.compile(r"^```\{drawn\} (\S+)\n:alt: (.+)\n\n(.+?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(r"^### (\d+)\.(\d+) (.+) \((easy|medium|hard)\)$", re.MULTILINE)
SOLUTION = re.compile(
    r"^<details>\n<summary>Solution</summary>\n\n(.*?)\n\n</details>$", re.MULTILINE | re.DOTALL
)
SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
DERIVATIVE = re.compile(r"check_gradients\(|check_problem\(|1j\b|1e-30j")
# What these are about has no pullback; their checks are of another kind.
WITHOUT_PULLBACK = ("05-schedules.md", "06-metrics.md", "13-statistics.md")
THEMES = ("light", "dark")

each_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.name)
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)


@cache
def figures() -> ModuleType:
    """docs/_ext/figures.py, as the build loads it."""
    spec = importlib.util.spec_from_file_location("figures", DOCS / "_ext" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def picture(script: Path) -> bytes:
    """The picture of a script, drawn once for all tests."""
    return figures().svg_of(script)


def drawn(script: Path, theme: str) -> bytes:
    """The picture of a script on a page."""
    return figures().painted(picture(script), theme)


def sections(page: Path) -> dict[str, str]:
    """The text of each section by its heading."""
    parts = SECTION.split(page.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def lines_of(path: Path, name: str) -> int:
    """How many lines an object of a file has."""
    node: ast.AST = ast.parse(path.read_text(encoding="utf-8"))
    for part in name.split("."):
        (node,) = (
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name == part
        )
    return node.end_lineno - node.lineno + 1


@each_chapter
def test_equations(page: Path) -> None:
    """A chapter derives: it has displayed equations, and tagged ones but where it only begins."""
    text = page.read_text(encoding="utf-8")
    assert text.count("$$") >= 4
    assert "\\tag{" in text or page.name.startswith("00")


@each_chapter
def test_source_is_shown_from_the_source(page: Path) -> None:
    """A chapter shows some ten to ninety lines of objects that exist, after a link to the file."""
    text = page.read_text(encoding="utf-8")
    shown = 0
    for match in SHOWN.finditer(text):
        path = (page.parent / match[1]).resolve()
        assert path.is_relative_to(ROOT / "src" / "deltarule")
        assert ":language: python\n" in match[2]
        shown += lines_of(path, re.search(r"^:pyobject: (\S+)$", match[2], re.MULTILINE)[1])
        assert f"]({match[1]})" in text[: match.start()]
    assert 10 <= shown <= 90


@each_chapter
def test_figure(page: Path) -> None:
    """A chapter has a figure with a caption and words for those who do not see it."""
    text = page.read_text(encoding="utf-8")
    found = DRAWN.findall(text)
    assert len(found) == text.count("{drawn}") >= 1
    for name, alt, caption in found:
        assert (DOCS / "figures" / f"{name}.py").is_file()
        assert len(alt.split()) >= 15
        assert len(caption.split()) >= 10


@each_chapter
def test_exercises(page: Path) -> None:
    """A chapter's exercises are numbered, and each has a folded solution that ends in a check."""
    text = sections(page)["Exercises"]
    found = EXERCISE.findall(text)
    assert text.count("\n### ") == len(found) >= 2
    number = int(page.name[:2])
    assert [(int(c), int(i)) for c, i, _, _ in found] == [
        (number, i) for i in range(1, len(found) + 1)
    ]
    order = ("easy", "medium", "hard")
    levels = [order.index(level) for *_, level in found]
    assert levels == sorted(levels)
    solutions = SOLUTION.findall(text)
    assert len(solutions) == len(found) == text.count("<details>")
    for solution in solutions:
        (code,) = PYTHON.findall(solution)
        assert "assert " in code
        assert len(PYTHON.sub("", solution).split()) >= 20


@each_chapter
def test_gradient_check(page: Path) -> None:
    """A chapter on something with a derivative checks it by machine, every other one otherwise."""
    text = page.read_text(encoding="utf-8")
    if page.name in WITHOUT_PULLBACK:
        assert PYTHON.search(sections(page)["Checked by machine"])
    else:
        assert any(DERIVATIVE.search(code) for code in PYTHON.findall(text))


def test_the_front_page_lists_all_exercises() -> None:
    """The table of exercises leads to each of them, by level."""
    listed = (DOCS / "derivations" / "README.md").read_text(encoding="utf-8")
    listed = listed.partition("## The exercises")[2].partition("\n## ")[0]
    titles = re.findall(r"\[(\d+\.\d+ [^\]]+)\]", listed)
    there = [
        f"{chapter}.{number} {title}"
        for page in CHAPTERS
        for chapter, number, title, _ in EXERCISE.findall(page.read_text(encoding="utf-8"))
    ]
    assert sorted(titles) == sorted(there)


def test_every_figure_is_shown_once() -> None:
    """No script draws for nothing, and no two chapters show one figure."""
    shown = [
        name for page in CHAPTERS for name, *_ in DRAWN.findall(page.read_text(encoding="utf-8"))
    ]
    assert sorted(shown) == [script.stem for script in SCRIPTS]


@each_script
@pytest.mark.parametrize("theme", THEMES)
def test_figures_draw(script: Path, theme: str) -> None:
    """A figure is an SVG with a title, without paper of its own, and light to load."""
    picture = drawn(script, theme)
    root = ElementTree.fromstring(picture)
    title = root.find(".//{http://purl.org/dc/elements/1.1/}title")
    assert title is not None
    assert title.text == ast.get_docstring(ast.parse(script.read_text("utf-8"))).splitlines()[0]
    assert b"dc:date" not in picture
    assert b"<script" not in picture
    assert float(root.attrib["width"].removesuffix("pt")) <= 420
    assert len(picture) < 150_000


@each_script
def test_figures_are_the_same_every_time(script: Path) -> None:
    """Drawn again, a figure has the same bytes."""
    assert figures().svg_of(script) == picture(script)


@each_script
def test_figures_are_painted(script: Path) -> None:
    """On light and on dark pages all stand-ins are gone, and the colours are those of the theme."""
    stands = [stand.encode() for stand in (figures().INK, *figures().ARMS)]
    assert any(stand in picture(script) for stand in stands)
    for theme in THEMES:
        assert not [stand for stand in stands if stand in drawn(script, theme)]
        assert figures().THEMES[theme]["ink"].encode() in drawn(script, theme)
    assert drawn(script, "light") != drawn(script, "dark")


@each_script
def test_scripts_name_no_colours(script: Path) -> None:
    """A script leaves colours to the theme, and computes with the library."""
    text = script.read_text(encoding="utf-8")
    assert not re.search(
        r"#[0-9a-fA-F]{6}|[\"'](black|white|red|green|blue|gr[ae]y|k|w)[\"']", text
    )
    assert "deltarule" in text
    assert len(text.splitlines()) <= 80


@pytest.mark.parametrize(("theme", "paper"), [("light", "#ffffff"), ("dark", "#131416")])
def test_lines_stand_out(theme: str, paper: str) -> None:
    """Every colour of a line has a contrast of 3 to 1 with the page, and of text 4.5 to 1."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(colour: str) -> float:
        low, high = sorted((luminance(colour), luminance(paper)))
        return (high + 0.05) / (low + 0.05)

    colours = figures().THEMES[theme]
    assert min(contrast(colours[hue]) for hue in figures().CYCLE) >= 3
    # C4 also letters the lines of reference.
    assert min(contrast(colours["ink"]), contrast(colours[figures().CYCLE[4]])) >= 4.5


def test_only_what_is_stale_is_drawn(tmp_path: Path) -> None:
    """A second build draws nothing; a changed script or a lost picture is drawn anew."""
    scripts = tmp_path / "figures"
    scripts.mkdir()
    code = (
        '"""A line."""\nfrom matplotlib.figure import Figure\n\ndef draw():\n    return Figure()\n'
    )
    for name in ("one", "two"):
        (scripts / f"{name}.py").write_text(code, encoding="utf-8")
    assert figures().draw_stale(tmp_path) == ["one", "two"]
    assert figures().draw_stale(tmp_path) == []
    (scripts / "two.py").write_text(code + "\n", encoding="utf-8")
    assert figures().draw_stale(tmp_path) == ["two"]
    (tmp_path / figures().PICTURES / "one-dark.svg").unlink()
    assert figures().draw_stale(tmp_path) == ["one"]


def test_a_figure_that_fails_is_named(tmp_path: Path) -> None:
    """A script that does not draw stops the build with its name."""
    from sphinx.errors import ExtensionError

    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "broken.py").write_text("def draw():\n    raise ValueError('x')\n")
    with pytest.raises(ExtensionError, match=r"docs/figures/broken\.py does not draw"):
        figures().draw_stale(tmp_path)
