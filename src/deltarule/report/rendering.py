"""What all pages share: pictures with their captions, and the way through a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .figures import standalone
from .palette import DARK, LIGHT, style_sheet
from .words import unbroken

__all__ = ["DETAILS", "Detail", "Picture", "render", "within_size"]

MAX_BYTES = 490_000  # of a page


@dataclass(frozen=True)
class Picture:
    """A picture with its caption.

    Attributes
    ----------
    name : str
        Of its file, without ending; unique on a page.
    svg : str
        Made by our own plots, so trusted as it is.
    title : str
        A few words, for where the picture cannot be seen.
    caption : str
    """

    name: str
    svg: str
    title: str
    caption: str

    @property
    def inline(self) -> Any:
        """As a part of a page, markupsafe.Markup."""
        from markupsafe import Markup

        # Inside HTML the name space is implied; without it the page holds no address at all.
        return Markup(self.svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))

    @property
    def file(self) -> tuple[str, str]:
        """Its file's name and text."""
        return f"{self.name}.svg", standalone(self.svg)


@dataclass(frozen=True)
class Detail:
    """How much a page shows, where it would be too large otherwise.

    Attributes
    ----------
    points : int
        Of a curve.
    tiles, photographs : int
        Units and mistakes shown as pictures.
    rows : int
        Of a table.
    recipe : int
        Characters.
    """

    points: int
    tiles: int
    photographs: int
    rows: int
    recipe: int


DETAILS = (
    Detail(points=400, tiles=36, photographs=12, rows=200, recipe=20_000),
    Detail(points=150, tiles=27, photographs=12, rows=100, recipe=10_000),
    Detail(points=90, tiles=18, photographs=9, rows=60, recipe=5_000),
    Detail(points=60, tiles=9, photographs=6, rows=30, recipe=3_000),
    Detail(points=20, tiles=4, photographs=2, rows=10, recipe=500),
)


def render(template: str, view: Mapping[str, Any]) -> str:
    """A page from its template: everything but pictures is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("deltarule.report", "templates"),
        autoescape=True,
        # What is escaped by a filter, such as a command to copy, stays as it is.
        finalize=lambda value: unbroken(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    colours = {"light": style_sheet(LIGHT), "dark": style_sheet(DARK)}
    return environment.get_template(template).render(**view, colours=colours)


def within_size(make: Callable[[Detail], str]) -> str:
    """The page in as much detail as its greatest size allows."""
    page = ""
    for detail in DETAILS:
        page = make(detail)
        if len(page.encode()) <= MAX_BYTES:
            break
    return page
