"""Arms: values of the command line, names, folders."""

from __future__ import annotations

from typing import Any

import pytest

import deltarule as dr
from deltarule.comparisons.arms import (
    arms_of_grid,
    arms_of_recipes,
    combinations,
    common_keys,
    folder_name,
    parse_variations,
    split_values,
)
from deltarule.ground.errors import Problems
from deltarule.runs.recipes import recipe_from


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b", ["a", "b"]),
        ("a, b ,c", ["a", "b", "c"]),
        ("100,50;200", ["100,50", "200"]),
        ("[100,50];[200]", ["[100,50]", "[200]"]),
        ("[100,50],[200]", ["[100,50]", "[200]"]),
        ('{name = "sgd", momentum = 0.9},adam', ['{name = "sgd", momentum = 0.9}', "adam"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ("a", ["a"]),
        ("a,,b", ["a", "", "b"]),
    ],
)
def test_split_values(text: str, values: list[str]) -> None:
    """Commas separate, or semicolons where there are some; never within brackets or quotes."""
    assert split_values(text) == values


@pytest.mark.parametrize("text", ["[1,2", "'a", "{a=[1}", '"x'])
def test_what_is_not_closed(text: str) -> None:
    """A bracket or a quote that is not closed is named."""
    with pytest.raises(dr.InvalidInput, match="lack a closing"):
        split_values(text)


def test_parse_variations() -> None:
    """Values are read as those of --set, in the order of the keys."""
    problems = Problems()
    words = ["lr=0.1,.01", "hidden_layer_sizes=100,50;[20]", "clip_norm=none,1", "schedule=a,b;c"]
    assert parse_variations(words, "--vary", problems) == {
        "lr": [0.1, 0.01],
        "hidden_layer_sizes": [[100, 50], [20]],
        "clip_norm": [None, 1],
        "schedule": [["a", "b"], "c"],
    }
    assert not problems


def test_parse_variations_tells_every_mistake() -> None:
    """Mistakes are collected, each with the option's name."""
    problems = Problems()
    parse_variations(["lr", "=1,2", "a=1,2", "a=3,4", "b=1,,2", "c=[1"], "--vary", problems)
    with pytest.raises(dr.InvalidInput, match="5 problems") as error:
        problems.raise_if_any()
    assert sum("--vary" in sentence for sentence in error.value.sentences) == 4


def test_combinations() -> None:
    """The last key varies fastest; nothing is one empty combination."""
    assert combinations({"a": [1, 2], "b": [3, 4]}) == [
        {"a": 1, "b": 3},
        {"a": 1, "b": 4},
        {"a": 2, "b": 3},
        {"a": 2, "b": 4},
    ]
    assert combinations({}) == [{}]


@pytest.mark.parametrize(
    ("vary", "names"),
    [
        ({"optimizer": ["sgd", "adam"]}, ["sgd", "adam"]),
        ({"weight_decay": [0, 0.02]}, ["weight_decay 0", "weight_decay 0.02"]),
        ({"clip_norm": [None, 1.0]}, ["no clip_norm", "clip_norm 1"]),
        ({"schedule": ["linear", None]}, ["linear", "no schedule"]),
        (
            {"hidden_layer_sizes": [[8], [9, 7]]},
            ["hidden_layer_sizes [8]", "hidden_layer_sizes [9, 7]"],
        ),
        ({"optimizer": ["adam", {"name": "sgd", "momentum": 0.5}]}, ["adam", "sgd momentum 0.5"]),
        ({"optimizer.beta1": [0.8, 0.9]}, ["optimizer.beta1 0.8", "optimizer.beta1 0.9"]),
        (
            {"optimizer": ["sgd", "adam"], "l2": [0, 1]},
            ["sgd, l2 0", "sgd, l2 1", "adam, l2 0", "adam, l2 1"],
        ),
    ],
)
def test_arms_of_a_grid(vary: dict[str, list[Any]], names: list[str]) -> None:
    """Each combination is an arm, called for what it changes."""
    problems = Problems()
    arms = arms_of_grid("default", {}, vary, [], problems)
    problems.raise_if_any()
    assert [arm.name for arm in arms] == names
    assert [arm.changes for arm in arms] == combinations(vary)
    assert len({arm.folder for arm in arms}) == len(arms)


def test_arms_of_recipes() -> None:
    """Recipes of every kind; changes are what they do not have in common."""
    problems = Problems()
    given = ["report", "report-best", {"lr": 0.5}, recipe_from({"lr": 0.25}, {})]
    arms = arms_of_recipes(given, {"epochs": 3}, [], problems)
    problems.raise_if_any()
    assert [arm.name for arm in arms[:2]] == ["report", "report-best"]
    assert [arm.recipe.lr for arm in arms] == [0.008, 0.004, 0.5, 0.25]
    assert {arm.recipe.epochs for arm in arms} == {3}
    assert all("epochs" not in arm.changes and "lr" in arm.changes for arm in arms)
    assert common_keys([arm.recipe for arm in arms])["epochs"] == 3


def test_names_and_folders() -> None:
    """Names may be anything; their folders are safe and differ, whatever the system folds."""
    taken: list[str] = []
    for name in ("a/b", "A b", "../..", "<script>", "ß", "x" * 300, "con:1"):
        taken.append(folder_name(name, taken))
    assert len({name.casefold() for name in taken}) == len(taken)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzA0123456789-_.") for name in taken)
    assert all(not name.startswith(".") and len(name) < 70 for name in taken)
