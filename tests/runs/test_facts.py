"""What a report needs to know of a run, as plain values."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.dataset import Dataset, Table
from deltarule.runs.facts import run_facts, versions
from deltarule.runs.preparation import Prepared, prepare
from deltarule.runs.recipes import recipe_from

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))


def made(
    y: Any, data: Any = X, image_shape: Any = None, **changes: Any
) -> tuple[Prepared, dict[str, Any]]:
    """A trained network and its facts."""
    recipe = recipe_from({}, {"hidden_layer_sizes": [5], "epochs": 2, **changes})
    prepared = prepare(recipe, Dataset("made", data, np.asarray(y), image_shape=image_shape))
    history = prepared.network.train(
        prepared.X, prepared.y, prepared.X_val, prepared.y_val, epochs=2, progress=False
    )
    return prepared, run_facts(prepared.recipe, prepared, history, "the command", ["careful"])


def test_classes() -> None:
    """The confusion matrix counts the held-out rows by true class and prediction."""
    y = np.array(["a", "b", "c"], object)[np.arange(60) % 3]
    prepared, facts = made(y)
    predicted = prepared.network.predict(np.asarray(prepared.X_val))
    expected = [
        [int(((prepared.y_val == t) & (predicted == p)).sum()) for p in "abc"] for t in "abc"
    ]
    assert facts["confusion"].tolist() == expected
    assert facts["class_names"] == ["a", "b", "c"]
    assert facts["data"]["n_val"] == facts["confusion"].sum() == 12
    accuracy = np.trace(facts["confusion"]) / 12
    assert facts["history"][facts["best_epoch"] - 1]["val_accuracy"] == pytest.approx(accuracy)


def test_two_classes_at_one_output() -> None:
    """One output makes a matrix of two by two."""
    _, facts = made(np.arange(60) % 2, loss="binary_cross_entropy")
    assert facts["confusion"].shape == (2, 2)
    assert facts["data"]["n_outputs"] == 1


def test_numbers() -> None:
    """Numbers are shown against their predictions, in their units."""
    y = 1000 + 50 * X[:, 0]
    prepared, facts = made(y)
    np.testing.assert_allclose(facts["scatter"]["y"], prepared.y_val, rtol=1e-6)
    np.testing.assert_array_equal(
        facts["scatter"]["prediction"], prepared.network.predict(np.asarray(prepared.X_val))
    )
    assert "confusion" not in facts
    assert facts["task"] == "regression"


def test_quantiles() -> None:
    """Of several quantiles the one nearest to the median is shown."""
    prepared, facts = made(1000 + 50 * X[:, 0], loss={"name": "quantile", "level": [0.9, 0.4]})
    np.testing.assert_array_equal(
        facts["scatter"]["prediction"], prepared.network.predict(np.asarray(prepared.X_val))[:, 1]
    )


def test_images() -> None:
    """For images the first layer's weights are shown."""
    pixels = RNG.integers(0, 256, (60, 12)).astype(np.uint8)
    prepared, facts = made(np.arange(60) % 3, pixels, (3, 2, 2))
    assert facts["first_layer"]["image_shape"] == (3, 2, 2)
    np.testing.assert_array_equal(
        facts["first_layer"]["W"], prepared.network.parameters["dense1.W"]
    )
    assert "first_layer" not in made(np.arange(60) % 3)[1]


def test_a_table() -> None:
    """Of a table it is told how many columns its features were made from."""
    table = Table({"x": X[:, 0], "kind": np.array(["a", "b", "c"] * 20, object)})
    data = made(np.arange(60) % 2, table)[1]["data"]
    assert (data["n_columns"], data["n_features"]) == (2, 4)


def test_without_validation() -> None:
    """Where nothing was held out there is nothing to show of it."""
    _, facts = made(np.arange(60) % 3, validation=0)
    assert facts["data"]["n_val"] == 0
    assert not {"confusion", "scatter"} & set(facts)


def test_what_every_report_says() -> None:
    """Data, task, course, size, recipe, versions, command and warnings."""
    prepared, facts = made(np.arange(60) % 3)
    assert facts["data"] == {
        "name": "made",
        "n_train": 48,
        "n_val": 12,
        "n_features": 4,
        "n_outputs": 3,
    }
    assert facts["parameters"] == prepared.network.n_parameters
    assert [layer["name"] for layer in facts["layers"]] == list(prepared.network.chain.layers)
    assert facts["recipe"] == prepared.recipe.to_toml()
    assert facts["command"] == "the command"
    assert facts["warnings"] == ["careful"]
    assert facts["title"].startswith("made")


def test_versions() -> None:
    """The versions that numbers may depend on are those that run."""
    found = versions()
    assert found["deltarule"] == dr.__version__
    assert found["numpy"] == np.__version__
    assert re.fullmatch(r"3\.\d+\.\d+.*", found["python"])
    assert found["system"]
    assert "torch" not in found
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    assert versions("cpu")["torch"] == torch.__version__
