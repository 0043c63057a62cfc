"""Chains and trainings in the core's words, and whole sentences for what it cannot do."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.scaling import Scaling
from deltarule.engine.description import (
    core_rows,
    core_scaling,
    describe_chain,
    describe_training,
    loss_words,
)
from deltarule.ground.errors import names_in
from deltarule.ground.options import options_of
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, Dense, Dropout
from deltarule.mathematics import activations, losses, optimizers


def described(precision: str = "full", **settings: Any) -> Any:
    """The description of a network's training."""
    net = dr.Network([5, 4, 3, 2], **settings)
    s = net.settings
    return describe_training(
        net.chain, net.objective, s.optimizer.function, s.optimizer.options, precision=precision
    )


CORE_LOSSES = [name for name in names_in(losses) if name != "half_squared_error"]


def reason(**settings: Any) -> str:
    """What speaks against a network, one sentence."""
    (sentence,) = described(**settings).reasons
    assert sentence[0].isupper()
    assert sentence[-1] == "."
    return sentence


def test_words() -> None:
    """Sizes, functions with their option, dropout with its place, the loss, the rule."""
    found = described(
        activation=["relu", {"name": "elu", "alpha": 0.5}],
        dropout=[0.0, 0.25],
        loss={"name": "cross_entropy", "label_smoothing": 0.1},
        optimizer={"name": "sgd", "momentum": 0.9, "nesterov": True},
    )
    assert found.reasons == ()
    assert found.words == {
        "sizes": [5, 4, 3, 2],
        "activations": [("relu", 0.0), ("elu", 0.5)],
        "dropout": [(0.0, 0), (0.25, 4)],  # dense1, relu1, dense2, elu2, dropout2
        "dtype": "float32",
        "loss": ("cross_entropy", 0.1),
        "rule": ("sgd", 0.9, 0.0, 1.0, True),
        "bf16": False,
    }


def test_a_chain_without_hidden_layers() -> None:
    """A single dense layer has no activations and no dropout."""
    words = describe_chain(dr.Network([5, 2]).chain).words
    assert words == {"sizes": [5, 2], "activations": [], "dropout": [], "dtype": "float32"}


def test_no_activation_is_the_identity() -> None:
    """Where a hidden layer has no activation, its dropout keeps its place in the chain."""
    words = describe_chain(dr.Network([5, 4, 2], activation=None, dropout=0.5).chain).words
    assert words["activations"] == [("identity", 0.0)]
    assert words["dropout"] == [(0.5, 1)]


@pytest.mark.parametrize("name", names_in(activations))
def test_every_activation(name: str) -> None:
    """Each has a name in the core, and at most one option, whose default is told, too."""
    defaults = list(options_of(getattr(activations, name)).values())
    assert len(defaults) <= 1
    found = described(activation=name, dtype="float64")
    assert found.reasons == ()
    assert found.words["activations"] == [(name, *(defaults or [0.0]))] * 2


@pytest.mark.parametrize("name", CORE_LOSSES)
def test_every_loss(name: str) -> None:
    """Each but one has its own name in the core, and at most one option."""
    defaults = list(options_of(getattr(losses, name)).values())
    assert len(defaults) <= 1
    found = described(loss=name)
    assert found.reasons == ()
    assert found.words["loss"] == (name, *(defaults or [0.0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_half_the_squared_error_is_hubers(dtype: str) -> None:
    """It is huber's loss with the largest δ of the dtype."""
    found = described(loss="half_squared_error", dtype=dtype)
    assert found.reasons == ()
    assert found.words["loss"] == ("huber", np.finfo(dtype).max)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("sgd", ("sgd", 0.0, 0.0, 1.0, False)),
        ({"name": "rmsprop", "rho": 0.9}, ("rmsprop", 0.9, 0.0, 1e-8, False)),
        ({"name": "adam", "epsilon": 1e-6}, ("adam", 0.9, 0.999, 1e-6, False)),
        ({"name": "nadam", "beta2": 0.99}, ("nadam", 0.9, 0.99, 1e-8, False)),
        ("lion", ("lion", 0.9, 0.99, 1.0, False)),
    ],
)
def test_every_rule(rule: Any, expected: tuple[Any, ...]) -> None:
    """Each rule's numbers stand where the core looks for them."""
    found = described(optimizer=rule)
    assert found.reasons == ()
    assert found.words["rule"] == expected


def test_every_rule_is_tested() -> None:
    """A new rule needs a line above."""
    assert names_in(optimizers) == ["adam", "lion", "nadam", "rmsprop", "sgd"]


def test_the_core_knows_every_name(core: Any) -> None:
    """The compiled core lists every activation, loss and rule of the library."""
    assert sorted(core.ACTIVATIONS) == sorted(names_in(activations))
    assert sorted(core.LOSSES) == sorted(CORE_LOSSES)
    assert sorted(core.RULES) == sorted(names_in(optimizers))


def test_a_name_that_the_core_lacks(fake: Any) -> None:
    """An older core is not asked for what it does not list."""
    fake.ACTIVATIONS = ("tanh",)
    fake.LOSSES = fake.RULES = ()
    assert described(activation="relu").reasons == (
        "The engine does not know the activation relu.",
        "The engine does not know the optimizer adam.",
        "The engine does not know the loss cross_entropy.",
    )


# -- what it cannot do ----------------------------------------------------------------------------


def test_normalisation() -> None:
    """A layer that the core does not know is named."""
    assert "layernorm1 is a LayerNorm" in " ".join(described(normalization="layer").reasons)
    batch = " ".join(described(normalization="batch").reasons)
    assert "batchnorm1 is a BatchNorm" in batch
    assert "dense1 has no bias" in batch


def test_functions_of_ones_own() -> None:
    """A function of one's own is another one, even under a name of the library's."""

    def relu(x: Any) -> Any:
        return x, lambda g: g

    @dr.losses.declare("regression")
    def mine(y: Any, z: Any, weight: Any, total: float) -> Any:
        return dr.losses.squared_error(y, z, weight, total)

    @dr.optimizers.rule(slots=1)
    def slow(theta: Any, grad: Any, state: Any, work: Any, lr: Any) -> None:
        theta -= lr * grad

    assert "activation relu is a function of your own" in reason(activation=relu)
    assert "loss mine is a function of your own" in reason(loss=mine)
    assert "optimizer slow is a function of your own" in reason(optimizer=slow)


def test_partials_of_the_librarys_are_known() -> None:
    """A partial that binds an option is the function with that option."""
    found = described(activation=functools.partial(activations.leaky_relu, slope=0.3))
    assert found.reasons == ()
    assert found.words["activations"] == [("leaky_relu", 0.3)] * 2


def test_several_quantile_levels() -> None:
    """The engine takes one level, as a number or as a list of one."""
    assert "several quantile levels" in reason(loss={"name": "quantile", "level": [0.1, 0.9]})
    one = functools.partial(losses.quantile, level=(0.3,))
    words: list[str] = []
    assert loss_words(one, "float32", words) == ("quantile", 0.3)
    assert words == []


def test_a_denormal_epsilon() -> None:
    """An ε that is no normal number of the dtype would vanish."""
    tiny = {"name": "adam", "epsilon": 1e-45}
    assert "epsilon is 1e-45" in reason(optimizer=tiny)
    assert described(optimizer=tiny, dtype="float64").reasons == ()


def test_bf16_needs_float32() -> None:
    """Half products go with float32 weights."""
    assert described(precision="bf16").words["bf16"]
    assert "bf16" in reason(precision="bf16", dtype="float64")


@pytest.mark.parametrize(
    ("layers", "word"),
    [
        ([Activation(activations.relu), Dense(3, 2)], "layer0 stands where"),
        ([Dense(3, 2), Activation(activations.relu)], "last layer is a dense one"),
        ([Dense(3, 2), Dropout(0.5)], "last layer is a dense one"),
        (
            [Dense(3, 2), Dropout(0.5), Activation(activations.relu), Dense(2, 2)],
            "layer2 stands where",
        ),
        (
            [Dense(3, 2), Activation(activations.relu), Activation(activations.relu), Dense(2, 2)],
            "layer2 stands where",
        ),
        ([Dense(3, 2, bias=False)], "layer0 has no bias"),
        ([Dense(3, 2), Dense(3, 2)], "layer1 does not take"),
        ([], "last layer is a dense one"),
    ],
)
def test_other_chains(layers: list[Any], word: str) -> None:
    """A chain of another shape is the reference's, whoever made it."""
    chain = Chain({f"layer{i}": layer for i, layer in enumerate(layers)})
    assert any(word in sentence for sentence in describe_chain(chain).reasons)


def test_other_dtypes() -> None:
    """What computes in neither float32 nor float64 is the reference's."""
    chain = Chain({"dense": Dense(3, 2)}, np.complex128)
    assert "not in complex128" in describe_chain(chain).reasons[0]


# -- rows -----------------------------------------------------------------------------------------

VALUES = np.array([[0, 1, 100], [7, 1, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_rows_are_not_copied(dtype: Any) -> None:
    """What the core can read it reads where it lies, whatever its strides."""
    rows = VALUES.astype(dtype)
    for view in (rows, rows[:, ::-1], rows.T, np.asfortranarray(rows)[::-1]):
        assert np.shares_memory(core_rows(view, np.float32), view)


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [
        (bool, np.uint8),
        (np.int8, np.float32),
        (np.int16, np.float32),
        (np.float16, np.float32),
        (np.int32, np.float64),
        (np.int64, np.float64),
        (np.uint64, np.float64),
        (np.longdouble, np.float64),
        (">f4", np.float64),
    ],
)
def test_other_rows_become_what_the_scaling_computes_in(dtype: Any, becomes: Any) -> None:
    """Each dtype has its way, and the scaled rows are those of the reference."""
    rows = VALUES.astype(dtype)
    taken = core_rows(rows, np.dtype(np.float32))
    assert taken.dtype == becomes
    scaling = Scaling("feature", np.array([1.0, 2.0, 0.1]), np.array([0.5, 3.0, 1.0]))
    expected = scaling(rows, np.dtype(np.float32))
    np.testing.assert_array_equal(scaling(taken, np.dtype(np.float32)), expected)


def test_rows_that_are_not_aligned() -> None:
    """Numbers that begin at an odd address are copied."""
    raw = np.zeros(6 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(2, 3)
    raw[...] = VALUES
    if raw.flags.aligned:
        pytest.skip("this processor has no odd addresses")
    taken = core_rows(raw, np.float32)
    assert taken.flags.aligned
    np.testing.assert_array_equal(taken, raw)


def test_scaling() -> None:
    """One number for each feature, float64, also where the scaling has one for all."""
    one = core_scaling(Scaling("unit", np.array(2.0), np.array(0.5)), 3)
    assert one["scaled"]
    assert one["shift"].tolist() == [2.0] * 3
    assert one["factor"].tolist() == [0.5] * 3
    assert one["shift"].dtype == np.float64
    assert one["shift"].flags.c_contiguous
    assert not core_scaling(Scaling("none", np.zeros(()), np.ones(())), 3)["scaled"]
