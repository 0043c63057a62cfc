"""Markdown in which foreign text is text: for pull requests and other places that show it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .rendering import Picture
from .words import legible

__all__ = ["Markdown", "escaped"]

# What has a meaning in some dialect of Markdown is written as an entity, which is never part of its
# grammar, and which those who look for formulas, people and addresses first do not see either.
SPECIAL = re.compile(
    r"[\\`*\[\]<>&$@#|~]|:(?=\S)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?i:(?<=\bwww)\.)"
)
LEADING = re.compile(r"^\d+[.)](?=\s|$)|^[-+=]")
FENCE = re.compile(r"`+")
JOINER = "&#8288;"


def escaped(text: object, limit: int = 300) -> str:
    """The text as one line that means itself, whatever it holds."""
    inert = SPECIAL.sub(_entity, legible(text, limit))
    return LEADING.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", inert)


def _entity(found: re.Match[str]) -> str:
    entity = f"&#{ord(found[0])};"
    return entity + JOINER if found[0] == "@" else entity  # nobody is to be called


class Markdown:
    """A document, block by block."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self.files: dict[str, str] = {}

    def heading(self, level: int, text: object) -> None:
        """`level` from 1."""
        self._blocks.append(f"{'#' * level} {escaped(text)}")

    def paragraph(self, text: object, limit: int = 2000) -> None:
        """One paragraph; nothing for empty text."""
        if words := escaped(text, limit):
            self._blocks.append(words)

    def bullets(self, items: Sequence[object], limit: int = 1000) -> None:
        """A list."""
        if items:
            self._blocks.append("\n".join(f"- {escaped(item, limit)}" for item in items))

    def table(self, header: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
        """A table; its first column is text, the others are numbers."""
        if rows:
            rule = ["---", *["---:"] * (len(header) - 1)]
            lines = [[escaped(cell, 120) for cell in row] for row in (header, *rows)]
            lines.insert(1, rule)
            self._blocks.append("\n".join("| " + " | ".join(line) + " |" for line in lines))

    def picture(self, picture: Picture) -> None:
        """A picture, in a file of its own, and its caption."""
        name, svg = picture.file
        self.files[name] = svg
        self._blocks.append(f"![{escaped(picture.title)}]({name})")
        self.paragraph(picture.caption)

    def gallery(self, pictures: Sequence[Picture], columns: int = 4) -> None:
        """Small pictures side by side, each with its caption below."""
        lines = ["| " * columns + "|", "| --- " * columns + "|"] if pictures else []
        for start in range(0, len(pictures), columns):
            row = pictures[start : start + columns]
            self.files |= dict(picture.file for picture in row)
            shown = [f"![{escaped(p.title)}]({p.file[0]})" for p in row]
            for cells in (shown, [escaped(p.caption) for p in row]):
                lines.append("| " + " | ".join(cells + [""] * (columns - len(row))) + " |")
        if lines:
            self._blocks.append("\n".join(lines))

    def code(self, text: str, language: str = "") -> None:
        """Lines as they are, in a fence longer than any in them."""
        longest = max(map(len, FENCE.findall(text)), default=0)
        fence = "`" * max(3, longest + 1)
        self._blocks.append(f"{fence}{language}\n{text.rstrip()}\n{fence}")

    @property
    def text(self) -> str:
        """The whole document."""
        return "\n\n".join(self._blocks) + "\n"
