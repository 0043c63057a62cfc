"""What a network consists of."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import deltarule as dr


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "batch", "dropout": 0.5, "activation": {"name": "elu", "alpha": 0.5}},
        {"normalization": "layer", "optimizer": "sgd", "dtype": "float64"},
    ],
)
def test_numbers_add_up(options: dict[str, object]) -> None:
    """The layers' parameters add up to the network's, and the memory is that of the vectors."""
    net = dr.Network([20, 10, 5, 3], **options)
    found = dr.summary(net)
    assert sum(layer["parameters"] for layer in found.layers) == found.parameters
    assert found.parameters == net.n_parameters
    assert [layer["name"] for layer in found.layers] == list(net.chain.layers)
    assert [layer["output"] for layer in found.layers][-1] == 3
    slots = 1 if options.get("optimizer") == "sgd" else 2
    assert found.training_bytes == (5 + slots) * net.chain.theta.nbytes
    values = sum(layer["output"] for layer in found.layers) + 20
    assert found.activation_bytes_per_row == values * net.chain.theta.itemsize


def test_table() -> None:
    """It prints as a table with a line for each layer, options and shapes included."""
    net = dr.Network(
        [3072, 100, 10],
        dropout=0.25,
        normalization="batch",
        activation={"name": "elu", "alpha": 2.0},
    )
    text = str(dr.summary(net))
    for words in (
        ("dense1", "3072 → 100, he", "(n, 100)", "307,200"),
        ("batchnorm1", "ε 1e-05", "200"),
        ("elu1", "alpha=2", "0"),
        ("dropout1", "rate 0.25"),
        ("dense2", "(n, 10)", "1,010"),
    ):
        (line,) = [line for line in text.splitlines() if line.startswith(words[0] + " ")]
        assert all(word in line for word in words), line
    assert text.splitlines()[0] == repr(net)
    assert "308,410 parameters; training holds 8.64 MB" in text


@pytest.mark.parametrize(
    ("sizes", "unit"), [([1, 2], "bytes"), ([99, 99, 9], "kB"), ([999, 999], "MB")]
)
def test_units(sizes: list[int], unit: str) -> None:
    """Memory is told in the unit that people would take."""
    text = str(dr.summary(dr.Network(sizes)))
    assert f" {unit}, and" in text


@pytest.mark.parametrize(("average", "vectors"), [(0.0, 0), (0.9, 2)])
def test_memory_is_what_a_training_holds(average: float, vectors: int) -> None:
    """The number is the bytes of θ's length that live in the middle of a monitored training."""
    net = dr.Network([700, 300, 3])
    X, y = np.zeros((4, 700), np.float32), np.array([0, 1, 2, 0])
    seen = []

    def look(_: object) -> None:
        seen.append(tracemalloc.get_traced_memory()[0])

    dr.Network([700, 3]).train(X, y, epochs=1, progress=False)  # what is imported, is imported
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        net.train(X, y, X, y, epochs=3, average=average, callbacks=look, progress=False)
    finally:
        tracemalloc.stop()
    theta = net.chain.theta.nbytes
    told = dr.summary(net).training_bytes - 2 * theta  # θ and ∇ were there before
    assert seen[-1] - before == pytest.approx(told + vectors * theta, rel=0.05)


def test_of_a_fitted_estimator() -> None:
    """A fitted estimator is summed up by its network; one without is told what to call."""
    pytest.importorskip("sklearn")
    model = dr.MLPClassifier((5,))
    with pytest.raises(
        dr.InvalidInput, match=r"MLPClassifier\(.*; call fit, or initialize, first\."
    ):
        dr.summary(model)
    model.initialize(4, [0, 1, 2])
    assert dr.summary(model) == dr.summary(model.network_)
