"""Tags of identities, such as (A2): each is an anchor where it is derived, and a link elsewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

CHAPTERS = Path(__file__).resolve().parents[1] / "derivations"
TAG = re.compile(r"\\tag\{([A-Z]\d+)\}")
MENTION = re.compile(r"\(([A-Z]\d+)\)")
NO_LINK_IN = (
    nodes.reference,
    nodes.literal,
    nodes.math,
    nodes.title,
    nodes.FixedTextElement,
)


@cache
def chapters() -> dict[str, str]:
    """The chapter that derives each tag."""
    return {
        tag: chapter.stem
        for chapter in sorted(CHAPTERS.glob("[0-9]*.md"))
        for tag in TAG.findall(chapter.read_text(encoding="utf-8"))
    }


def address(tag: str, docname: str) -> str | None:
    """Where a tag is derived, as seen from a page."""
    chapter = chapters().get(tag)
    if chapter is None:
        return None
    page = f"derivations/{chapter}"
    if page == docname:
        return f"#{tag}"
    return f"{'../' * docname.count('/')}{page}.html#{tag}"


class Identities(SphinxTransform):
    """Gives each tagged equation its anchor, and each mention of a tag its link."""

    default_priority = 790

    def apply(self, **_: Any) -> None:
        for equation in list(self.document.findall(nodes.math_block)):
            if match := TAG.search(equation.astext()):
                # Not the equation's own: the theme would put it on what it wraps around it, too.
                place = equation.parent.index(equation)
                equation.parent.insert(place, nodes.target("", "", ids=[match[1]]))
        for text in list(self.document.findall(nodes.Text)):
            if MENTION.search(text) and not self.is_apart(text):
                text.parent.replace(text, self.linked(text.astext()))

    def is_apart(self, text: nodes.Text) -> bool:
        """Whether a text stands in a link, in code or in a heading."""
        node = text.parent
        while node is not None:
            if isinstance(node, NO_LINK_IN):
                return True
            node = node.parent
        return False

    def linked(self, text: str) -> list[nodes.Node]:
        """A text with a link in the place of each tag that is derived somewhere."""
        parts: list[nodes.Node] = []
        end = 0
        for match in MENTION.finditer(text):
            if there := address(match[1], self.env.docname):
                parts.append(nodes.Text(text[end : match.start()]))
                parts.append(nodes.reference("", match[0], refuri=there, internal=True))
                end = match.end()
        return [*parts, nodes.Text(text[end:])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(Identities)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
