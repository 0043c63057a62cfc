"""Laws of the SVG writer."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf

from deltarule.report import figures, palette
from deltarule.report.figures import INK, TRAIN, canvas, figure_svg, lay_out, picture_svg


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


def test_places_are_matplotlibs_own() -> None:
    """A figure that is laid out before it is drawn has the bytes of one that is not."""

    def saved(before: Callable[[Any], None]) -> bytes:
        with canvas(5, 4) as figure:
            for i, axes in enumerate(figure.subplots(2, 2).flat):
                axes.plot([0, 10**i], [-(10**i), 1], label=f"{10**i}")
                axes.set(title="title", xlabel="x", ylabel="a label\nof two lines")
                axes.imshow(np.eye(9)) if i == 3 else axes.legend()
            figure.colorbar(axes.images[0])
            before(figure)
            file = io.BytesIO()
            figure.savefig(file, format="svg", metadata={"Date": None})
            return file.getvalue()

    def not_laid_out(figure: Any) -> None:
        assert figure.get_layout_engine() is not None

    assert saved(lay_out) == saved(not_laid_out)


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


def _linear(code: str) -> np.ndarray:
    channels = np.frombuffer(bytes.fromhex(code.lstrip("#")), dtype=np.uint8) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


# What people with one kind of cone missing see of linear sRGB: Machado, Oliveira and Fernandes
# 2009, "A physiologically-based model for simulation of color vision deficiency".
SEEN = {
    "all": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def _lab(linear: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ linear / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(
    ("colours", "paper"), [(figures.LIGHT, "#fbfbf9"), (figures.DARK, "#14171b")]
)
@pytest.mark.parametrize("eyes", SEEN)
def test_colours_of_arms_are_told_apart(colours: tuple[str, ...], paper: str, eyes: str) -> None:
    """By everybody: at least 15 units of CIELAB apart, and 3:1 against the paper."""
    seen = [_lab(np.clip(np.asarray(SEEN[eyes]) @ _linear(c), 0, 1)) for c in colours]
    for i, one in enumerate(seen):
        assert all(np.linalg.norm(one - other) > 15 for other in seen[:i])
    lights = [float(_linear(c) @ TO_XYZ[1]) for c in (paper, *colours)]
    for light in lights[1:]:
        dark, bright = sorted((lights[0], light))
        assert (bright + 0.05) / (dark + 0.05) >= 3


def test_pages_and_files_have_the_same_colours() -> None:
    """What a picture alone brings along is what the pages' style sheet says."""
    style = (Path(figures.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    assert set(re.findall(r"#\w{6}", style)) <= {"#ffffff"}
    for colours in (palette.LIGHT, palette.DARK):
        assert palette.style_sheet(colours) in figures.ALONE
        assert {f"--{role}" for role in palette.ROLES} >= set(
            re.findall(r"var\((--[\w-]+)\)", style)
        )
