"""Laws of what all pages share."""

from __future__ import annotations

from xml.etree import ElementTree

from deltarule.report import rendering
from deltarule.report.lines import curves
from deltarule.report.rendering import DETAILS, Picture, within_size


def test_a_page_shows_as_much_as_fits() -> None:
    """The first detail whose page is small enough is taken; the last where none is."""
    sizes = dict(zip(DETAILS, (900_000, 600_000, 100_000, 10, 1), strict=True))
    assert len(within_size(lambda detail: "x" * sizes[detail])) == 100_000
    assert len(within_size(lambda detail: "é" * sizes[detail])) == 100_000
    assert len(within_size(lambda detail: "x" * 600_000)) == 600_000


def test_details_become_less() -> None:
    """Each detail shows less of everything than the one before, or as much."""
    fields = list(zip(*(vars(detail).values() for detail in DETAILS), strict=True))
    assert all(list(values) == sorted(values, reverse=True) for values in fields)


def test_a_picture_alone_has_paper_and_both_schemes() -> None:
    """In a file the picture is whole XML, with a ground of its own and colours for the dark."""
    picture = Picture("loss", curves([{"val_loss": 1.0}], "loss"), "Loss", "A caption")
    name, text = picture.file
    assert name == "loss.svg"
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in text
    assert "var(--page)" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert 'xmlns="' not in picture.inline


def test_templates_escape() -> None:
    """What is no picture is escaped, and a name that a template misses is an error."""
    view = {
        "title": "<b>", "verdict": [], "warnings": ["<i>"], "lede": "", "sections": [],
        "command": "", "recipe": "", "versions": [],
    }  # fmt: skip
    page = rendering.render("comparison.html", view)
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;" in page
    assert "<b>" not in page
