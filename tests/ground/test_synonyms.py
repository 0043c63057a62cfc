"""Names from elsewhere lead to ours."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import deltarule as dr
from deltarule.ground.errors import did_you_mean, names_in
from deltarule.ground.synonyms import SYNONYMS, WITH, synonym_of
from deltarule.mathematics import activations, initializers, losses, metrics, optimizers, schedules
from deltarule.runs.recipes import Recipe

TABLES = (activations, initializers, losses, metrics, optimizers, schedules)
OURS = {
    *(name for table in TABLES for name in names_in(table)),
    *(field.name for field in dataclasses.fields(Recipe)),
    *(name for name in dir(dr.Network) if not name.startswith("_")),
}


def test_each_leads_somewhere() -> None:
    """The first name behind each is one of the library's, or of scikit-learn's scorers."""
    for theirs, ours in SYNONYMS.items():
        assert ours[0] in OURS | {"roc_auc"}, theirs
        assert theirs == theirs.casefold().replace("_", "").replace("-", "")
    assert set(WITH) <= set(SYNONYMS)


def test_a_synonym_goes_before_a_spelling() -> None:
    """swish is silu, although mish is spelled nearer; what is not known is not offered."""
    assert did_you_mean("Swish", names_in(activations)) == " Did you mean 'silu'?"
    assert did_you_mean("AdamW", names_in(optimizers)) == " Did you mean 'adam' with weight_decay?"
    assert did_you_mean("leaky-ReLU", names_in(activations)) == " Did you mean 'leaky_relu'?"
    assert synonym_of("swish", ["relu"]) is None
    assert synonym_of(3, ["relu"]) is None


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"activation": "swish"}, "'silu'"),
        ({"activation": "logistic"}, "'sigmoid'"),
        ({"optimizer": "adamw"}, "'adam' with weight_decay"),
        ({"loss": "mse"}, "'squared_error'"),
        ({"initializer": "kaiming_normal"}, "'he'"),
        ({"schedule": "cosine_annealing"}, "'cosine'"),
    ],
    ids=str,
)
def test_a_network_knows_them(given: dict[str, Any], hint: str) -> None:
    """A network's parts by names from elsewhere."""
    with pytest.raises(dr.InvalidInput, match=rf"Did you mean {hint}\?"):
        dr.Network([4, 3, 2], **given)
