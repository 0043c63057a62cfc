"""From settings to layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.machine.layers import BatchNorm, Dense, Dropout, LayerNorm
from deltarule.network.construction import build_layers


def layers_of(**options: Any) -> dict[str, Any]:
    """The layers of a small network."""
    return build_layers(dr.Network([5, 4, 3, 2], **options).settings)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, "dense1 relu1 dense2 relu2 dense3"),
        ({"activation": ["tanh", "gelu"]}, "dense1 tanh1 dense2 gelu2 dense3"),
        (
            {"normalization": "batch", "dropout": 0.5},
            "dense1 batchnorm1 relu1 dropout1 dense2 batchnorm2 relu2 dropout2 dense3",
        ),
        (
            {"normalization": "layer", "dropout": [0.0, 0.5]},
            "dense1 layernorm1 relu1 dense2 layernorm2 relu2 dropout2 dense3",
        ),
    ],
)
def test_order(options: dict[str, Any], names: str) -> None:
    """Dense, normalisation, activation, dropout, for every hidden layer; then Dense alone."""
    assert list(layers_of(**options)) == names.split()


def test_shapes_and_biases() -> None:
    """Each Dense joins two sizes; before a batch normalisation it has no bias."""
    layers = layers_of(normalization="batch", dropout=0.25)
    assert [(layers[f"dense{i}"].n_in, layers[f"dense{i}"].n_out) for i in (1, 2, 3)] == [
        (5, 4),
        (4, 3),
        (3, 2),
    ]
    assert [layers[f"dense{i}"].bias for i in (1, 2, 3)] == [False, False, True]
    assert isinstance(layers["batchnorm1"], BatchNorm)
    assert isinstance(layers["dropout1"], Dropout)
    assert layers["dropout1"].rate == 0.25
    assert isinstance(layers_of(normalization="layer")["layernorm2"], LayerNorm)
    assert all(
        layer.bias
        for layer in layers_of(normalization="layer").values()
        if isinstance(layer, Dense)
    )


def test_parameters_of_the_report() -> None:
    """The report's network has as many parameters as the report counts by hand."""
    net = dr.Network([3072, 100, 100, 50, 10])
    by_hand = 3072 * 100 + 100 + 100 * 100 + 100 + 100 * 50 + 50 + 50 * 10 + 10
    assert net.n_parameters == by_hand == net.chain.theta.size


def test_initial_weights_are_a_function_of_the_seed() -> None:
    """The same seed gives the same bytes, another one others; biases start at zero."""
    nets = [dr.Network([5, 4, 2], seed=seed) for seed in (3, 3, 4)]
    assert nets[0].chain.theta.tobytes() == nets[1].chain.theta.tobytes()
    assert nets[0].chain.theta.tobytes() != nets[2].chain.theta.tobytes()
    assert not nets[0].parameters["dense1.b"].any()
    assert nets[0].parameters["dense1.W"].all()


def test_layers_draw_differently() -> None:
    """Layers of equal shape do not start equal."""
    net = dr.Network([4, 4, 4, 4])
    weights = [net.parameters[f"dense{i}.W"] for i in (1, 2, 3)]
    assert not np.allclose(weights[0], weights[1])
    assert not np.allclose(weights[1], weights[2])
