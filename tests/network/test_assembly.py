"""From the arguments of a training to a training that is ready to run."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.network.assembly import assemble

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = np.array(["no", "yes"] * 6)


def given(**changes: Any) -> dict[str, Any]:
    """The arguments of `train` with their defaults."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(dr.Network.train).parameters.items()
        if name != "self"
    }
    return {**defaults, "X": X, "y": Y, "progress": False, **changes}


def test_ready_to_run() -> None:
    """The plan holds what was asked for; scaling and classes are learned; nothing has moved."""
    net = dr.Network([3, 4, 2], scaling="feature", l2=0.5)
    before, own = net.chain.theta.copy(), net.preprocessing
    prepared, training = assemble(
        net.chain, own, 7, given(epochs=3, batch_size=5, engine="reference", X_val=X, y_val=Y)
    )
    plan = training.plan
    assert (plan.epochs, plan.batch_size, plan.seed, plan.l2) == (3, 5, 7, 0.5)
    assert plan.engine == training.history.engine == "reference"
    assert training.total_steps == training.optimizer.total == 9
    assert training.history.monitor == "val_loss"
    assert prepared.scaling is not None
    np.testing.assert_allclose(prepared.scaling.shift, X.mean(0))
    assert training.rows.y.tolist() == [0, 1] * 6
    assert net.preprocessing is own
    np.testing.assert_array_equal(net.chain.theta, before)


def test_all_problems_at_once() -> None:
    """Wrong rows, numbers and words are told in one message."""
    net = dr.Network([3, 4, 2])
    wrong = given(epochs=0, engine="fats", precision="half", X_val=X, sample_weight=[1])
    with pytest.raises(dr.InvalidInput) as caught:
        assemble(net.chain, net.preprocessing, 0, wrong)
    assert len(caught.value.sentences) == 5
    for word in ("epochs", "'fats'", "'half'", "y_val is missing", "sample_weight"):
        assert any(word in sentence for sentence in caught.value.sentences), word


def test_the_engines_reasons_are_problems_too(core: Any) -> None:
    """What speaks against engine="fast" is told with all other mistakes."""
    net = dr.Network([3, 4, 2], normalization="layer")
    with pytest.raises(dr.InvalidInput, match="2 problems") as caught:
        assemble(net.chain, net.preprocessing, 0, given(epochs=0, engine="fast"))
    assert "layernorm1" in caught.value.sentences[1]
