"""Laws of what is settled before the first trial."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr
from deltarule.sweeps.searches import Search, search_for

pytest.importorskip("optuna", reason="needs Optuna")
LR = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}}


def search(space: Any = LR, data: Any = "digits", **given: Any) -> Search:
    """A search with everything by default."""
    options: dict[str, Any] = {
        "recipe": "default",
        "changes": {},
        "trials": 5,
        "study": None,
        "metric": None,
        "sampler": "tpe",
        "pruner": "median",
        "timeout": None,
        "storage": None,
    }
    return search_for(data, space, **{**options, **given})


def test_what_is_settled() -> None:
    """The metric is what the runs monitor; its direction is the metric's own."""
    found = search(metric="val_accuracy")
    assert found.recipe.monitor == found.metric == "val_accuracy"
    assert found.greater_is_better
    assert found.name == found.data["name"] == "digits"
    by_default = search()
    assert by_default.metric == "val_loss"
    assert not by_default.greater_is_better
    assert search(changes={"monitor": "val_accuracy"}).metric == "val_accuracy"


def test_a_trial_differs_in_what_is_searched() -> None:
    """The recipe of a trial is the common one with its changes."""
    found = search()
    tried = found.trial_recipe({"lr": 0.05, "optimizer.beta1": 0.8})
    assert tried == dataclasses.replace(
        found.recipe, lr=0.05, optimizer={"name": "adam", "beta1": 0.8}
    )


def test_a_grid_has_so_many_trials_as_points() -> None:
    """Of a grid no more trials are wanted than it has points."""
    assert search({"batch_size": {"choices": [8, 16]}}, sampler="grid").trials == 2
    with pytest.raises(dr.InvalidInput, match="grid needs a step, or choices, for lr"):
        search(sampler="grid")


def test_all_mistakes_at_once() -> None:
    """Options, recipe, space and store in one message."""
    with pytest.raises(dr.InvalidInput) as caught:
        search(
            {"lrr": {"low": 1, "high": 2}},
            changes={"epochs": 0},
            trials=0,
            timeout=-1,
            sampler="tpee",
            pruner="medina",
            study=" ",
            storage="mysql://a:secret@b/c",
        )
    told = caught.value.sentences
    for word in ("trials", "timeout", "'tpe'?", "'median'?", "study", "epochs", "'lr'?", "mysql"):
        assert any(word in sentence for sentence in told), word
    assert len(told) == 8
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("space", "given", "says"),
    [
        (LR, {"metric": "val_acuracy"}, r"Unknown metric 'val_acuracy'.*'val_accuracy'\?"),
        (LR, {"metric": 5}, "Unknown metric 5"),
        (LR, {"changes": {"validation": 0}}, "no rows are held out"),
        (
            {"loss": {"choices": ["cross_entropy", "squared_error"]}},
            {},
            r"val_loss means something else in each trial.*val_accuracy",
        ),
        (
            {"lr": {"low": 0.1, "high": 1.0}, "weight_decay": {"low": 0.1, "high": 1.0}},
            {},
            r"With lr = 1.0, weight_decay = 1.0.*lr × weight_decay is 1",
        ),
        (
            {"loss": {"choices": ["cross_entropy", "squared_error"]}},
            {"metric": "val_accuracy"},
            r"With loss = 'squared_error'.*is for regression",
        ),
        (
            {"hidden_layer_sizes": {"depth": 2, "width": {"low": 8, "high": 10**8}}},
            {},
            r"hidden_layer_sizes = \[100000000, 100000000\] is in the space, but: .*smaller",
        ),
        (LR, {"recipe": 5}, "recipe must be a Recipe"),
        (5, {}, "path"),
    ],
)
def test_what_shows_only_with_the_data(space: Any, given: Any, says: str) -> None:
    """A metric that there is not, and corners of the space that a training would refuse."""
    with pytest.raises(dr.DeltaruleError, match=says):
        search(space, **given)


def test_what_must_agree(tmp_path: Path) -> None:
    """The definition is of plain values, without what may differ from machine to machine."""
    one = search(changes={"data_dir": str(tmp_path), "checkpoint_every": "1 s"}).definition()
    assert one == search().definition()
    assert one != search(changes={"epochs": 3}).definition()
    assert one != search({"lr": {"low": 1e-3, "high": 1e-1}}).definition()
    assert one != search(metric="val_accuracy").definition()
    assert one == search({"lr": dict(LR["lr"])}, trials=50, study="b").definition()
