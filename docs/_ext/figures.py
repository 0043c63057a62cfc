"""Figures that the build draws: docs/figures/NAME.py, shown by the directive `drawn`.

A script is a function `draw()` that returns a matplotlib figure and names no colour but C0, C1, …
It is drawn once, in stand-ins that are replaced by the colours of light pages and of dark ones, and
again only when the script, this file, the package or matplotlib has changed.  On a page it stands
as

    ```{drawn} NAME
    :alt: what is to be seen, for those who do not see it

    The caption.
    ```
"""

from __future__ import annotations

import hashlib
import io
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from deltarule.report import palette
from deltarule.report.figures import ARMS, INK

SCRIPTS, PICTURES, STAMPS = "figures", "_build_figures", "stamps.json"

THEMES = {"light": palette.LIGHT, "dark": palette.DARK}
# C4 is for what is there to be compared with.
CYCLE = ("blue", "orange", "green", "plum", palette.GREY, "violet")
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "deltarule",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "image.cmap": "RdBu_r",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def style() -> dict[str, Any]:
    """What matplotlib shall draw with."""
    from matplotlib import cycler

    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {**STYLE, **dict.fromkeys(ink, INK), "axes.prop_cycle": cycler(color=ARMS)}


def painted(picture: bytes, theme: str) -> bytes:
    """A figure in the colours of a page."""
    colours = THEMES[theme]
    for stand, hue in zip((INK, *ARMS), ("ink", *CYCLE), strict=True):
        picture = picture.replace(stand.encode(), colours[hue].encode())
    return picture


def svg_of(script: Path) -> bytes:
    """The figure of a script as SVG, in stand-ins, the same bytes every time."""
    from matplotlib.style import context

    from deltarule.report.figures import lay_out

    buffer = io.BytesIO()
    with context(["default", style()]):
        names = runpy.run_path(str(script))
        title = (names["__doc__"] or "").partition("\n")[0]
        metadata = {"Date": None, "Title": title}
        figure = names["draw"]()
        lay_out(figure)
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return buffer.getvalue()


def _digest(paths: Iterator[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def _grounds() -> str:
    """What all pictures depend on, in short."""
    import matplotlib

    import deltarule

    package = Path(deltarule.__file__).parent
    files = (path for kind in ("*.py", "*.npz") for path in sorted(package.rglob(kind)))
    return f"{matplotlib.__version__} {_digest(files)} {_digest(iter([Path(__file__)]))}"


def draw_stale(docs: Path) -> list[str]:
    """Draw what is not up to date, into docs/_build_figures, and name it."""
    pictures = docs / PICTURES
    pictures.mkdir(exist_ok=True)
    stamps_file = pictures / STAMPS
    stamps = json.loads(stamps_file.read_text("utf-8")) if stamps_file.exists() else {}
    grounds, drawn = _grounds(), []
    for script in sorted((docs / SCRIPTS).glob("*.py")):
        stamp = f"{_digest(iter([script]))} {grounds}"
        files = {theme: pictures / f"{script.stem}-{theme}.svg" for theme in THEMES}
        if stamps.get(script.stem) == stamp and all(file.exists() for file in files.values()):
            continue
        try:
            picture = svg_of(script)
            for theme, file in files.items():
                file.write_bytes(painted(picture, theme))
        except Exception as error:
            raise ExtensionError(f"docs/{SCRIPTS}/{script.name} does not draw", error) from error
        stamps[script.stem] = stamp
        stamps_file.write_text(json.dumps(stamps, indent=1, sort_keys=True), "utf-8")
        drawn.append(script.stem)
    return drawn


def draw_before_build(app: Sphinx) -> None:
    """Sphinx's hook: pictures first, pages then."""
    drawn = draw_stale(Path(app.srcdir))
    logging.getLogger(__name__).info("figures drawn: %s", ", ".join(drawn) or "none, all are fresh")


class Drawn(SphinxDirective):
    """The picture of docs/figures/NAME.py with its caption, for light and for dark pages."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """A figure of two images, of which the theme shows one."""
        name, alt = self.arguments[0], " ".join(self.options.get("alt", "").split())
        script = Path(self.env.srcdir) / SCRIPTS / f"{name}.py"
        if not script.is_file():
            raise self.error(f"There is no docs/{SCRIPTS}/{name}.py to draw.")
        if not alt or not self.content:
            raise self.error(f"The figure {name} needs an :alt: text and a caption.")
        self.env.note_dependency(str(script))
        figure = nodes.figure(classes=["drawn"])
        for theme in THEMES:
            uri = f"/{PICTURES}/{name}-{theme}.svg"
            figure += nodes.image(uri=uri, alt=alt, classes=[f"only-{theme}"])
        caption = self.parse_content_to_nodes()
        figure += nodes.caption("", "", *caption[0].children)
        if caption[1:]:
            figure += nodes.legend("", *caption[1:])
        self.set_source_info(figure)
        return [figure]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known, and draw before the pages are read."""
    app.add_directive("drawn", Drawn)
    app.connect("builder-inited", draw_before_build)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
