"""From a matplotlib figure, or an array of colours, to an SVG that fits into any page.

Colours that a figure uses are stand-ins, replaced by CSS: text and axes by `currentColor`, the two
series by custom properties with a fallback, so that one picture reads well on light and dark
pages, and alone in a file.
"""

from __future__ import annotations

import base64
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from . import palette
from .words import legible

__all__ = [
    "ARMS",
    "DARK",
    "DASHES",
    "INK",
    "LIGHT",
    "TRAIN",
    "VALIDATION",
    "canvas",
    "figure_svg",
    "lay_out",
    "picture_svg",
    "standalone",
]

INK = "#010203"
TRAIN = "#d4620a"
VALIDATION = "#2f6fd6"
# Stand-ins for the colours of several lines, and what they are on a light and on a dark page.
ARMS = ("#01f001", "#01f002", "#01f003", "#01f004", "#01f005", "#01f006")
LIGHT = tuple(palette.LIGHT[hue] for hue in palette.LINES)
DARK = tuple(palette.DARK[hue] for hue in palette.LINES)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
CSS = {
    INK: "currentColor",
    TRAIN: f"var(--train, {TRAIN})",
    VALIDATION: f"var(--validation, {VALIDATION})",
    **{
        stand_in: f"var(--arm-{i}, {light})"
        for i, (stand_in, light) in enumerate(zip(ARMS, LIGHT, strict=True), 1)
    },
}
# A picture alone in a file brings its own paper, and both sets of colours.
ALONE = (
    f"<style>svg{{{palette.style_sheet(palette.LIGHT)}color:var(--ink)}}"
    f"@media (prefers-color-scheme:dark){{svg{{{palette.style_sheet(palette.DARK)}}}}}</style>"
    '<rect width="100%" height="100%" style="fill:var(--page)"></rect>'
)
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "deltarule",
    "svg.image_inline": True,
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11.0,
    "axes.labelsize": 11.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 11.0,
    "xtick.labelsize": 10.0,
    "ytick.labelsize": 10.0,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.8,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK
    ),
    "grid.color": INK,
}
NAMESPACE = re.compile(r"\{[^}]*\}")
REFERENCE = re.compile(r"url\(#([^)]+)\)")
LONG_FRACTION = re.compile(r"(\.\d\d)\d+")
FONT_FAMILY = re.compile(r"font-family:[^;]*;?\s*")


@contextmanager
def canvas(width: float, height: float) -> Iterator[Any]:
    """A fresh figure of `width` × `height` inches in the report's style, whatever the user's own.

    matplotlib's remarks about its font cache and about characters that its fonts lack are
    silenced: the reader's browser draws the text.
    """
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from matplotlib import style
            from matplotlib.figure import Figure

            with style.context(["default", STYLE]):
                yield Figure(figsize=(width, height), layout="constrained")
    finally:
        log.setLevel(level)


def lay_out(figure: Any) -> None:
    """Give the parts of a figure the places that they will have in an SVG.

    Where this is left to `savefig`, it draws everything once more, for nothing but that.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    layout = figure.get_layout_engine()
    if layout is not None:
        dpi, figure.dpi = figure.dpi, FigureCanvasSVG(figure).fixed_dpi
        layout.execute(figure)
        figure.dpi = dpi
        figure.set_layout_engine(None)


def figure_svg(figure: Any, title: str, description: str, prefix: str) -> str:
    """The figure as an SVG element with a title and a description, the same bytes every time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Made by `canvas`, whose block is still open.
    title, description : str
        The text alternative: what the picture is, and what is to be seen in it.
    prefix : str
        Begins every id in the picture; pictures on one page need different ones.
    """
    lay_out(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    drawn = ElementTree.fromstring(buffer.getvalue())
    for child in list(drawn):
        if NAMESPACE.sub("", child.tag) == "metadata":
            drawn.remove(child)
    _plain_names(drawn)
    _drop_style_elements(drawn)
    _prefix_ids(drawn, prefix)
    for element in drawn.iter():
        if "style" in element.attrib:
            element.set("style", _themed(element.attrib["style"]))
        if "d" in element.attrib:
            # A hundredth of a unit is finer than any screen; it halves the bytes of a curve.
            path = LONG_FRACTION.sub(r"\1", element.attrib["d"])
            element.set("d", " ".join(path.split()))
    width, height = drawn.attrib["viewBox"].split()[2:]
    return _finish(list(drawn), float(width), float(height), title, description, prefix)


def picture_svg(pixels: NDArray[np.uint8], title: str, description: str, prefix: str) -> str:
    """An image, (height, width, 3 or 4) bytes, as an SVG element with sharp pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png", optimize=True)
    height, width = pixels.shape[:2]
    image = ElementTree.Element(
        "image",
        {
            "width": str(width),
            "height": str(height),
            "style": "image-rendering:crisp-edges;image-rendering:pixelated",
            "href": "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"),
        },
    )
    return _finish([image], width, height, title, description, prefix)


def standalone(svg: str) -> str:
    """A picture as a file of its own: with paper behind it, light or dark as the reader wants."""
    end = svg.index("</desc>") + len("</desc>")
    return svg[:end] + ALONE + svg[end:]


def _finish(
    children: list[ElementTree.Element],
    width: float,
    height: float,
    title: str,
    description: str,
    prefix: str,
) -> str:
    svg = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:g} {height:g}",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "role": "img",
            "aria-labelledby": f"{prefix}-title {prefix}-description",
            "style": "stroke-linejoin:round;stroke-linecap:butt;font-family:system-ui,sans-serif",
        },
    )
    for tag, name, text in (("title", "title", title), ("desc", "description", description)):
        words = ElementTree.SubElement(svg, tag, {"id": f"{prefix}-{name}"})
        words.text = legible(text, 2000)
    svg.extend(children)
    return ElementTree.tostring(svg, encoding="unicode", short_empty_elements=False)


def _plain_names(root: ElementTree.Element) -> None:
    # An SVG inside HTML needs no namespaces, and href without xlink is read everywhere by now.
    for element in root.iter():
        element.tag = NAMESPACE.sub("", element.tag)
        element.tail = None
        if not (element.text or "").strip():
            element.text = None
        for name in list(element.attrib):
            bare = NAMESPACE.sub("", name)
            if bare != name:
                element.set(bare, element.attrib.pop(name))
        if element.get("href", "").startswith("data:"):
            element.set("href", "".join(element.attrib["href"].split()))


def _drop_style_elements(root: ElementTree.Element) -> None:
    # matplotlib's style sheet says `*{…}`, which would reach the whole page.
    for parent in root.iter():
        for child in list(parent):
            if child.tag == "style":
                parent.remove(child)


def _prefix_ids(root: ElementTree.Element, prefix: str) -> None:
    used: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            used.update(REFERENCE.findall(value))
            if name == "href" and value.startswith("#"):
                used.add(value[1:])
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity in used:
            element.set("id", f"{prefix}-{identity}")
        for name, value in element.attrib.items():
            if name == "href" and value.startswith("#"):
                element.set(name, f"#{prefix}-{value[1:]}")
            elif "url(#" in value:
                element.set(name, REFERENCE.sub(lambda m: f"url(#{prefix}-{m[1]})", value))


def _themed(style: str) -> str:
    for colour, css in CSS.items():
        style = style.replace(colour, css)
    return FONT_FAMILY.sub("", style)
