"""Laws of the page of a run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from strict_page import Page

from deltarule.ground.errors import InvalidInput
from deltarule.report.markdown import escaped
from deltarule.report.pages import run_markdown, run_page

pytestmark = pytest.mark.usefixtures("drawn_once")
Make = Callable[..., dict[str, Any]]


def changes_of(kind: str, hostile: list[str]) -> dict[str, Any]:
    """What makes the facts of a classifier those of another kind of run."""
    if kind == "regression":
        y = np.linspace(0, 1, 50)
        return {
            "task": "regression",
            "confusion": None,
            "first_layer": None,
            "scatter": {"y": y, "prediction": y[:, None]},
            "calibration": None,
            "mistakes": {
                "rows": [{"true": 5.0, "predicted": 2.0}],
                "wrong": None,
                "n": 50,
                "columns": ["age", "job"],
                "cells": [[3.0, "clerk"]],
            },
        }
    if kind == "diverged":
        bad = {"train_loss": math.nan, "val_loss": math.inf, "train_accuracy": math.nan}
        return {"history": [{"epoch": 1} | bad] * 2, "warnings": ["Training diverged at step 7."]}
    if kind == "100 classes":
        return {"confusion": np.eye(100), "class_names": None}
    if kind == "1000 classes":
        return {"confusion": np.eye(1000), "class_names": np.array(["name"] * 1000)}
    if kind == "hostile":
        return {
            "title": hostile[0] + hostile[2],
            "data": {"name": hostile[0], "n_train": 5},
            "class_names": hostile,
            "recipe": "\n".join(hostile) + "</pre><script>alert(1)</script>",
            "command": hostile[0],
            "engine": hostile[6],
            "monitor": hostile[6],
            "warnings": hostile,
            "versions": {name: name for name in hostile},
            "layers": [dict.fromkeys(("name", "detail", "output"), name) for name in hostile],
            "history": [
                {f"val_{hostile[6]}": 0.5, f"train_{hostile[2]}": 0.5}
                | {f"ratio_{name}": 0.1 for name in hostile}
                | {f"dead_{name}": 0.1 for name in hostile}
            ],
            "mistakes": {
                "rows": [
                    {"true": name, "predicted": name, "confidence": 0.9, "of_true": 0.1}
                    for name in hostile
                ],
                "wrong": 10,
                "n": 20,
                "columns": hostile,
                "cells": [hostile] * len(hostile),
            },
        }
    return {}


KINDS = ["plain", "regression", "diverged", "100 classes", "1000 classes", "hostile"]


@pytest.fixture(params=KINDS, scope="module")
def html(request: pytest.FixtureRequest, make_facts: Make, hostile: list[str]) -> str:
    """The page of one kind of run."""
    return run_page(make_facts(**changes_of(request.param, hostile)))


def test_pages_are_well_formed_and_fetch_nothing(html: str) -> None:
    """Balanced HTML, no script, no handler, no address; a policy forbids the rest."""
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "img", "base", "form"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:"))
    assert "<script" not in html
    assert not re.search("https?://", html)
    policies = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    assert policies
    assert "default-src 'none'" in str(policies[0])
    html.encode("utf-8")


def test_ids_are_unique_and_references_hit(html: str) -> None:
    """No two pictures share an id; labels and links point at something."""
    page = Page(html)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for target in (attributes.get("aria-labelledby") or "").split():
            assert target in ids
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids


def test_pages_can_be_heard(html: str) -> None:
    """Language, landmarks, heading order, captions, scopes, titles of pictures."""
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    assert all(len(page.all(tag)) == 1 for tag in ("header", "main", "footer", "h1"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))
    pictures = page.all("svg")
    assert pictures
    assert all(p["role"] == "img" for p in pictures)
    assert len(page.all("desc")) == len(pictures)


def test_pages_stay_small(html: str) -> None:
    """Every kind of page is below 500 kB."""
    assert len(html.encode()) < 500_000


def test_the_worst_page_stays_small(make_facts: Make, hostile: list[str]) -> None:
    """Ten thousand noisy epochs of ten metrics and a hundred layers, 1,000 classes, large colour
    images and a recipe of a megabyte: below 500 kB, every part still there."""
    random = np.random.default_rng(0)
    names = [
        f"{split}_{q}" for q in ("loss", "accuracy", *"abcdefgh") for split in ("train", "val")
    ]
    names += [f"{kind}_dense{i}" for kind in ("ratio", "dead") for i in range(100)]
    history = [
        {"epoch": e, "seconds": e + 0.5, "lr": float(random.random())}
        | dict(zip(names, random.random(len(names)).tolist(), strict=True))
        for e in range(1, 3001)
    ]
    y = random.normal(size=3000)
    mistakes = make_facts()["mistakes"] | {
        "images": random.integers(0, 256, (12, 96, 96, 3)).astype(np.uint8)
    }
    facts = make_facts(
        history=history,
        scatter={"y": y, "prediction": y},
        confusion=random.integers(0, 9, (200, 200)),
        class_names=[hostile[0] * 5] * 200,
        first_layer={"W": random.normal(size=(3 * 96 * 96, 50)), "image_shape": (3, 96, 96)},
        mistakes=mistakes,
        recipe='<a href="x">' * 100_000,
        warnings=hostile * 5,
    )
    html = run_page(facts)
    assert len(html.encode()) < 500_000
    for part in ("Learning curves", "Inside the network", "First-layer", "Confusion", "mistakes"):
        assert part in html


def test_the_same_facts_give_the_same_bytes(make_facts: Make, drawn_once: dict[bytes, Any]) -> None:
    """A page holds no time of its making and no random name."""
    page = run_page(make_facts())
    drawn_once.clear()
    assert run_page(make_facts()) == page


def test_the_result_comes_first(make_facts: Make) -> None:
    """The headline stands in the title and the h1, and warnings before the figures."""
    html = run_page(make_facts(warnings=["It diverged."]))
    assert "<h1>52.1\u00a0% validation accuracy after epoch 14 of 20</h1>" in html
    assert "<title>52.1\u00a0% validation accuracy" in html
    assert html.index("It diverged.") < html.index("<svg")


def test_no_line_breaks_between_a_number_and_its_unit(make_facts: Make) -> None:
    """Numbers keep their units, but what is to be copied stays as it is."""
    recipe, command = 'checkpoint_every = "10 s"', "deltarule train --checkpoint-every '10 s'"
    html = run_page(make_facts(recipe=recipe, command=command, seconds=185.0))
    assert "in 3\u00a0min\u00a005\u00a0s." in html
    outside = re.sub(r"<(pre|svg|style)\b.*?</\1>", "", html, flags=re.S)
    assert not re.findall(r"\d (?:%|s\b|min\b|h\b)", outside)
    assert sum("10 s" in block for block in re.findall(r"<pre.*?</pre>", html, flags=re.S)) == 2


def test_what_facts_lack_is_left_out() -> None:
    """A title alone makes a page without any section."""
    page = Page(run_page({"title": "nothing yet"}))
    assert page.all("section") == []
    assert "nothing yet" in page.text


@pytest.mark.parametrize(
    ("fact", "part"),
    [
        ("confusion", "Confusion matrix"),
        ("first_layer", "First-layer weights"),
        ("recipe", "Recipe"),
        ("history", "Learning curves"),
        ("history", "Inside the network"),
        ("calibration", "How sure it is"),
        ("mistakes", "Most confident mistakes"),
        ("layers", "The network"),
        ("versions", "Versions"),
    ],
)
def test_each_part_goes_with_its_fact(make_facts: Make, fact: str, part: str) -> None:
    """A page has a part exactly if it has its fact."""
    facts = {"title": "t", fact: make_facts()[fact]}
    assert part in Page(run_page(facts)).text
    del facts[fact]
    assert part not in Page(run_page(facts)).text


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (0.5, "too sure of themselves by 10.0\u00a0% on average"),
        (0.7, "not sure enough, by 10.0\u00a0% on average"),
        (0.6004, "neither too sure nor too unsure on average"),
    ],
)
def test_calibration_in_words(make_facts: Make, right: float, said: str) -> None:
    """The caption tells which way the network errs about itself, and by how much."""
    found = {"n": [100], "confidence": [0.6], "right": [right], "error": 0.1, "bins": 15}
    assert said in run_page(make_facts(calibration=found))


def test_hostile_names_are_shown_as_they_are(make_facts: Make, hostile: list[str]) -> None:
    """Markup in a name is text on the page, and nothing else."""
    page = Page(run_page(make_facts(**changes_of("hostile", hostile))))
    assert hostile[0] in page.text
    assert "</pre><script>alert(1)</script>" in page.text
    assert hostile[6] in page.text
    assert "\u202e" not in page.text


def test_facts_that_do_not_fit_are_refused_at_once(make_facts: Make) -> None:
    """All problems of a call stand in one message."""
    facts = make_facts(class_names=["a", "b"])
    del facts["title"]
    with pytest.raises(InvalidInput, match=r"2 problems: .*title.*class_names"):
        run_page(facts)
    with pytest.raises(InvalidInput, match="as many rows as columns"):
        run_page(make_facts(confusion=np.zeros((2, 3))))


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_holds_the_same(kind: str, make_facts: Make, hostile: list[str]) -> None:
    """The text has the headline, the parts and a file for every picture, and nothing hostile."""
    facts = make_facts(**changes_of(kind, hostile))
    text, files = run_markdown(facts)
    assert text.startswith("# ")
    assert set(re.findall(r"\]\(([^)]*)\)", text)) == set(files)
    assert all(svg.startswith("<svg ") for svg in files.values())
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "<" not in outside
    assert escaped(facts["title"], 120) in text
    assert text.count("Learning curves") == 1


def test_markdown_is_refused_as_a_page_is() -> None:
    """Facts without a title make no document either."""
    with pytest.raises(InvalidInput, match="title"):
        run_markdown({})
