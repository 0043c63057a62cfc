"""Laws of the page in a real browser; skipped where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.report import comparisons, figures, pages, palette, plots

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


# Every line and mark that carries meaning, with the contrast to the page; shades that are not
# opaque, as bands and grids are, carry none alone.
GRAPHICS = CONTRASTS.replace(
    CONTRASTS[CONTRASTS.index("  return [...document") :],
    """  return [...document.querySelectorAll('svg [style]')]
    .filter(e => /--(arm|train|validation)/.test(e.getAttribute('style')))
    .map(e => {
      const style = getComputedStyle(e);
      const opaque = (e.getAttribute('style').match(/opacity: *([\\d.]+)/) || [0, 1])[1];
      const colour = style.stroke !== 'none' ? style.stroke : style.fill;
      const [a, b] = [light(colour), light(behind(e))];
      return [e.getAttribute('style'), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), +opaque];
    });
}""",
)
# What reaches beyond the window and is not inside a box that scrolls.
OUTSIDE = """() => [...document.body.querySelectorAll('*')]
  .filter(e => !e.closest('.scroll, svg, .unseen, .skip'))
  .filter(e => { const r = e.getBoundingClientRect(); return r.width && r.right > innerWidth + 1; })
  .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""
NAMELESS = """() => [...document.querySelectorAll('svg, img, [role=img]')]
  .filter(e => {
    const names = (e.getAttribute('aria-labelledby') || '').split(' ')
      .map(id => document.getElementById(id)).filter(Boolean);
    return e.getAttribute('role') !== 'img' || names.length < 2
      || names.some(n => !n.textContent.trim());
  }).length"""
KINDS = ["run", "hostile run", "table", "diverged run", "comparison", "six arms", "hostile arms"]


def hostile_run(hostile: list[str]) -> dict[str, Any]:
    """What makes a run's facts hostile."""
    return {
        "title": hostile[0] + hostile[2],
        "class_names": hostile,
        "warnings": hostile,
        "recipe": "\n".join(hostile),
        "command": hostile[2],
        "engine": hostile[2],
        "versions": {name: name for name in hostile},
        "layers": [dict.fromkeys(("name", "detail", "output"), name) for name in hostile],
        "history": [
            {f"val_{hostile[2]}": 0.5, "lr": 1.0} | {f"ratio_{name}": 0.1 for name in hostile}
        ],
        "mistakes": {
            "rows": [dict.fromkeys(("true", "predicted"), n) | {"confidence": 1} for n in hostile],
            "wrong": 9,
            "n": 9,
            "columns": hostile,
            "cells": [hostile] * len(hostile),
        },
    }


@pytest.fixture(scope="module", params=KINDS)
def page_file(
    request: pytest.FixtureRequest,
    make_facts: Callable[..., dict[str, Any]],
    make_comparison: Callable[..., dict[str, Any]],
    hostile: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A page on disk, of a run or a comparison, plain or with hostile names."""
    kind = request.param
    if kind == "hostile run":
        html = pages.run_page(make_facts(**hostile_run(hostile)))
    elif kind == "table":
        y = np.linspace(0, 1, 50)
        mistakes = {
            "rows": [{"true": 1.0, "predicted": 2.0}] * 12,
            "n": 50,
            "columns": [f"a long column name {i}" for i in range(20)],
            "cells": [["clerk", 4.5] * 10] * 12,
        }
        gone = dict.fromkeys(("confusion", "calibration", "first_layer"))
        scatter = {"y": y, "prediction": y}
        facts = make_facts(task="regression", mistakes=mistakes, scatter=scatter, **gone)
        html = pages.run_page(facts)
    elif kind == "diverged run":
        bad = {"train_loss": np.nan, "val_loss": np.inf, "ratio_dense1": np.nan}
        facts = make_facts(history=[{"epoch": 1} | bad], warnings=["Training diverged at step 7."])
        html = pages.run_page(facts)
    elif kind == "comparison":
        html = comparisons.comparison_page(make_comparison())
    elif kind == "six arms":
        names = [f"arm {c}" for c in "abcdef"]
        html = comparisons.comparison_page(make_comparison(names, diverged=["arm b"]))
    elif kind == "hostile arms":
        facts = make_comparison(hostile, title=hostile[2], verdict=hostile, warnings=hostile)
        html = comparisons.comparison_page(facts)
    else:
        html = pages.run_page(make_facts(warnings=["Training diverged at step 7."]))
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_quiet_narrow_and_readable(browser: Any, page_file: Path, scheme: str) -> None:
    """No console message, request or dialog; no overflow at 360 px; contrast at least 4.5 of text
    and 3 of what is drawn; no element made by a name."""
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
    outside = page.evaluate(OUTSIDE)
    contrasts = page.evaluate(CONTRASTS)
    graphics = page.evaluate(GRAPHICS)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    pictures = page.get_by_role("img").count()
    nameless = page.evaluate(NAMELESS)
    foreign = page.evaluate(
        "document.querySelectorAll('script, img, iframe, object, svg svg, svg:not([role])').length"
    )
    context.close()
    assert noises == []
    assert width <= 360
    assert outside == []
    assert len(contrasts) > 40
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []
    assert len(graphics) > 0
    assert [found for found in graphics if found[1] < 3 and found[2] == 1] == []
    assert (background == "rgb(20, 23, 27)") == (scheme == "dark")
    assert pictures >= 2
    assert (nameless, foreign) == (0, 0)


def test_the_page_fits_on_paper(browser: Any, page_file: Path) -> None:
    """Printed on A4, even from a dark screen: light, nothing cut off, folded tables open."""
    context = browser.new_context(color_scheme="dark", viewport={"width": 794, "height": 1123})
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.emulate_media(media="print")
    width = page.evaluate("document.documentElement.scrollWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.evaluate("getComputedStyle(document.body).color")
    tables = page.evaluate(
        "[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().height)"
    )
    contrasts = page.evaluate(CONTRASTS)
    context.close()
    assert width <= 794
    assert background == "rgb(255, 255, 255)"
    assert ink == "rgb(27, 31, 36)"
    assert tables
    assert min(tables) > 0
    assert [found for found in contrasts if found[1] < 4.5] == []


def test_the_page_can_be_used_by_keyboard(browser: Any, page_file: Path) -> None:
    """The first stop is a link to the content, every stop shows where it is, and every table that
    scrolls is one."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(page_file.as_uri())
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e), "
            "r = e.getBoundingClientRect(); return [e.className || e.tagName, s.outlineStyle, "
            "r.left >= 0 && r.width > 0]; })()"
        )
        if stop[0] == "BODY":
            break
        stops.append(stop)
    scrolling = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(e => e.offsetParent && "
        "!e.closest('details:not([open])')).length"
    )
    context.close()
    assert stops[0][0] == "skip"
    assert [stop for stop in stops if stop[1] == "none" or not stop[2]] == []
    assert sum(stop[0] == "scroll" for stop in stops) == scrolling


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", [figures.TRAIN, figures.VALIDATION])
def test_counts_are_readable_on_the_densest_cells(scheme: str, colour: str) -> None:
    """Text in the page's ink has a contrast of 4.5 on a confusion matrix's strongest shade."""
    block = palette.style_sheet(palette.DARK if scheme == "dark" else palette.LIGHT)

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
