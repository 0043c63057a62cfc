"""Laws of the pictures of a sweep."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from deltarule.report import sweep_plots


def record(trial: int, value: float | None, **parameters: Any) -> dict[str, Any]:
    """A trial."""
    return {"trial": trial, "value": value, "last": 0.5, "parameters": parameters}


RECORDS = [
    record(
        i, None if i % 3 == 2 else 0.5 + 0.01 * i, lr=10.0 ** -(i % 5), kind="ab"[i % 2], n=i % 4
    )
    for i in range(20)
]
PICTURES = {
    "objective": lambda r: sweep_plots.objective(r, "val_accuracy", True),
    "slice": lambda r: sweep_plots.slice_of(r, "lr", "val_accuracy", 4, True),
    "categories": lambda r: sweep_plots.slice_of(r, "kind", "val_loss", None, False),
    "coordinates": lambda r: sweep_plots.coordinates(
        r, ["lr", "kind", "n", "gone"], "val_accuracy", True, ["lr"]
    ),
    "importances": lambda r: sweep_plots.importances({"lr": 0.7, "kind": 0.3}),
}
RECORD_SETS = {
    "some": RECORDS,
    "none": [],
    "one": [record(0, 0.5, lr=0.1, kind="a", n=1)],
    "none complete": [record(0, None, lr=0.1)],
    "not finite": [record(0, float("nan"), lr=0.1), record(1, 1e300, lr=0.2, kind=None)],
    "equal": [record(i, 0.5, lr=0.1, kind="a") for i in range(3)],
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("records", RECORD_SETS)
def test_pictures_of_anything(name: str, records: str) -> None:
    """Each picture is an SVG with a title and a description, whatever the trials came to."""
    svg = PICTURES[name](RECORD_SETS[records])
    root = ElementTree.fromstring(svg)
    words = [child.text for child in root if child.tag.endswith(("title", "desc"))]
    assert len(words) == 2
    assert all(words)
    assert "NaN" not in svg
    assert PICTURES[name](RECORD_SETS[records]) == svg


def test_what_the_pictures_say() -> None:
    """How many are complete and pruned, and where the best went."""
    svg = PICTURES["objective"](RECORDS)
    assert "14 complete and 6 pruned trials." in svg
    assert "from 50.0 % to 69.0 %" in svg
    assert "lr 70 %, kind 30 %" in PICTURES["importances"]([])
    assert re.search(r"14 of 14 complete trials", PICTURES["coordinates"](RECORDS))


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("hidden_layer_sizes.depth", "hidden layers"),
        ("hidden_layer_sizes.width3", "units in layer 3"),
        ("optimizer.beta1", "optimizer.beta1"),
    ],
)
def test_parameters_in_words(name: str, spoken: str) -> None:
    """What a sampler calls by a path has a name for people."""
    assert sweep_plots.parameter_name(name) == spoken
