"""Laws of the page in a real browser; skipped where there is none."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.report import figures, pages, plots

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Every text of the page with the contrast between its colour and what lies behind it.
CONTRASTS = """() => {
  const channels = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = c => channels(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor, parts = channels(c);
      if (parts.length < 4 || parts[3] > 0) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.body.querySelectorAll('*')]
    .filter(e => !['TITLE', 'DESC', 'title', 'desc'].includes(e.tagName))
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => {
      const style = getComputedStyle(e);
      const colour = e instanceof SVGElement ? style.fill : style.color;
      const [a, b] = [light(colour), light(behind(e))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return [e.textContent.trim().slice(0, 40), ratio];
    });
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module", params=["plain", "hostile"])
def page_file(
    request: pytest.FixtureRequest,
    make_facts: Callable[..., dict[str, Any]],
    hostile: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A page on disk: of an ordinary run, and of one whose names are hostile."""
    changes: dict[str, Any] = {"warnings": ["Training diverged at step 7."]}
    if request.param == "hostile":
        changes = {
            "title": hostile[0] + hostile[2],
            "class_names": hostile,
            "warnings": hostile,
            "recipe": "\n".join(hostile),
            "command": hostile[2],
            "engine": hostile[2],
            "versions": {name: name for name in hostile},
            "layers": [dict.fromkeys(("name", "detail", "output"), name) for name in hostile],
            "history": [{f"val_{hostile[2]}": 0.5, "lr": 1.0}],
        }
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(pages.run_page(make_facts(**changes)), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_quiet_narrow_and_readable(browser: Any, page_file: Path, scheme: str) -> None:
    """No console message, request or dialog; no overflow at 360 px; contrast at least 4.5."""
    noises: list[str] = []
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": 360, "height": 800}, offline=True
    )
    page = context.new_page()
    page.on("console", lambda message: noises.append(message.text))
    page.on("pageerror", lambda error: noises.append(str(error)))
    page.on("dialog", lambda dialog: noises.append(dialog.message))
    page.on(
        "request",
        lambda request: (
            None
            if request.url == page_file.as_uri() or request.url.startswith("data:")
            else noises.append(request.url)
        ),
    )
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    width = page.evaluate("document.documentElement.scrollWidth")
    contrasts = page.evaluate(CONTRASTS)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    pictures = page.get_by_role("img").count()
    context.close()
    assert noises == []
    assert width <= 360
    assert len(contrasts) > 50
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []
    assert (background == "rgb(20, 23, 27)") == (scheme == "dark")
    assert pictures >= 3


def test_the_page_fits_on_paper(browser: Any, page_file: Path) -> None:
    """Printed on A4, even from a dark screen: light, nothing cut off, folded tables open."""
    context = browser.new_context(color_scheme="dark", viewport={"width": 794, "height": 1123})
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.emulate_media(media="print")
    width = page.evaluate("document.documentElement.scrollWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    folded = page.locator("#epochs-caption").bounding_box()
    context.close()
    assert width <= 794
    assert background == "rgb(255, 255, 255)"
    assert folded is not None
    assert folded["height"] > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", [figures.TRAIN, figures.VALIDATION])
def test_counts_are_readable_on_the_densest_cells(scheme: str, colour: str) -> None:
    """Text in the page's ink has a contrast of 4.5 on a confusion matrix's strongest shade."""
    style = (Path(pages.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    block = style.split("prefers-color-scheme: dark")[scheme == "dark"]

    def rgb(code: str) -> np.ndarray:
        return np.frombuffer(bytes.fromhex(code.lstrip("#")), dtype=np.uint8) / 255

    def light(channels: np.ndarray) -> float:
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    ink, ground = (rgb(re.findall(rf"--{name}: (#\w+)", block)[0]) for name in ("ink", "page"))
    cell = plots.DENSEST * rgb(colour) + (1 - plots.DENSEST) * ground
    dark, bright = sorted((light(ink), light(cell)))
    assert (bright + 0.05) / (dark + 0.05) >= 4.5
