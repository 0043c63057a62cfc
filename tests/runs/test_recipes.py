"""Recipes: everything that a run depends on, as one readable value."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.ground.errors import FileRefused, InvalidInput, NotAvailable
from deltarule.runs.recipes import (
    SETTINGS,
    TRAINING,
    Recipe,
    builtin_recipes,
    find_recipe,
    parse_value,
    recipe_from,
    settled_recipe,
)

laws = settings(deadline=None, derandomize=True)


def test_the_defaults_are_a_recipe() -> None:
    """A recipe that says nothing is complete and allowed."""
    recipe = recipe_from({}, {})
    assert recipe == Recipe()
    recipe.check()


@pytest.mark.parametrize("name", builtin_recipes())
def test_built_in(name: str) -> None:
    """Each built-in recipe is allowed, and says in one line what it is for."""
    recipe = recipe_from(find_recipe(name), {})
    assert recipe.description
    assert "\n" not in recipe.description


def test_the_reports_recipe() -> None:
    """The recipe of the report has the report's numbers."""
    recipe = recipe_from(find_recipe("report"), {})
    assert recipe.data == "cifar10"
    assert recipe.hidden_layer_sizes == [100, 100, 50]
    assert (recipe.activation, recipe.optimizer) == ("relu", "adam")
    assert (recipe.lr, recipe.lr_decay, recipe.weight_decay) == (0.008, 1e-4, 0.02)
    assert recipe.epochs == 20
    assert not recipe.schedule


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer.beta1": 0.95, "schedule": ["warmup", "cosine"], "patience": 3},
        {"loss": {"name": "huber", "delta": 2.0}, "description": 'θ "quoted"\n', "clip_norm": 1.0},
        {"loss": {"name": "quantile", "level": [0.1, 0.5, 0.9]}},
        {"image_size": [8, 8], "metrics": ["f1_macro"], "target": "a b", "hidden_layer_sizes": []},
    ],
)
def test_toml_round_trip(changes: dict[str, Any]) -> None:
    """A recipe written as TOML is read back as the same recipe."""
    recipe = recipe_from({}, changes)
    assert recipe_from(tomllib.loads(recipe.to_toml()), {}) == recipe


def test_the_fields_are_arguments() -> None:
    """What a recipe hands on are arguments of the network and of its training, by name."""
    fields = {field.name for field in dataclasses.fields(Recipe)}
    assert set(SETTINGS) <= fields & set(inspect.signature(dr.Network.__init__).parameters)
    assert set(TRAINING) <= fields & set(inspect.signature(dr.Network.train).parameters)
    assert not set(SETTINGS) & set(TRAINING)


def test_each_field_has_a_help() -> None:
    """The command line can say of every key what it is."""
    assert all(field.metadata["help"] for field in dataclasses.fields(Recipe))


def test_later_changes_win() -> None:
    """The command line changes the file, the file the defaults."""
    recipe = recipe_from({"lr": 0.5, "epochs": 3}, {"lr": 0.25})
    assert (recipe.lr, recipe.epochs) == (0.25, 3)
    assert recipe.batch_size == Recipe().batch_size


def test_options_of_parts() -> None:
    """A key with a dot sets an option of the part that stands, and keeps its others."""
    recipe = recipe_from(
        {"optimizer": {"name": "adam", "beta2": 0.9}},
        {"optimizer.beta1": 0.5, "optimizer.beta2": 0.8},
    )
    assert recipe.optimizer == {"name": "adam", "beta2": 0.8, "beta1": 0.5}
    assert recipe_from({}, {"optimizer.epsilon": 1e-6}).optimizer == {
        "name": "adam",
        "epsilon": 1e-6,
    }
    assert recipe_from({"loss": "huber"}, {"loss.delta": 2}).loss == {"name": "huber", "delta": 2}


def test_several_levels_from_the_command_line() -> None:
    """Levels with commas are a list of numbers."""
    recipe = recipe_from({}, {"loss": "quantile", "loss.level": parse_value("0.1,0.5,.9")})
    assert recipe.loss == {"name": "quantile", "level": [0.1, 0.5, 0.9]}


def test_one_hidden_layer_needs_no_list() -> None:
    """A number is one layer, for the command line's sake."""
    assert recipe_from({}, {"hidden_layer_sizes": 64}).hidden_layer_sizes == [64]


def test_all_mistakes_at_once() -> None:
    """Unknown keys are told together; so are wrong values."""
    with pytest.raises(InvalidInput) as caught:
        recipe_from({"learning_rate": 1}, {"epchs": 3})
    assert len(caught.value.sentences) == 2
    with pytest.raises(InvalidInput) as caught:
        recipe_from(
            {"lr": -1, "epochs": 0, "task": "x", "image_size": 5}, {"seed": -1, "loss": "y"}
        )
    assert len(caught.value.sentences) == 6


toml_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@laws
@given(value=toml_values)
def test_toml_is_parsed_as_toml(value: Any) -> None:
    """What TOML would write is read as TOML."""
    import tomli_w

    text = tomli_w.dumps({"value": value}).removeprefix("value = ")
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 0.001),
        (".001", 0.001),
        ("5.", 5.0),
        ("relu", "relu"),
        ("relu,tanh", ["relu", "tanh"]),
        ("100,50", [100, 50]),
        ("0.1, .2", [0.1, 0.2]),
        ("none", None),
        ("None", None),
        ("true", True),
        ("False", False),
        ("[1, 2]", [1, 2]),
        ("'a,b'", "a,b"),
        ('{name = "elu", alpha = 2}', {"name": "elu", "alpha": 2}),
        ("../data/x.csv", "../data/x.csv"),
        ("", ""),
        ("inf", float("inf")),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_words_of_the_command_line(text: str, value: Any) -> None:
    """Numbers, words, lists without brackets, none, true and tables in short."""
    assert parse_value(text) == value


def test_files(tmp_path: Path) -> None:
    """A recipe may be a file, in UTF-8."""
    (tmp_path / "mine.toml").write_text('description = "θ"\nlr = 0.5\n', encoding="utf-8")
    assert find_recipe(str(tmp_path / "mine.toml")) == {"description": "θ", "lr": 0.5}


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (None, NotAvailable, "no such file"),
        (b"lr = = 1", FileRefused, "not a TOML file"),
        (b"\xff\xfe", FileRefused, "not a TOML file"),
        (b"a=" + b"[" * 5000, FileRefused, "not a TOML file"),
        (b"# " + b"x" * 2_000_000, FileRefused, "2,000,002 bytes"),
    ],
)
def test_bad_files(
    tmp_path: Path, content: bytes | None, error: type[Exception], says: str
) -> None:
    """What is missing, no TOML, too deep or too large is told with the file's name."""
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        find_recipe(str(path))
    assert "recipe.toml" in str(caught.value)


def test_a_recipe_from_before_there_were_pieces() -> None:
    """What a run wrote down without the key is a run whose numbers were whole."""
    assert settled_recipe({"data": "t.csv"}).pieces == 0
    assert settled_recipe({"data": "t.csv", "pieces": 8}).pieces == 8
    assert recipe_from({"data": "t.csv"}, {}).pieces == "auto"
