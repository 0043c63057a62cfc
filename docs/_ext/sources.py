"""Files of the repository that a page speaks of, to be read within the site.

A link out of `docs`, such as [step.py](../src/deltarule/learning/step.py), leads to the file on
GitHub and here to a page that shows it.  So does the path of a file in `code`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SHOWN = ("src/", "tests/", "benchmarks/", "examples/", "notebooks/")
Pages = dict[str, set[str]]


def linked(env: BuildEnvironment) -> Pages:
    """The files that each page links to, by the page's name."""
    if not hasattr(env, "repository_files"):
        env.repository_files = {}  # type: ignore[attr-defined]
    return env.repository_files  # type: ignore[attr-defined, no-any-return]


def address(path: str) -> str:
    """The page that shows a file, as Sphinx names pages."""
    return f"source/{path}"


class SourceLinks(SphinxTransform):
    """Leads links to files outside `docs` to pages of the site."""

    default_priority = 800

    def apply(self, **_: Any) -> None:
        for node in list(self.document.findall(addnodes.download_reference)):
            self.lead(node, node["reftarget"])
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node.get("reftype") == "myst" and node.get("refdomain") in (None, ""):
                self.lead(node, node["reftarget"])
        for node in list(self.document.findall(nodes.literal)):
            path = node.astext()
            linked_already = isinstance(node.parent, nodes.reference)
            if path.startswith(SHOWN) and (ROOT / path).is_file() and not linked_already:
                node.replace_self(self.reference(path, node.deepcopy()))

    def lead(self, node: nodes.Element, target: str) -> None:
        """Replace a link to a file or folder of the repository."""
        here = (DOCS / self.env.docname).parent
        path = Path(os.path.normpath(here / target.split("#")[0]))
        if path.exists() and path.is_relative_to(ROOT) and not path.is_relative_to(DOCS):
            shown = self.reference(path.relative_to(ROOT).as_posix(), *node.children)
            node.replace_self(shown)

    def reference(self, path: str, *children: nodes.Node) -> nodes.reference:
        linked(self.env).setdefault(self.env.docname, set()).add(path)
        up = "../" * self.env.docname.count("/")
        return nodes.reference("", "", *children, refuri=f"{up}{address(path)}.html", internal=True)


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    linked(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    for name in docnames:
        if name in linked(other):
            linked(env)[name] = linked(other)[name]


def body_of(app: Sphinx, path: Path) -> str:
    """A file highlighted, or what is in a folder."""
    if path.is_dir():
        items = sorted(item.name for item in path.iterdir() if item.suffix not in (".pyc", ".so"))
        return "<ul>" + "".join(f"<li><code>{escape(name)}</code></li>" for name in items) + "</ul>"
    try:
        language = get_lexer_for_filename(path.name).aliases[0]
    except ClassNotFound:
        language = "text"
    text = path.read_text(encoding="utf-8")
    shown = app.builder.highlighter.highlight_block(text, language)  # type: ignore[attr-defined]
    return f'<div class="highlight-{language} notranslate">{shown}</div>'


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each file that is linked to."""
    for path in sorted(set().union(*linked(app.env).values())):
        body = f"<h1>{escape(path)}</h1>\n{body_of(app, ROOT / path)}"
        yield address(path), {"title": path, "body": body, "parents": []}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(SourceLinks)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
