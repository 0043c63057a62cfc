"""The playground in a real browser, opened from its files; skipped where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deltarule.report import palette

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "playground"
SOURCES = sorted([*FOLDER.glob("*.*"), *FOLDER.glob("js/*.js")])
ROLES = {
    "train": "rust",
    "validation": "blue",
    "accent": "blue",
    "warn-page": "hint-page",
    "plus": "green",
    "minus": "purple",
    **{f"class-{i}": hue for i, hue in enumerate(("blue", "orange", "gold", "pink"), 1)},
}
THETA = "() => Array.from(playground.page.training.theta)"
STEP = "() => playground.page.training.t"
ARRIVED = """link => JSON.stringify(playground.settings.fromFragment(link).settings)
  === JSON.stringify(playground.page.settings)"""
MESSAGE = "() => document.getElementById('message').textContent"
OUTSIDE = """() => [...document.body.querySelectorAll('*')]
  .filter(e => !e.closest('.scroll, pre, svg, .unseen, .skip'))
  .filter(e => { const r = e.getBoundingClientRect(); return r.width && r.right > innerWidth + 1; })
  .map(e => e.tagName + ' ' + e.id + ' ' + e.textContent.slice(0, 40))"""
NAMELESS = """() => [...document.querySelectorAll(
    'button, a, input, select, textarea, canvas, [role]')]
  .filter(e => !e.closest('[aria-hidden=true]') && e.type !== 'file')
  .filter(e => !e.closest('.unit') || e.matches('.unit'))
  .filter(e => !['status', 'group'].includes(e.getAttribute('role')))
  .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
    || [...(e.labels || [])].some(l => l.textContent.trim())
    || (['BUTTON', 'A'].includes(e.tagName) && e.textContent.trim())))
  .map(e => e.outerHTML.slice(0, 80))"""

Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """`open_page(link, …)`: the page from its file; errors and requests elsewhere fail the test."""
    contexts = []
    wrong: list[str] = []

    def open_one(link: str = "", **context: Any) -> Any:
        contexts.append(browser.new_context(**context))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: wrong.append(r.url) if not allowed(r.url) else None)
        page.goto(f"{(FOLDER / 'index.html').as_uri()}{link}")
        page.wait_for_function("() => playground.page && playground.page.ready")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


def allowed(url: str) -> bool:
    """The page's own files, and what it holds itself."""
    return url.startswith((FOLDER.as_uri(), "data:"))


def arrive(page: Any, t: int) -> None:
    """Wait until the page has gone to the step of its link."""
    page.wait_for_function(f"() => playground.page.training.t === {t}")
    page.wait_for_function("() => !document.getElementById('message').textContent.startsWith('Go')")


def test_buttons_train(open_page: Open) -> None:
    """Step, Epoch, Run and Start over do what they say, and the loss falls."""
    page = open_page()
    first = page.evaluate(THETA)
    page.click("#step")
    assert page.evaluate(STEP) == 1
    page.click("#epoch")
    assert page.evaluate(STEP) == 15
    assert page.inner_text("#c-step") == "15 of 1400"
    page.select_option("#speed", "0")
    page.click("#run")
    page.wait_for_function("() => !playground.page.running", timeout=60_000)
    assert page.evaluate(STEP) == 1400
    assert page.evaluate("() => playground.page.at.validation.loss") < 0.05
    assert "over after 1400 steps" in page.evaluate(MESSAGE)
    page.click("#reset")
    assert page.evaluate(THETA) == first


def test_spirals_are_solved_with_adam(open_page: Open) -> None:
    """The first demonstration ends where all training points are right."""
    page = open_page()
    page.click("#demos a >> nth=0")
    page.wait_for_function("() => playground.page.settings.data === 'spirals'")
    page.evaluate(
        "() => { const p = playground.page; while (p.training.t < 2000) p.training.step(); }"
    )
    seen = page.evaluate("() => playground.page.training.evaluate(playground.page.training.train)")
    assert seen["score"] == 1


def test_a_link_follows_a_point_and_a_weight(open_page: Open) -> None:
    """What is followed is in the address at once and comes back by it; what is not there is not."""
    page = open_page("#data=xor&hidden=3&t=5")
    page.fill("#sample", "7")
    page.press("#sample", "Enter")
    for name, place in (("layer", 1), ("from", 2), ("to", 1)):
        page.select_option(f"#weight-{name}", index=place)
    link = page.url.split("#")[1]
    assert link == "data=xor&hidden=3&t=5&point=7&weight=2-3-2"
    again = open_page(f"#{link}")
    again.wait_for_function("() => playground.page.training.t === 5")
    assert again.evaluate("() => playground.page.sample") == 6
    assert again.evaluate("() => playground.page.weight") == [1, 2, 1]
    strange = open_page("#hidden=3&point=999&weight=9-9-9")
    assert strange.input_value("#sample") == "300"
    assert strange.evaluate("() => playground.page.weight") == [0, 0, 0]


def test_every_demonstration_opens(open_page: Open) -> None:
    """No link of the page holds a word or a value that the page does not take."""
    page = open_page()
    links = page.eval_on_selector_all("#demos a", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) >= 8
    for link in links:
        page.evaluate("link => { location.hash = link; }", link)
        page.wait_for_function(ARRIVED, arg=link)
        assert page.evaluate(MESSAGE) == ""


@pytest.mark.parametrize("width", [360, 1280])
def test_a_demonstration_stays_explained(width: int, open_page: Open) -> None:
    """What to look for is in sight wherever the page is scrolled to, and leads to the next one.

    With other settings it is no longer that demonstration, and says nothing.
    """
    page = open_page(viewport={"width": width, "height": 740})
    assert not page.is_visible("#lesson")
    page.click("#demos a >> nth=4")
    page.wait_for_selector("#lesson", state="visible")
    look = page.inner_text("#demos li:nth-child(5) .remark")
    for place in ("#plane", "#derivation", "#python"):
        page.evaluate("place => document.querySelector(place).scrollIntoView()", place)
        box = page.locator("#lesson-look").bounding_box()
        assert 0 <= box["y"] <= box["y"] + box["height"] <= 740 / 3
        top = page.locator(place).bounding_box()["y"]
        assert top >= box["y"] + box["height"] - 1 or place == "#python"
    assert page.inner_text("#lesson-look") == look
    page.click("#lesson-next")
    page.wait_for_function("() => playground.page.settings.lr === 10")
    assert page.is_visible("#lesson")
    page.check("#data-moons", force=True)
    assert not page.is_visible("#lesson")


def test_inputs_are_chosen(open_page: Open) -> None:
    """Ticked features are the network's inputs; with x₁x₂ a linear model solves xor; one stays."""
    page = open_page("#data=xor&hidden=none&lr=0.05")
    page.check("#form-network input[value=x1x2]")
    assert page.evaluate("() => playground.page.training.layout.sizes") == [3, 2]
    assert "features=x1-x2-x1x2" in page.url
    for _ in range(60):
        page.click("#epoch")
    assert page.evaluate("() => playground.page.at.validation.score") > 0.9
    for name in ("x1", "x2", "x1x2"):
        page.click(f"#form-network input[value={name}]")
    assert page.evaluate("() => playground.page.settings.features") == ["x1x2"]
    assert page.is_checked("#form-network input[value=x1x2]")


def test_numbers_are_met(open_page: Open) -> None:
    """With numbers for targets there is one output, a continuous map, and R² beside the loss."""
    page = open_page("#data=hills&hidden=8-4&lr=0.01&epochs=60")
    for _ in range(60):
        page.click("#epoch")
    assert page.evaluate("() => playground.page.training.layout.sizes.at(-1)") == 1
    assert page.inner_text("#h-right") == "R²"
    assert float(page.inner_text("#c-right")) > 0.7
    colours = page.evaluate(
        """() => { const c = playground.offscreen.getContext('2d').getImageData(0, 0, 60, 60).data;
        return new Set(Array.from({ length: 3600 }, (_, i) => c[4 * i])).size; }"""
    )
    assert colours > 50
    page.focus("#plane")
    page.keyboard.press("ArrowUp")
    assert re.fullmatch(r"x₁ \S+, x₂ \S+: \S+", page.inner_text("#aside"))


def test_a_link_leads_to_the_same_state(open_page: Open) -> None:
    """The address after some steps opens, elsewhere, at the same weights."""
    page = open_page(
        "#data=moons&hidden=5-3&optimizer=lion&lr=0.005&schedule=cosine&dropout=0.1&t=40"
    )
    arrive(page, 40)
    page.click("#step")
    link = page.evaluate("() => location.hash")
    assert link.endswith("t=41")
    again = open_page(link)
    arrive(again, 41)
    assert again.evaluate(THETA) == page.evaluate(THETA)


def test_a_bad_link_says_so_and_opens(open_page: Open) -> None:
    """What a link holds that is not known is named; the rest is taken."""
    page = open_page("#lr=much&hidden=3&colour=red")
    assert "lr=much is not a number from 0 to 100" in page.evaluate(MESSAGE)
    assert "colour is not known" in page.evaluate(MESSAGE)
    assert page.evaluate("() => playground.page.training.layout.sizes") == [2, 3, 2]


def test_a_bad_setting_says_so(open_page: Open) -> None:
    """A number out of range is refused in a sentence, and the setting stays."""
    page = open_page()
    page.fill("#f-lr", "-1")
    page.press("#f-lr", "Tab")
    assert page.evaluate(MESSAGE) == "Rate η must be a number from 0 to 100."
    assert page.evaluate("() => playground.page.settings.lr") == 0.01


def test_own_points_by_mouse_keys_and_paste(open_page: Open) -> None:
    """Points are put by a click or a key and taken away; rows are pasted; a link holds them."""
    page = open_page()
    count = "() => playground.page.points.n"
    page.check("#data-own", force=True)
    assert page.evaluate(count) == 0
    page.click("#run")
    assert "no points yet" in page.evaluate(MESSAGE)
    page.click("#plane", position={"x": 40, "y": 60})
    page.check("#tool-1", force=True)
    page.click("#plane", position={"x": 200, "y": 200})
    page.focus("#plane")
    for key in ("ArrowRight", "Shift+ArrowUp", "3", "ArrowLeft", "1"):
        page.keyboard.press(key)
    assert page.evaluate("() => playground.page.points.y") == [0, 1, 2, 0]
    page.keyboard.press("Delete")
    assert page.evaluate("() => playground.page.points.y") == [0, 1, 2]
    again = open_page(page.evaluate("() => location.hash"))
    x = "() => Array.from(playground.page.points.x)"
    assert again.evaluate(x) == page.evaluate(x)
    page.click("#own-paste summary")
    page.fill("#own-text", "width,height,kind\n100,2000,cat\n150,2100,dog\n90,1900,cat\n")
    page.click("#own-use")
    assert page.evaluate(count) == 3
    assert page.evaluate("() => playground.page.settings.scaling") == "feature"
    assert "cat" in page.inner_text("#legend")
    page.fill("#own-text", "1,2\n")
    page.click("#own-use")
    assert "Line 1" in page.evaluate(MESSAGE)
    assert page.evaluate(count) == 3


def test_a_file_of_points_is_read_and_saved(open_page: Open, tmp_path: Path) -> None:
    """A CSV file is opened; what is saved, opened again, is the same."""
    file = tmp_path / "mine.csv"
    file.write_text("a;b;c\n0,5;1;x\n-0,5;1;y\n0,25;-1;y\n", encoding="utf-8")
    page = open_page("#data=own")
    page.set_input_files("#own-file", file)
    page.wait_for_function("() => playground.page.points.n === 3")
    with page.expect_download() as saved:
        page.click("#save-points")
    saved.value.save_as(file)
    first, *rows = file.read_text(encoding="utf-8").splitlines()
    assert first == "x1,x2,class,validation"
    assert [row.rpartition(",")[0] for row in rows] == ["0.5,1,0", "-0.5,1,1", "0.25,-1,1"]
    assert sorted(row[-1] for row in rows) == ["0", "0", "1"]
    page.set_input_files("#own-file", file)
    page.wait_for_function("() => playground.page.points.names[0] === '0'")


def test_the_keyboard_reaches_everything(open_page: Open) -> None:
    """Tab comes by every control; arrows go from unit to unit; the letters work and can be off."""
    page = open_page()
    page.keyboard.press("s")
    page.keyboard.press("s")
    assert page.evaluate(STEP) == 2
    page.focus("#f-lr")
    page.keyboard.press("s")
    assert page.evaluate(STEP) == 2
    reached = set()
    page.focus("#run")
    for _ in range(140):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("() => document.activeElement.id || document.activeElement.className")
        )
    wanted = {"step", "epoch", "reset", "speed", "f-optimizer", "f-hidden", "unit", "plane", "log"}
    assert {*wanted, "sample", "weight-layer", "copy-python", "keys"} <= reached
    page.focus(".unit")
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert page.inner_text("#h-plane") == "Unit 2 of hidden layer 1"
    page.focus("#plane")
    page.keyboard.press("ArrowUp")
    assert re.match(r"x₁ .*, x₂ .*: class [01], \d+ %", page.inner_text("#aside"))
    page.uncheck("#keys")
    page.focus("#reset")
    page.keyboard.press("s")
    assert page.evaluate(STEP) == 2


@pytest.mark.parametrize("width", [360, 800, 1366])
@pytest.mark.parametrize(
    "link", ["", "#hidden=12-12-12-12-12-12&data=blobs&optimizer=nadam", "#data=own"]
)
def test_nothing_reaches_beyond_the_window(width: int, link: str, open_page: Open) -> None:
    """On a phone, a tablet and a projector all of the page is inside the window, and has a name."""
    page = open_page(link, viewport={"width": width, "height": 740})
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.evaluate(NAMELESS) == []


def test_less_motion_where_it_is_asked_for(open_page: Open) -> None:
    """With prefers-reduced-motion a running training is drawn about once a second."""
    page = open_page(reduced_motion="reduce")
    page.evaluate(
        "() => { playground.seen = new Set();"
        " new MutationObserver(() => playground.seen.add(playground.page.training.t))"
        ".observe(document.getElementById('c-step'), { childList: true }); }"
    )
    page.click("#run")
    page.wait_for_timeout(3500)
    page.click("#run")
    assert 1 <= page.evaluate("() => playground.seen.size") <= 5
    assert page.evaluate(STEP) > 30


def test_divergence_is_told(open_page: Open) -> None:
    """Weights that leave the finite numbers end the run with a sentence; the page goes on."""
    page = open_page("#data=xor&optimizer=sgd&lr=100&activation=identity&l2=10&hidden=12-12-12")
    for _ in range(60):
        page.click("#epoch")
    assert "left the finite numbers" in page.evaluate(MESSAGE)
    page.click("#reset")
    page.click("#step")
    assert page.evaluate(STEP) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_told_from_the_page(theme: str) -> None:
    """Texts have a contrast of 4.5 to what lies behind them, lines and points one of 3."""
    css = (FOLDER / "style.css").read_text(encoding="utf-8")
    light, dark = re.findall(r"^:root.*?\{(.*?)^\}", css, re.DOTALL | re.MULTILINE)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", light if theme == "light" else dark))
    for back in ("page", "card"):
        for name in ("ink", "muted", "accent", "train", "validation"):
            assert contrast(colours[name], colours[back]) >= 4.5, (name, back)
        for name in colours:
            if name.startswith(("class-", "layer-", "plus", "minus", "edge")):
                assert contrast(colours[name], colours[back]) >= 3, (name, back)
    assert contrast(colours["accent"], colours["on-accent"]) >= 4.5
    assert contrast(colours["ink"], colours["warn-page"]) >= 4.5


def test_colours_are_those_of_the_palette() -> None:
    """The page's colours are the project's: what a name means in one place it means in all."""
    css = (FOLDER / "style.css").read_text(encoding="utf-8")
    themes = re.findall(r"^:root.*?\{(.*?)^\}", css, re.DOTALL | re.MULTILINE)
    for text, colours in zip(themes, (palette.LIGHT, palette.DARK), strict=True):
        found = dict(re.findall(r"--([\w-]+): (#\w{6})", text))
        del found["on-accent"]  # paper or ink, whichever stands out
        hues = ROLES | {
            f"layer-{i}": hue for i, hue in enumerate([*palette.LINES, palette.GREY], 1)
        }
        assert found == {name: colours[hues.get(name, name)] for name in found}
    assert set(re.findall(r"#[0-9a-f]{6}", css)) == set(
        re.findall(r"#[0-9a-f]{6}", "".join(themes))
    )


def contrast(a: str, b: str) -> float:
    """WCAG's ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_files_are_short_and_stay_at_home(path: Path) -> None:
    """Every file is read in one sitting, and names no address but the drawing's own standard."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|import)\s*\(", text)
    assert 'type="module"' not in text


def test_links_lead_to_chapters() -> None:
    """Every chapter that the page links to is one of the derivations."""
    text = (FOLDER / "js" / "formulas.js").read_text(encoding="utf-8")
    chapters = re.findall(r'[A-Z]: "(\d\d-\w+)"', text)
    assert len(chapters) == 9
    assert all((ROOT / "docs" / "derivations" / f"{name}.md").is_file() for name in chapters)
