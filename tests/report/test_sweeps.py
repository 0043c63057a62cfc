"""Laws of the page of a sweep."""

from __future__ import annotations

import re
from typing import Any

import pytest
from strict_page import Page

from deltarule.ground.errors import InvalidInput
from deltarule.report.sweeps import sweep_page


def trial(i: int, name: str = "adam") -> dict[str, Any]:
    """A trial with everything; every third one is pruned."""
    state = "pruned" if i % 3 == 2 else "complete"
    return {
        "trial": i,
        "state": state,
        "value": None if state == "pruned" else 0.9 - 0.01 * i,
        "last": 0.8,
        "epochs": 5,
        "seconds": 2.0,
        "reason": f"{name} was worse." if state == "pruned" else "",
        "changes": {"lr": 0.01 * i, "hidden_layer_sizes": [8, 8 + i], "optimizer": name},
        "parameters": {
            "lr": 0.01 * i,
            "hidden_layer_sizes.depth": 2,
            "hidden_layer_sizes.width1": 8,
            "hidden_layer_sizes.width2": 8 + i,
            "optimizer": name,
        },
    }


def facts(n: int = 12, name: str = "adam", **changes: Any) -> dict[str, Any]:
    """What a sweep of n trials found."""
    return {
        "title": f"digits: {name}",
        "study": name,
        "store": name,
        "data": {"name": name, "rows": 1797},
        "metric": "val_loss",
        "greater_is_better": False,
        "sampler": "tpe",
        "pruner": "median",
        "wanted": n,
        "trials": [trial(i, name) for i in range(n)],
        "best_trial": n - 2 + n % 2,
        "best_value": 0.8,
        "best_recipe": f"lr = 0.01  # {name}",
        "logarithmic": ["lr"],
        "importances": {"lr": 0.9, "optimizer": 0.1},
        "importances_missing": "",
        "seconds": 2.0 * n,
        "command": f"deltarule sweep {name}",
        "versions": {name: "1"},
    } | changes


def test_the_page_is_whole_and_fetches_nothing(hostile: list[str]) -> None:
    """Balanced HTML, no script, no handler, no address, unique ids; hostile names are text."""
    for name in ["adam", *hostile]:
        html = sweep_page(facts(name=name))
        page = Page(html)
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "iframe", "object", "embed", "img", "base", "form"}
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids))
        for _, attributes in page.elements:
            assert not [key for key in attributes if key.startswith("on")]
            for target in (attributes.get("aria-labelledby") or "").split():
                assert target in ids
            if (attributes.get("href") or "").startswith("#"):
                assert attributes["href"][1:] in ids
        assert not re.search("https?://", html)
        html.encode("utf-8")
    assert hostile[0] in Page(sweep_page(facts(name=hostile[0]))).text


def test_the_page_stays_small() -> None:
    """A thousand trials make a page below 500 kB, and the same bytes each time."""
    html = sweep_page(facts(1000))
    assert len(html.encode()) < 500_000
    assert html == sweep_page(facts(1000))


def test_the_result_comes_first() -> None:
    """The best value is the headline; the cost, the recipe and the command are there."""
    text = Page(sweep_page(facts())).text
    assert "0.8 validation loss in trial 10" in text
    assert "33\u00a0% in pruned trials" in text
    assert "lr = 0.01" in text
    assert "deltarule sweep adam" in text
    assert "8 · 18" in text


def test_a_sweep_that_found_nothing() -> None:
    """Without trials, and with pruned ones only, there is a page that says so."""
    bare = {"title": "t", "metric": "val_loss", "greater_is_better": False}
    assert "No trial is complete yet" in sweep_page({**bare, "trials": []})
    pruned = {**trial(2), "last": None}
    assert "No trial is complete yet" in sweep_page({**bare, "trials": [pruned]})
    few = facts(importances={}, importances_missing="Too few to tell.")
    assert "Too few to tell." in sweep_page(few)


def test_facts_that_lack_what_is_needed() -> None:
    """All that is missing is told in one message."""
    with pytest.raises(InvalidInput, match=r"3 problems: .*trials.*metric"):
        sweep_page({"title": "t"})
