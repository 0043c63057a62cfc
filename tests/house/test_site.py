"""The site as files: links lead somewhere, pages say what they are, nothing is left out."""

from __future__ import annotations

import dataclasses
import importlib
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import deltarule
from deltarule.cli.parser import build_parser
from deltarule.runs.recipes import Recipe

TABLES = ("activations", "initializers", "losses", "metrics", "optimizers", "schedules")
# What loads by itself when a page is opened, by element.
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
FETCHED = ("stylesheet", "icon", "preload", "modulepreload", "manifest")


@dataclasses.dataclass
class Page:
    """What a page is made of."""

    language: str = ""
    title: str = ""
    headings: list[str] = dataclasses.field(default_factory=list)
    anchors: set[str] = dataclasses.field(default_factory=set)
    twice: set[str] = dataclasses.field(default_factory=set)
    links: list[str] = dataclasses.field(default_factory=list)
    loads: list[str] = dataclasses.field(default_factory=list)
    images: list[str | None] = dataclasses.field(default_factory=list)


class Reader(HTMLParser):
    """Reads a page into a `Page`."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        page = self.page
        if name := given.get("id"):
            (page.twice if name in page.anchors else page.anchors).add(name)
        if tag == "html":
            page.language = given.get("lang") or ""
        if tag == "a" and given.get("href"):
            page.links.append(given["href"] or "")
        if tag == "img":
            page.images.append(given.get("alt"))
        if tag in LOADS and (address := given.get(LOADS[tag])):
            relations = (given.get("rel") or "").split()
            if tag != "link" or any(kind in FETCHED for kind in relations):
                page.loads.append(address)
        if tag == "h1" or (tag == "title" and not self.page.title):  # drawings have titles, too
            self.inside = tag
            if tag == "h1":
                page.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "title":
            self.page.title += data
        elif self.inside == "h1":
            self.page.headings[-1] += data


@cache
def read(path: Path) -> Page:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def pages(site: Path) -> dict[str, Page]:
    """Every page of the site by its address; the playground, which is one of its own, too."""
    found = {path.relative_to(site).as_posix(): read(path) for path in sorted(site.rglob("*.html"))}
    assert len(found) > 50
    return found


def test_every_page_says_what_it_is(site: Path) -> None:
    """A page has a language, a title of its own and one heading of the first rank."""
    found = {name: page for name, page in pages(site).items() if "playground/" not in name}
    assert {name for name, page in found.items() if page.language != "en"} == set()
    assert {name: page.headings for name, page in found.items() if len(page.headings) != 1} == {}
    titles = [page.title for page in found.values()]
    assert all(titles)
    assert {title for title in titles if titles.count(title) > 1} == set()


def test_every_image_has_its_text(site: Path) -> None:
    """An image says in words what it shows."""
    assert [name for name, page in pages(site).items() if not all(page.images)] == []


def test_every_anchor_stands_once(site: Path) -> None:
    """No page has an anchor twice."""
    assert {name: page.twice for name, page in pages(site).items() if page.twice} == {}


def test_every_link_leads_somewhere(site: Path) -> None:
    """A link within the site leads to a file, and to a place in it if it names one."""
    broken, counted = [], 0
    for name, page in pages(site).items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            counted += 1
            path = (site / name).parent / unquote(parts.path) if parts.path else site / name
            place = unquote(parts.fragment) if path.suffix == ".html" else ""
            if not path.is_file() or (place and place not in read(path.resolve()).anchors):
                broken.append(f"{name}: {link}")
    assert counted > 1000
    assert broken == []


def test_nothing_is_a_dead_end(site: Path) -> None:
    """Each example and each how-to leads on, to the reference or to another page of its kind."""
    for folder in ("gallery", "how-to"):
        for path in sorted((site / folder).glob("*.html")):
            if path.name == "index.html":
                continue
            links = re.findall(r'href="([^"#]+)', main_part(path))
            onward = [link for link in links if link.startswith("../") and "_" not in link[:5]]
            assert onward, f"{folder}/{path.name}"
            if folder == "gallery":
                assert any(link.startswith("../reference/") for link in links), path.name


def main_part(path: Path) -> str:
    """What the page itself says, without the lists of pages around it."""
    text = path.read_text(encoding="utf-8")
    return text.partition('<article role="main"')[2].partition("</article>")[0]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """What a page loads lies beside it; what it links to elsewhere is asked for in private."""
    for name, page in pages(site).items():
        assert not [load for load in page.loads if urlsplit(load).netloc], name
        assert not [link for link in page.links if urlsplit(link).scheme == "http"], name
    for style in site.rglob("*.css"):
        for address in re.findall(r"url\(['\"]?([^)'\"]+)", style.read_text(encoding="utf-8")):
            assert address.startswith("data:") or not urlsplit(address).netloc, style.name


def test_every_public_name_is_explained(site: Path) -> None:
    """The reference has each name of the package, and each function of its tables."""
    anchors = set().union(*(page.anchors for page in pages(site).values()))
    plain = [name for name in deltarule.__all__ if name not in TABLES]
    assert [name for name in plain if f"deltarule.{name}" not in anchors] == []
    for table in TABLES:
        module = importlib.import_module(f"deltarule.mathematics.{table}")
        named = [f"{module.__name__}.{name}" for name in module.__all__]
        assert [name for name in named if name not in anchors] == []


@pytest.mark.parametrize("command", sorted(build_parser().commands))
def test_every_option_is_explained(site: Path, command: str) -> None:
    """The page of a command has every option that its parser knows, each with an anchor."""
    page = pages(site)[f"reference/commands/{command}.html"]
    options = [
        word
        for action in build_parser().commands[command]._actions
        for word in action.option_strings
        if word not in ("-h", "--help")
    ]
    assert options
    wanted = {f"cmdoption-deltarule-{command}-{word.strip('-')}" for word in options}
    assert wanted <= page.anchors


def test_every_key_of_a_recipe_is_explained(site: Path) -> None:
    """The page on recipes has every key."""
    text = (site / "reference" / "recipe.html").read_text(encoding="utf-8")
    for field in dataclasses.fields(Recipe):
        assert f">{field.name}</span>" in text, field.name
