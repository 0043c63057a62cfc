"""The site in a real browser: without the net, on a telephone, in the dark, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NARROW = {"width": 360, "height": 740}
# What reaches beyond the window and is not inside a box that scrolls or is cut off.
OUTSIDE = """() => {
  const cut = e => {
    for (; e && e !== document.body; e = e.parentElement) {
      if (getComputedStyle(e).overflowX !== 'visible') return true;
      if (getComputedStyle(e).position === 'fixed') return true;
    }
    return false;
  };
  return [...document.querySelectorAll('.main *')]
    .filter(e => e.getBoundingClientRect().width)
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .filter(e => !cut(e))
    .map(e => e.tagName + ' ' + e.textContent.slice(0, 60));
}"""
TYPESET = "() => !window.MathJax || (MathJax.startup && MathJax.startup.promise.then(() => true))"


def written(site: Path) -> list[str]:
    """The pages that somebody wrote, and a few of those that show code."""
    names = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    code = [name for name in names if name.startswith(("_modules/", "source/"))]
    return [name for name in names if name not in code] + code[::10]


class Visit:
    """A window that keeps what went wrong and what left the site."""

    def __init__(self, browser: Any, home: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.trouble: list[str] = []
        self.outside: list[str] = []
        self.home = home
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.context.route("**/*", self.asked)

    def heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(f"{self.page.url}: {message.text}")

    def asked(self, route: Any) -> None:
        if route.request.url.startswith((self.home, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(f"{self.page.url}: {route.request.url}")
            route.abort()

    def open(self, name: str) -> Any:
        self.page.goto(f"{self.home}/{name}")
        self.page.wait_for_function(TYPESET)
        return self.page


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """`visit(home, **options)`: a new window."""
    opened: list[Visit] = []

    def begin(home: str, **options: Any) -> Visit:
        opened.append(Visit(browser, home, **options))
        return opened[-1]

    yield begin
    for one in opened:
        one.context.close()


def test_nothing_leaves_the_site_and_nothing_fails(
    visit: Any, site: Path, site_address: str
) -> None:
    """No page asks anybody else, writes an error to the console, or has a formula that fails.

    On a telephone, 360 pixels wide, none is wider than the window.
    """
    window = visit(site_address, viewport=NARROW)
    wide, wrong = {}, {}
    for name in written(site):
        page = window.open(name)
        if outside := page.evaluate(OUTSIDE):
            wide[name] = outside[:3]
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wide.setdefault(name, []).append("scrolls")
        if count := page.evaluate("() => document.querySelectorAll('mjx-merror, merror').length"):
            wrong[name] = count
    assert window.outside == []
    assert window.trouble == []
    assert wrong == {}
    assert wide == {}


def test_it_opens_from_a_folder(visit: Any, site: Path) -> None:
    """Without a server formulas are set, and search finds what is there, without an error."""
    window = visit(site.as_uri())
    page = window.open("derivations/04-optimizers.html")
    assert page.evaluate("() => document.querySelectorAll('mjx-container').length") > 20
    page = window.open("search.html?q=momentum")
    page.wait_for_selector("ul.search li a")
    found = page.eval_on_selector_all("ul.search li a", "all => all.map(a => a.href)")
    assert any("optimizers" in address for address in found)
    page.goto(found[0])
    assert window.outside == []
    assert window.trouble == []


@pytest.mark.parametrize("word", ["lr-decay", "MLPClassifier", "softmax"])
def test_search_finds_options_and_names(visit: Any, site_address: str, word: str) -> None:
    """An option, a class and a function are found by their names."""
    page = visit(site_address).open(f"search.html?q={word}")
    page.wait_for_selector("ul.search li a")
    assert page.eval_on_selector_all("ul.search li a", "all => all.length") > 0


def test_dark_and_light(visit: Any, site_address: str) -> None:
    """The page follows what the reader's system prefers."""
    shade = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    for scheme, low, high in (("light", 200, 255), ("dark", 0, 60)):
        page = visit(site_address, color_scheme=scheme).open("start.html")
        assert all(low <= channel <= high for channel in page.evaluate(shade)[:3])


def test_by_keyboard(visit: Any, site_address: str) -> None:
    """The first Tab reaches the way past the menu, which can be seen then, and it works."""
    page = visit(site_address).open("start.html")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent.trim()") == "Skip to content"
    page.wait_for_function(
        """() => { const r = document.activeElement.getBoundingClientRect();
        return r.top >= 0 && r.left >= 0 && r.width > 20; }"""
    )
    page.keyboard.press("Enter")
    assert page.url.endswith("#furo-main-content")
    page.keyboard.press("Tab")
    where, outline = page.evaluate(
        """() => { const e = document.activeElement;
        return [!!e.closest('.content'), getComputedStyle(e).outlineStyle]; }"""
    )
    assert where
    assert outline != "none"
