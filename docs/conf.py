"""How the site is built from these pages: `make docs`."""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

HERE = Path(__file__).resolve().parent
EXTENSIONS = HERE / "_ext"
sys.path[:0] = [str(EXTENSIONS), str(HERE.parent / "src")]

import deltarule  # noqa: E402, what the path above is for

# -- what it is -----------------------------------------------------------------------------------

project = "deltarule"
author = "the authors of deltarule"
copyright = f"{author}; MIT licence"
version = release = deltarule.__version__
language = "en"

# -- how it is read -------------------------------------------------------------------------------

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    *sorted(path.stem for path in EXTENSIONS.glob("[a-z]*.py")),
]
# speedrun.md is a part of benchmarks.md, which has it whole.
exclude_patterns = ["_*", "figures", "playground", "speedrun.md", "**/README.txt"]

myst_enable_extensions = ["dollarmath", "amsmath"]
highlight_language = "text"
smartquotes = False  # "auto" is what has to be typed, and so is --json
myst_heading_anchors = 4  # those that GitHub makes

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more than the annotations
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# -- how it looks ---------------------------------------------------------------------------------

html_theme = "furo"
html_title = "deltarule"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_use_index = True
copybutton_exclude = ".linenos, .gp, .go"

# MathJax comes with the site: nothing is fetched when a page is read.  SVG needs no fonts.
MATHJAX = "tex-svg.js"
# The sum of the file in version 3.2.2, as its authors released it.
MATHJAX_SHA256 = "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"
mathjax_path = MATHJAX
mathjax3_config = {
    # Without the menu a formula is no stop of the Tab key, and nothing else is loaded.
    "options": {"enableMenu": False},
    "svg": {"scale": 0.92},  # beside letters as wide as the page's; most equations fit then
}


def mathjax() -> str:
    """The file of MathJax, as its authors released it."""
    package = find_spec("sphinx-mathjax-offline")  # what it is used for is the file alone
    if package is None or not package.submodule_search_locations:
        raise ConfigError("MathJax is missing: pip install 'deltarule[docs]'.")
    path = Path(package.submodule_search_locations[0]) / "static" / "mathjax" / MATHJAX
    if hashlib.sha256(path.read_bytes()).hexdigest() != MATHJAX_SHA256:
        raise ConfigError(f"{path} is not MathJax 3.2.2 as it was released.")
    return str(path)


html_static_path += [mathjax()]


# What stands below a page in the sidebar, where the page itself, which is read on GitHub, too, does
# not say so.
BELOW = {
    "derivations/README": sorted(path.stem for path in (HERE / "derivations").glob("[0-9]*.md")),
    "benchmarks": ["estimators", "engine"],
}


def contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give a page its list of pages."""
    if docname in BELOW:
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", "", *BELOW[docname], "```", ""])


def playground(app: Sphinx, error: Exception | None) -> None:
    """The playground is a page of its own and comes along as it is."""
    if error is None:
        shutil.copytree(HERE / "playground", Path(app.outdir) / "playground", dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    sources = b"".join(path.read_bytes() for path in sorted(EXTENSIONS.glob("*.py")))
    # When an extension has changed, every page is read anew.
    app.add_config_value("extensions_sum", hashlib.sha256(sources).hexdigest(), "env")
    app.connect("source-read", contents)
    app.connect("build-finished", playground)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
