"""Laws of the SVG writer."""

from __future__ import annotations

from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf

from deltarule.report.figures import INK, TRAIN, canvas, figure_svg, picture_svg


def draw(prefix: str = "p", text: str = "label") -> str:
    with canvas(3, 2) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=TRAIN, marker="o")
        axes.set_title(text)
        return figure_svg(figure, "A <title> & more", "What is to be seen.", prefix)


def test_colours_are_the_pages() -> None:
    """No stand-in colour is left: text and axes take the page's, series its properties."""
    svg = draw()
    assert INK not in svg
    assert "currentColor" in svg
    assert f"var(--train, {TRAIN})" in svg
    assert "#000000" not in svg
    assert "#ffffff" not in svg


def test_every_picture_has_a_text_alternative() -> None:
    """role=img is labelled by the title and the description, which are escaped text."""
    root = ElementTree.fromstring(draw())
    title, description = (root.find(f"{{*}}{tag}") for tag in ("title", "desc"))
    assert title is not None
    assert description is not None
    assert title.text == "A <title> & more"
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


def test_ids_begin_with_the_prefix_and_references_follow() -> None:
    """Every id is prefixed, every reference has its target, in text nothing is rewritten."""
    text = 'id="x" #010203 url(#a)'
    root = ElementTree.fromstring(draw("left", text))
    ids = {e.get("id") for e in root.iter() if e.get("id")}
    assert all(i.startswith("left-") for i in ids if i)
    targets = {e.get("href", "")[1:] for e in root.iter() if e.get("href")}
    assert targets
    assert targets <= ids
    assert text in [e.text for e in root.iter()]


@pytest.mark.parametrize("label", ["$x^2$", r"$\frac{1}$", "5 $ and 6 $"])
def test_dollars_are_not_mathematics(label: str) -> None:
    """A label with TeX in it, even wrong TeX, is shown as it stands, as text."""
    assert f">{label}</text>" in draw(text=label)


def test_pictures_are_the_same_bytes_whatever_the_users_style() -> None:
    """Neither time, nor the user's rcParams, change a picture; and it leaves those alone."""
    first = draw()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True}):
        assert draw() == first
        assert matplotlib.rcParams["font.size"] == 30


def test_no_figure_is_left_open() -> None:
    """Drawing registers nothing with pyplot's global list of figures."""
    before = Gcf.get_all_fig_managers()
    draw()
    assert Gcf.get_all_fig_managers() == before


def test_missing_glyphs_are_no_warning() -> None:
    """Characters that matplotlib's fonts lack are drawn by the browser, silently."""
    assert "漢字 😀 مرحبا" in draw(text="漢字 😀 مرحبا")


def test_images_are_embedded() -> None:
    """Pixels travel as a PNG inside the picture."""
    svg = picture_svg(np.zeros((2, 3, 4), dtype=np.uint8), "t", "d", "p")
    assert 'viewBox="0 0 3 2"' in svg
    assert "data:image/png;base64,iVBOR" in svg
