"""A network's arguments, checked, as one value."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest

from deltarule.ground.errors import InvalidInput
from deltarule.mathematics import schedules
from deltarule.network.settings import Settings, settings_from

DEFAULTS: dict[str, Any] = {
    "sizes": [4, 8, 6, 3],
    "activation": "relu",
    "dropout": 0.0,
    "normalization": None,
    "loss": "cross_entropy",
    "optimizer": "adam",
    "schedule": None,
    "lr_decay": 0.0,
    "weight_decay": 0.0,
    "l2": 0.0,
    "initializer": "he",
    "scaling": "auto",
    "standardize_targets": "auto",
    "classes": None,
    "dtype": "float32",
    "seed": 0,
}


def made(**changes: Any) -> Settings:
    """Settings with changes."""
    return settings_from({**DEFAULTS, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": ["tanh", {"name": "elu", "alpha": 0.5}], "dropout": [0.1, 0.2]},
        {"schedule": ["warmup", {"name": "cosine", "end": 0.1}], "lr_decay": 1e-4},
        {"loss": {"name": "huber", "delta": 2.0}, "standardize_targets": False},
        {"loss": {"name": "quantile", "level": (0.9, 0.1, 0.5)}},
        {"loss": {"name": "quantile", "level": np.array([0.5, 0.1, 0.2])}},
        {"classes": ["c", "a", "b"], "dtype": np.float64, "seed": np.int64(7)},
        {"sizes": np.array([4, 3]), "optimizer": {"name": "sgd", "nesterov": True}},
        {"normalization": "batch", "scaling": "feature", "weight_decay": 1, "l2": 0.5},
    ],
)
def test_round_trip(changes: dict[str, Any]) -> None:
    """Settings written as JSON make the same settings again."""
    settings = made(**changes)
    again = settings_from(json.loads(json.dumps(settings.to_json())))
    assert again == settings
    assert again.to_json() == settings.to_json()


def test_one_value_for_all_layers() -> None:
    """One activation and one rate stand for every hidden layer."""
    settings = made(activation="tanh", dropout=0.25)
    assert [p.name for p in settings.activation] == ["tanh", "tanh"]
    assert settings.dropout == (0.25, 0.25)


def test_no_hidden_layer() -> None:
    """Without hidden layers there is nothing to activate or to leave out."""
    settings = made(sizes=[4, 3], dropout=0.5)
    assert settings.activation == settings.dropout == ()


def test_factor_is_the_product() -> None:
    """Schedules multiply, with e^(−k·t) of lr_decay among them."""
    settings = made(schedule=["cosine", {"name": "warmup", "length": 5}], lr_decay=0.01)
    factor = settings.factor()
    assert factor is not None
    for t in range(0, 100, 7):
        expected = (
            schedules.cosine(t, 100) * schedules.warmup(t, 100, length=5) * math.exp(-0.01 * t)
        )
        assert math.isclose(factor(t, 100), expected, rel_tol=1e-15)
    assert made().factor() is None


@pytest.mark.parametrize(
    ("loss", "standardized"),
    [("squared_error", True), ("huber", True), ("poisson", False), ("cross_entropy", False)],
)
def test_auto_standardises_numbers_but_counts(loss: str, standardized: bool) -> None:
    """Targets are standardised by default for regression, except counts."""
    assert made(loss=loss).standardize_targets is standardized


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
def test_dtypes(dtype: object) -> None:
    """A dtype may be named, or be NumPy's."""
    assert made(dtype=dtype).dtype == "float32"


@pytest.mark.parametrize("labels", [[2, 0, 1], ["b", "a", "c"], np.array(["x", "y", "z"])])
def test_classes_keep_their_order(labels: Any) -> None:
    """The labels stand in the order of the outputs, in Python's types."""
    assert made(classes=labels).classes == tuple(labels)


def test_two_classes_at_one_output() -> None:
    """One output tells two classes apart."""
    settings = made(sizes=[4, 1], loss="binary_cross_entropy", classes=["no", "yes"])
    assert settings.classes == ("no", "yes")


def test_mistakes_add_up() -> None:
    """Every pair of mistakes is told as two."""
    wrong = {
        "sizes": [4],
        "activation": "rleu",
        "dropout": 2,
        "normalization": "x",
        "loss": "x",
        "optimizer": "x",
        "schedule": "x",
        "lr_decay": -1,
        "weight_decay": "x",
        "l2": None,
        "initializer": "x",
        "scaling": "x",
        "standardize_targets": 5,
        "classes": 5,
        "dtype": "x",
        "seed": 0.5,
    }
    assert wrong.keys() == DEFAULTS.keys()
    for one, two in itertools.combinations(wrong, 2):
        with pytest.raises(InvalidInput) as caught:
            made(**{one: wrong[one], two: wrong[two]})
        assert len(caught.value.sentences) == 2, (one, two, str(caught.value))


def test_as_many_outputs_as_levels() -> None:
    """Several quantile levels need one output each; a single level takes any number of outputs."""
    with pytest.raises(InvalidInput, match="2 levels, and the last size is 3; it must be 2"):
        made(loss={"name": "quantile", "level": [0.1, 0.9]})
    assert made(loss={"name": "quantile", "level": 0.1}).sizes[-1] == 3
