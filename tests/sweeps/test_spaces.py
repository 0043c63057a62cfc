"""Laws of the space of a sweep: what is accepted, and every mistake at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.runs.recipes import Recipe, recipe_from
from deltarule.sweeps.domains import Choices, Layers, Span
from deltarule.sweeps.spaces import MOST_COMBINATIONS, STANDING, read_space, space_from

TOML = """
lr = {low = 1e-4, high = 1e-2, log = true}
batch_size = {choices = [32, 64]}
dropout = {low = 0, high = 0.5, step = 0.25}
epochs = {low = 2, high = 4}
optimizer.beta1 = {low = 0.8, high = 0.99}
normalization = {choices = ["none", "layer"]}
hidden_layer_sizes = {depth = [1, 3], width = {low = 8, high = 64, log = true}}
"""


def test_a_file(tmp_path: Path) -> None:
    """Each kind of line is what it says; an option of a part may be a table."""
    (tmp_path / "space.toml").write_text(TOML)
    space = space_from(read_space(tmp_path / "space.toml"), {})
    assert space.domains == {
        "lr": Span(1e-4, 1e-2, None, True, False),
        "batch_size": Choices((32, 64)),
        "dropout": Span(0.0, 0.5, 0.25),
        "epochs": Span(2, 4, None, False, True),
        "optimizer.beta1": Span(0.8, 0.99),
        "normalization": Choices((None, "layer")),
        "hidden_layer_sizes": Layers(1, 3, Span(8, 64, None, True, True)),
    }
    assert space.without_step() == ["lr", "optimizer.beta1"]
    assert space.count is None


def test_every_corner_is_a_recipe() -> None:
    """What a space accepts, recipes accept at its corners."""
    space = space_from({"lr": {"low": 1e-3, "high": 1}, "activation": {"choices": ["elu"]}}, {})
    corners = list(space.corners())
    assert len(corners) == 2
    for corner in corners:
        recipe_from({}, corner)


def test_many_corners_are_looked_at_one_by_one() -> None:
    """Of too many combinations every extreme value is still tried."""
    keys = ("lr", "l2", "weight_decay", "average", "lr_decay", "dropout", "min_delta", "clip_norm")
    given = {key: {"low": 0.125, "high": 0.5} for key in keys}
    given["batch_size"] = {"choices": [8, 16, 32]}
    corners = list(space_from(given, {}).corners())
    assert len(corners) < MOST_COMBINATIONS
    assert {c["batch_size"] for c in corners} == {8, 16, 32}
    assert all({c[key] for c in corners} == {0.125, 0.5} for key in keys)


def test_numbers_of_numpy_are_numbers() -> None:
    """A space made in Python may hold NumPy's scalars, and tuples."""
    space = space_from({"epochs": {"low": np.int64(1), "high": 3}, "lr": {"choices": (0.1,)}}, {})
    assert space.domains["epochs"] == Span(1, 3, None, False, True)
    assert space.given == {"epochs": {"low": 1, "high": 3}, "lr": {"choices": [0.1]}}


WRONG: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"lrr": {"low": 1, "high": 2}}, ("no key 'lrr'", "Did you mean 'lr'?")),
    ({"lr": 0.1}, ("lr must be such as", "0.1", "--set")),
    ({"lr": {"low": 1}}, ("lr lacks high", "choices")),
    ({"lr": {}}, ("lr lacks low and high",)),
    ({"lr": {"lo": 1, "high": 2}}, ("no field 'lo'", "Did you mean 'low'?")),
    ({"lr": {"low": 2, "high": 1}}, ("lr.low is 2", "above its high, 1", "swap")),
    ({"lr": {"low": 0, "high": 1, "log": True}}, ("above 0 on a log scale", "not 0")),
    ({"lr": {"low": "a", "high": 1}}, ("lr.low", "a number", "'a'")),
    ({"lr": {"low": float("nan"), "high": 1}}, ("lr.low", "finite", "nan")),
    ({"lr": {"low": 1e-3, "high": 1, "log": "yes"}}, ("lr.log", "True or False", "'yes'")),
    ({"lr": {"low": 1e-3, "high": 1, "log": True, "step": 1e-3}}, ("log and step", "leave one")),
    ({"lr": {"low": 0.1, "high": 1, "step": 2}}, ("lr.step", "at most", "not 2")),
    ({"lr": {"low": 0.1, "high": 1, "step": 0}}, ("lr.step", "above 0", "not 0")),
    ({"lr": {"low": 0, "high": 1}}, ("lr = 0.0 is in the space", "above 0")),
    ({"epochs": {"low": 1.5, "high": 3}}, ("epochs.low", "whole number", "1.5")),
    ({"batch_size": {"choices": []}}, ("batch_size.choices", "one value or more", "[]")),
    ({"batch_size": {"choices": 32}}, ("batch_size.choices", "a list", "32")),
    ({"batch_size": {"choices": [32, 32]}}, ("holds 32 twice",)),
    ({"batch_size": {"choices": [32], "low": 1}}, ("choices and low", "leave one")),
    ({"activation": {"choices": ["rleu"]}}, ("'rleu' is in the space", "Did you mean 'relu'?")),
    ({"hidden_layer_sizes": {"depth": [3, 1], "width": {"low": 1, "high": 2}}}, ("fewest",)),
    ({"hidden_layer_sizes": {"depth": [1, 2]}}, ("hidden_layer_sizes.width", "not None")),
    ({"hidden_layer_sizes": {"width": {"low": 1, "high": 2}}}, ("depth", "not None")),
    ({"hidden_layer_sizes": {"depth": [1, 2, 3], "width": {}}}, ("depth", "[1, 2, 3]")),
    ({"hidden_layer_sizes": {"depth": 1, "width": {"low": 0, "high": 2}}}, ("at least 1", "not 0")),
    ({"hidden_layer_sizes": {"depth": 1, "wdth": {}}}, ("'wdth'", "Did you mean 'width'?")),
    ({"lr.x": {"low": 1, "high": 2}}, ("lr has no options", "optimizer.beta1")),
    ({"optimizer.bta1": {"low": 0.1, "high": 0.2}}, ("no option 'bta1'", "mean 'beta1'?")),
    ({}, ("A space has a key", "lr = {low")),
]


@pytest.mark.parametrize(("given", "words"), WRONG, ids=[str(g)[:50] for g, _ in WRONG])
def test_mistakes(given: dict[str, Any], words: tuple[str, ...]) -> None:
    """Each mistake is told in a sentence with what was given, and what to do."""
    with pytest.raises(dr.InvalidInput) as caught:
        space_from(given, {})
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_all_mistakes_at_once() -> None:
    """Several mistakes are one message."""
    many: dict[str, Any] = {}
    for given, _ in WRONG[:3] + WRONG[14:16]:
        many.update(given)
    with pytest.raises(dr.InvalidInput) as caught:
        space_from(many, {})
    assert len(caught.value.sentences) == 4  # lr stands twice, and the later one counts


@pytest.mark.parametrize("key", STANDING)
def test_what_makes_trials_comparable_stands(key: str) -> None:
    """Data, validation rows and metrics are the same for all trials."""
    assert hasattr(Recipe(), key)
    with pytest.raises(dr.InvalidInput, match=f"{key} is the same for all trials"):
        space_from({key: {"choices": ["a", "b"]}}, {})


def test_files_that_are_none(tmp_path: Path) -> None:
    """A missing file, a folder, and one that is no TOML are one sentence each."""
    with pytest.raises(dr.NotAvailable, match=r"no\.toml.*cannot be read"):
        read_space(tmp_path / "no.toml")
    with pytest.raises(dr.NotAvailable, match="cannot be read"):
        read_space(tmp_path)
    (tmp_path / "bad.toml").write_text("lr = = 3")
    with pytest.raises(dr.FileRefused, match="is not a TOML file"):
        read_space(tmp_path / "bad.toml")
