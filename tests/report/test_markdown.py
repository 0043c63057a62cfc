"""Markdown in which foreign text is text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deltarule.report.markdown import Markdown, escaped
from deltarule.report.rendering import Picture
from deltarule.report.words import legible

READER = MarkdownIt("commonmark", {"html": True}).enable("table")
TRICKS = [
    "**bold** _it_ `code` ~~gone~~",
    "[link](http://evil.example) <http://evil.example> www.evil.example",
    "![x](http://evil.example/x.png)",
    "a | b || c",
    "# no heading",
    "1. no list",
    "- no list",
    "+ no list",
    "> no quote",
    "=== ",
    "$x$ $$y$$",
    "@somebody #12",
    "&amp; &#x3c;script&#x3e;",
    "trailing\\",
    "<script>alert(1)</script>",
    "[ref]: http://evil.example",
    "***",
]


def leaves(text: str) -> list[Any]:
    """All tokens of a document, those within lines too."""
    found = []
    for token in READER.parse(text):
        found += [token, *(token.children or [])]
    return found


def words(text: str) -> str:
    """What a reader sees."""
    return "".join(t.content for t in leaves(text) if t.type == "text")


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("where", ["paragraph", "heading", "bullet", "cell", "caption"])
def test_what_looks_like_markdown_is_text(trick: str, where: str) -> None:
    """In every place a name is read as it is written, and makes nothing: no tag, link or list."""
    page = Markdown()
    expected = {"paragraph_open", "text", "inline", "paragraph_close"}
    if where == "heading":
        page.heading(2, trick)
        expected |= {"heading_open", "heading_close"}
    elif where == "bullet":
        page.bullets([trick])
        expected |= {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
    elif where == "cell":
        page.table((trick, "b"), [(trick, trick)])
    elif where == "caption":
        page.picture(Picture("name", "<svg><desc></desc></svg>", trick, trick))
        expected |= {"image"}
    else:
        page.paragraph(trick)
    tokens = leaves(page.text)
    if where == "cell":
        kinds = {t.type for t in tokens if not t.type.startswith(("table", "t", "inline"))}
        assert kinds == set()
        assert sum(t.type == "td_open" for t in tokens) == 2
    else:
        assert {t.type for t in tokens} <= expected
    assert legible(trick).strip() in words(page.text).replace("\u2060", "")


@given(st.text(max_size=40))
def test_any_text_is_one_line_that_means_itself(text: str) -> None:
    """Whatever the characters, they come out as they went in, made legible."""
    inert = escaped(text)
    assert "\n" not in inert
    shown = words(f"x{inert}")[1:].replace("\u2060", "")
    assert shown.split() == legible(text).replace("\u2060", "").split()


def test_nobody_is_called_and_no_formula_is_read() -> None:
    """What others look for in the raw text before it is parsed is not there."""
    raw = escaped("@somebody $x$ <!-- x --> www.evil.example")
    assert not re.search(r"[@$<>]|www\.", raw)


def test_code_ends_where_it_should() -> None:
    """A fence is longer than any in the text."""
    page = Markdown()
    page.code("a\n```\n</pre><script>\n````", "toml")
    page.paragraph("behind")
    fences = [t for t in leaves(page.text) if t.type == "fence"]
    assert [t.content for t in fences] == ["a\n```\n</pre><script>\n````\n"]
    assert words(page.text) == "behind"


def test_pictures_are_files_beside_it() -> None:
    """A picture's file is handed over by the name that the text holds."""
    page = Markdown()
    page.picture(Picture("loss", "<svg><desc></desc></svg>", "Loss", "It falls."))
    page.gallery([Picture(f"p{i}", "<svg><desc></desc></svg>", "t", "c") for i in range(5)])
    assert set(page.files) == {"loss.svg", *(f"p{i}.svg" for i in range(5))}
    sources = [t.attrs["src"] for t in leaves(page.text) if t.type == "image"]
    assert sources == list(page.files)


def test_nothing_makes_nothing() -> None:
    """Empty texts, lists and tables leave no mark."""
    page = Markdown()
    page.paragraph("")
    page.bullets([])
    page.table(("a",), [])
    page.gallery([])
    assert page.text.strip() == ""


def test_plain_words_stay_plain() -> None:
    """A sentence, a number and a name with underscores are written as they are."""
    for text in ("val_accuracy: 51.2 ± 0.2 %, p = 0.06 (5 seeds)", 'say "why?"', "2026-11-25"):
        assert escaped(text) == text
