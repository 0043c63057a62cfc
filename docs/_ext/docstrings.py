"""Docstrings as they are written here, for readers of HTML.

They are plain text in numpydoc's sections, not reStructuredText: `name` is code, an indented block
is shown as it stands, a star is a star.  A line that ends in a tag, such as (A2), is an identity;
it is shown as one, with a link to the chapter that derives it.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from identities import address
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

SECTION = re.compile(r"^-{3,}\s*$")
ENTRY = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*)( : .*)?$")
IDENTITY = re.compile(r"^(\s*)(\S.*?)\s*\(([A-Z]\d+)\)\s*$")
CODE = re.compile(r"(`[^`]+`)")


def plain(text: str) -> str:
    """Text that reStructuredText shows as it is; single backticks become code."""
    parts = CODE.split(text)
    return "".join(
        f"``{part[1:-1]}``" if CODE.fullmatch(part) else re.sub(r"([\\*|`_<>])", r"\\\1", part)
        for part in parts
    )


def code_span_safe(line: str) -> str:
    """A line whose code touches letters: reStructuredText wants a break between them."""
    line = re.sub(r"(?<=[\w‖\-−/=|(\[])(``[^`]+``)", r"\\ \1", line)
    return re.sub(r"(``[^`]+``)(?=[\w‖=])", r"\1\\ ", line)


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip())


def rewritten(lines: list[str], docname: str) -> list[str]:
    """The lines of a docstring as reStructuredText with numpydoc's sections, for a page."""
    done: list[str] = []
    base = 0  # where the running text of this section begins
    in_section = False
    literal: int | None = None  # how deep a block that is shown as it stands begins
    previous_blank = True
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if not line.strip():
            done.append("")
            previous_blank = True
            continue
        here = indent_of(line)
        if literal is not None and here >= literal:
            done.append(line)
            previous_blank = False
            continue
        literal = None
        if SECTION.match(following.strip()) or SECTION.match(line.strip()):
            done.append(line)
            in_section, base = True, here
        elif in_section and here == base and (match := ENTRY.match(line.strip())):
            name, kind = match.group(1), match.group(2) or ""
            done.append(" " * here + name + plain(kind))
        elif match := IDENTITY.match(line):
            done += identity(*match.groups(), docname)
        elif previous_blank and done and here > text_indent(done, base):
            literal = here
            done += [" " * text_indent(done, base) + "::", "", line]
        else:
            done.append(" " * here + code_span_safe(plain(line.strip())))
        previous_blank = False
    return done


def text_indent(done: list[str], base: int) -> int:
    """Where the last line of text begins."""
    last = next((line for line in reversed(done) if line.strip()), "")
    return indent_of(last) if last else base


def identity(indent: str, formula: str, tag: str, docname: str) -> list[str]:
    """An identity as a line of its own, and the way to its derivation."""
    there = address(tag, docname)
    link = f"`({tag}) <{there}>`__" if there else f"({tag})"
    shown = re.sub(r"\s{3,}", "   ", formula)
    return [
        "",
        f"{indent}.. container:: identity",
        "",
        f"{indent}   ``{shown}`` {link}",
        "",
    ]


class FieldWords(SphinxTransform):
    """A dash for two hyphens, and "Attributes" as docstrings have it, in lists of parameters."""

    default_priority = 780

    def apply(self, **_: Any) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if text.startswith(" -- "):
                text.parent.replace(text, nodes.Text(f" – {text[4:]}"))
        for name in self.document.findall(nodes.field_name):
            if name.astext() == "Variables":
                name[:] = [nodes.Text("Attributes")]


def process(app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, before its sections are read."""
    lines[:] = rewritten(lines, app.env.docname)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process, priority=100)
    app.add_transform(FieldWords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
