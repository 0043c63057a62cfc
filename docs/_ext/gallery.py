"""The gallery: a page for each example, and an index with their pictures.

Before the build each example docs/gallery/NAME.py is run anew if it, the package or what draws has
changed; docs/_build_gallery holds what came of it, and docs/gallery/NAME.page is its page, Markdown
written from that.  Neither is in the repository, where a link to an example leads to its file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from _examples import GALLERY, ROOT, Example, Run, kept, painted, paths, read, run
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

FOLDER = "_build_gallery"
INDEX = "gallery/index"
PAGE_SUFFIX = ".page"  # what tests read and people write ends in .md
LISTED = re.compile(r"(?:^- \[.+\]\(\w+\.py\)\n)+", re.MULTILINE)
NAME = re.compile(r"\((\w+)\.py\)")
THEMES = ("light", "dark")
USED = re.compile(r"\bdr\.(\w+)")
TABLES = GALLERY.parent / "reference"  # has a page for each table of functions, of the table's name
PAGE = """\
# {title}

{text}

{pictures}

```python
{code}```

{printed}

```{{code-block}} text
:class: printed

{output}```

In the reference: {reference}.

{{download}}`{name}.py` is the whole file. [All examples](index.md)
"""
PRINTED = "It prints:"
FROM_ELSEWHERE = "What it needs was not there when this page was built. An earlier run printed:"


# -- running --------------------------------------------------------------------------------------


def digest(files: Iterable[Path]) -> str:
    """Of names and contents."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def grounds() -> str:
    """What all examples depend on, in short."""
    import matplotlib

    package = ROOT / "src" / "deltarule"
    used = (path for kind in ("*.py", "*.npz", "*.so") for path in sorted(package.rglob(kind)))
    own = [Path(__file__), Path(__file__).with_name("_examples.py")]
    return f"{sys.version} {matplotlib.__version__} {digest(used)} {digest(own)}"


def run_stale(docs: Path) -> list[str]:
    """Run the examples that are not up to date, as many at once as there are processors."""
    common, folder = grounds(), docs / FOLDER
    folder.mkdir(exist_ok=True)

    def refresh(path: Path) -> str | None:
        stamp = f"{digest([path])} {common}"
        there = result_of(folder, path.stem)
        if there.get("stamp") == stamp:
            return None
        write(folder, path, stamp, run(path))
        return path.stem

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [name for name in pool.map(refresh, paths()) if name]


def write(folder: Path, path: Path, stamp: str, done: Run) -> None:
    """What came of an example, for its page; of one that was skipped, what was kept of it."""
    skipped = done.picture is None
    shown = kept(path.stem) if skipped else done
    if shown is None or shown.picture is None:
        raise RuntimeError(
            f"{path.name} was skipped, and nothing is kept of it. Run it where it has what it "
            f"needs: python docs/_ext/_examples.py {path.stem}"
        )
    for theme, picture in painted(shown.picture).items():
        (folder / f"{path.stem}-{theme}.svg").write_text(picture, encoding="utf-8")
    # A run that was skipped may not be next time.
    result = {"stamp": "" if skipped else stamp, "skipped": skipped, "output": shown.output}
    (folder / f"{path.stem}.json").write_text(json.dumps(result), encoding="utf-8")


def result_of(folder: Path, name: str) -> dict[str, Any]:
    """What `write` wrote of an example, or nothing."""
    try:
        return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


# -- pages ----------------------------------------------------------------------------------------


def reference(code: str) -> str:
    """Links to what the reference says of the names of the library that some code uses."""
    names = dict.fromkeys(USED.findall(code))
    return ", ".join(
        f"[`{name}`](../reference/{name}.md)"
        if (TABLES / f"{name}.md").exists()
        else f"{{py:obj}}`{name} <deltarule.{name}>`"
        for name in names
    )


def page(example: Example, result: dict[str, Any]) -> str:
    """The page of an example, in Markdown."""
    pictures = "\n\n".join(
        f"```{{image}} /{FOLDER}/{example.name}-{theme}.svg\n"
        f":alt: {example.alt}\n:class: only-{theme} example\n```"
        for theme in THEMES
    )
    return PAGE.format(
        name=example.name,
        title=example.title,
        text=example.text,
        code=example.code,
        reference=reference(example.code),
        pictures=pictures,
        printed=FROM_ELSEWHERE if result["skipped"] else PRINTED,
        output=result["output"],
    )


def write_pages(docs: Path) -> None:
    """The pages of all examples, into docs/gallery; those that have not changed stay untouched."""
    pages = {path.with_suffix(PAGE_SUFFIX): path for path in paths()}
    for there in GALLERY.glob(f"*{PAGE_SUFFIX}"):
        if there not in pages:
            there.unlink()
    for there, path in pages.items():
        text = page(read(path), result_of(docs / FOLDER, path.stem))
        if not there.exists() or there.read_text(encoding="utf-8") != text:
            there.write_text(text, encoding="utf-8")


class Gallery(SphinxDirective):
    """The examples that are named, a line each, as pictures that lead to their pages."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """A list of links, and their place in the site's contents."""
        names = list(self.content)
        missing = {path.stem for path in paths()} ^ set(names)
        if missing:
            raise self.error(f"Listed or there, but not both: {', '.join(sorted(missing))}.")
        shown = nodes.bullet_list(classes=["gallery"])
        for name in names:
            path = GALLERY / f"{name}.py"
            self.env.note_dependency(str(path))
            shown += nodes.list_item("", nodes.paragraph("", "", self.link(read(path))))
        contents = addnodes.toctree(
            parent=self.env.docname,
            entries=[(None, f"gallery/{name}") for name in names],
            includefiles=[f"gallery/{name}" for name in names],
            maxdepth=1,
            glob=False,
            hidden=True,
            includehidden=False,
            numbered=0,
            titlesonly=True,
            caption=None,
            rawentries=[],
        )
        return [shown, contents]

    def link(self, example: Example) -> nodes.reference:
        """The picture and the title of an example."""
        link = nodes.reference("", "", refuri=f"{example.name}.html", internal=True)
        for theme in THEMES:
            uri = f"/{FOLDER}/{example.name}-{theme}.svg"
            link += nodes.image(uri=uri, alt=example.alt, classes=[f"only-{theme}"])
        link += nodes.inline("", example.title)
        return link


# -- Sphinx ---------------------------------------------------------------------------------------


class ExampleLinks(SphinxTransform):
    """A link to an example leads GitHub's readers to the file, and the site's to its page."""

    default_priority = 790  # before links to other files are looked at

    def apply(self, **_: Any) -> None:
        """Replace links to files by links to pages, but for those on the pages themselves."""
        here = Path(self.env.doc2path(self.env.docname)).parent
        for node in list(self.document.findall(addnodes.download_reference)):
            path = Path(os.path.normpath(here / node["reftarget"]))
            if path.parent == GALLERY != here and path.suffix == ".py":
                up = os.path.relpath(GALLERY, here)
                uri = f"{Path(up).as_posix()}/{path.stem}.html"
                node.replace_self(
                    nodes.reference("", "", *node.children, refuri=uri, internal=True)
                )


def before_build(app: Sphinx) -> None:
    """Run the examples, then write their pages."""
    docs = Path(app.srcdir)
    try:
        fresh = run_stale(docs)
    except RuntimeError as error:
        raise ExtensionError(str(error)) from None
    write_pages(docs)
    told = ", ".join(fresh) or "none, all are fresh"
    logging.getLogger(__name__).info("examples run: %s", told)


def list_as_gallery(app: Sphinx, docname: str, source: list[str]) -> None:
    """The list of examples becomes their pictures."""
    if docname == INDEX:
        source[0] = LISTED.sub(
            lambda found: "\n".join(["```{gallery}", *NAME.findall(found[0]), "```\n"]), source[0]
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_source_suffix(PAGE_SUFFIX, "markdown")
    app.add_directive("gallery", Gallery)
    app.add_transform(ExampleLinks)
    app.add_css_file("gallery.css")
    app.connect("builder-inited", before_build)
    app.connect("source-read", list_as_gallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
