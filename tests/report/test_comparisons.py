"""Laws of the page of a comparison."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from deltarule.ground.errors import InvalidInput
from deltarule.report.comparisons import comparison_markdown, comparison_page
from deltarule.report.markdown import escaped

from .test_pages import Page

pytestmark = pytest.mark.usefixtures("drawn_once")
Make = Callable[..., dict[str, Any]]
KINDS = ("two", "six", "one seed", "diverged", "all diverged", "hostile", "twenty", "loss", "bare")


def facts_of(kind: str, make: Make, hostile: list[str]) -> dict[str, Any]:
    """The facts of one kind of comparison."""
    if kind == "six":
        return make([f"arm {c}" for c in "abcdef"])
    if kind == "one seed":
        return make(seeds=1)
    if kind == "diverged":
        return make(["adam", "sgd", "lion"], diverged=["sgd"], all_diverged=["lion"])
    if kind == "all diverged":
        return make(all_diverged=["adam", "sgd"])
    if kind == "twenty":
        return make([f"optimizer=adam, weight_decay={i / 100}" for i in range(20)])
    if kind == "loss":
        return make(metric={"name": "val_loss", "greater_is_better": False}, target=1.5)
    if kind == "bare":
        return {"title": "nothing yet"}
    if kind == "hostile":
        return make(
            hostile,
            title=hostile[0] + hostile[2],
            verdict=hostile,
            warnings=hostile,
            data={"name": hostile[0], "n_train": 5},
            recipe="\n".join(hostile) + "</pre><script>alert(1)</script>",
            command=hostile[0],
            versions={name: name for name in hostile},
            diverged=[hostile[0]],
        )
    return make()


@pytest.fixture(params=KINDS, scope="module")
def facts(request: pytest.FixtureRequest, make_comparison: Make, hostile: list[str]) -> Any:
    """The facts of one kind of comparison, as JSON hands them over."""
    return json.loads(json.dumps(facts_of(request.param, make_comparison, hostile)))


@pytest.fixture(scope="module")
def html(facts: dict[str, Any]) -> str:
    """Their page."""
    return comparison_page(facts)


def test_pages_are_well_formed_and_fetch_nothing(html: str) -> None:
    """Balanced HTML below 500 kB, no script, no handler, no address; a policy forbids the rest."""
    page = Page(html)
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "object", "embed", "img"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert not re.search("https?://", html)
    assert "default-src 'none'" in html
    assert len(html.encode()) < 500_000


def test_pages_can_be_heard(html: str) -> None:
    """Unique ids that references hit, landmarks, headings in order, scopes, titles of pictures."""
    page = Page(html)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        targets = (attributes.get("aria-labelledby") or "").split()
        assert set(targets) <= set(ids)
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids
    assert all(len(page.all(tag)) == 1 for tag in ("header", "main", "footer", "h1"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))
    assert all(p["role"] == "img" for p in page.all("svg"))
    assert len(page.all("desc")) == len(page.all("svg"))


def test_the_verdict_comes_first(make_comparison: Make) -> None:
    """Title, verdict and warnings stand in this order before any picture or table."""
    html = comparison_page(make_comparison(warnings=["Timings shared two cores."]))
    places = [
        html.index(part, html.index("<body>"))
        for part in (
            "<h1>", "adam reached 42\u00a0% in", "no evidence of a difference", "Timings shared",
            "<svg", "<table",
        )
    ]  # fmt: skip
    assert places == sorted(places)


def test_every_answer_is_there(make_comparison: Make) -> None:
    """Means with spread and interval, differences with p, speed, tuning, changes, what n shows."""
    text = Page(comparison_page(make_comparison())).text
    for part in (
        "50.44 ± 0.70\u00a0% (49.57 to 51.31)",
        "3.342 ± 0.036 (3.297 to 3.387)",
        "0.32 ± 0.65 points",
        "0.0625",
        "0.125",
        "the smallest two-sided p that the exact permutation test can give is 0.0625",
        "lr = 0.003",
        "optimizer = sgd",
        "chosen",
        "at 13.0\u00a0s",
        "to 42.0\u00a0%",
        "deltarule compare cifar10",
        "hidden_layer_sizes = [100, 100, 50]",
        "2 at a time on 2 cores",
    ):
        assert part in text, part


def test_one_seed_has_no_interval(make_comparison: Make) -> None:
    """A single seed is called one, without ± and without a test."""
    text = Page(comparison_page(make_comparison(seeds=1))).text
    assert "One seed shows no spread" in text
    assert "one seed has no interval" in text
    table = text[text.index("Arm by arm") : text.index("Speed against")]
    assert "±" not in table


def test_runs_that_diverged_are_named(make_comparison: Make) -> None:
    """Arm, seed and reason of each; an arm without any run that ended is in no picture."""
    facts = make_comparison(["adam", "sgd", "lion"], diverged=["sgd"], all_diverged=["lion"])
    page = comparison_page(facts)
    text = Page(page).text
    assert "Runs that failed" in text
    assert text.count("Training diverged: the loss was not finite.") == 6
    assert "1 of 3 had no run that ended" in text
    assert "4 of 5" in text
    assert "Runs that failed" not in comparison_page(make_comparison())


@pytest.mark.parametrize(
    "key",
    ["verdict", "warnings", "metric", "seeds", "level", "smallest_p", "target", "equal_time",
     "data", "arms", "differences", "tuning", "recipe", "command", "versions", "machine"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["missing", None])
def test_what_is_missing_is_left_out(make_comparison: Make, key: str, value: Any) -> None:
    """Without any one key, or with null for it, there is a page."""
    facts = make_comparison(epochs=4)
    facts[key] = value
    if value == "missing":
        del facts[key]
    assert "</html>" in comparison_page(facts)


@pytest.mark.parametrize(
    "key",
    ["changes", "tuned", "parameters", "runs", "best", "end", "at_equal_time", "to_target",
     "seconds", "name"],
)  # fmt: skip
def test_arms_may_lack_anything(make_comparison: Make, key: str) -> None:
    """So may each arm."""
    facts = make_comparison(epochs=4)
    for arm in facts["arms"]:
        del arm[key]
    assert "</html>" in comparison_page(facts)


def test_the_worst_page_stays_small(make_comparison: Make, hostile: list[str]) -> None:
    """A hundred arms with long hostile names and 500 epochs: below 500 kB, all parts there."""
    facts = make_comparison([f"{hostile[0] * 6}{i}" for i in range(100)], seeds=3, epochs=500)
    html = comparison_page(facts)
    assert len(html.encode()) < 500_000
    assert "more rows are left out" in html
    assert "the 11 best others" in html


def test_the_same_facts_give_the_same_bytes(
    make_comparison: Make, drawn_once: dict[bytes, Any]
) -> None:
    """A page holds no time of its making and no random name."""
    page = comparison_page(make_comparison())
    drawn_once.clear()
    assert comparison_page(make_comparison()) == page


def test_markdown_holds_the_same(facts: dict[str, Any]) -> None:
    """The verdict first, every picture in a file of its own, no markup from a name."""
    text, files = comparison_markdown(facts)
    assert set(re.findall(r"\]\(([^)]*)\)", text)) == set(files)
    outside = re.sub(r"(`{3,}).*?\1", "", text, flags=re.DOTALL)
    assert "<" not in outside
    blocks = text.split("\n\n")
    assert blocks[0] == f"# {escaped(facts['title'], 120)}"
    if facts.get("verdict"):
        assert blocks[1] == escaped(facts["verdict"][0])


def test_a_title_is_needed() -> None:
    """Facts without a title are refused in a sentence."""
    with pytest.raises(InvalidInput, match="needs a title"):
        comparison_page({})
    with pytest.raises(InvalidInput, match="needs a title"):
        comparison_markdown({})


def test_numbers_that_are_none(make_comparison: Make) -> None:
    """NaN, infinities, text and null where numbers should be make a page."""
    for wrong in (math.nan, math.inf, "?", None, 1e308):
        facts = make_comparison(epochs=4)
        facts["target"] = wrong
        for arm in facts["arms"]:
            arm["best"] = {"n": 5, "mean": wrong, "sd": wrong, "low": wrong, "high": wrong}
            for run in arm["runs"]:
                run["best"] = run["seconds"] = wrong
                run["history"][1]["val_accuracy"] = wrong
        for row in (*facts["differences"], *facts["tuning"]):
            row["mean"] = row["sd"] = wrong
        assert "</html>" in comparison_page(facts)
