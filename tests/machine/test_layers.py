"""What each layer is: parity with PyTorch, running statistics, and the dropout mask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from deltarule.ground.randomness import StepNoise
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from deltarule.mathematics import activations, initializers

RNG = np.random.default_rng(0)
X, G = RNG.normal(size=(8, 5)) * 3 + 1, RNG.normal(size=(8, 5))


@pytest.fixture(scope="module")
def torch():  # type: ignore[no-untyped-def]
    """The package, or a skip."""
    return pytest.importorskip("torch", reason="needs the optional package torch")


def training(n: int = 8, step: int = 1) -> StepNoise:
    """The noise of a training step over n rows."""
    return StepNoise(0, step, np.arange(n))


def of(layer: Any, **values: np.ndarray) -> Chain:
    """A chain of one layer with these parameters and statistics."""
    chain = Chain({"a": layer}, np.float64)
    for name, value in values.items():
        getattr(chain.views["a"], name)[...] = value
    return chain


def test_dense() -> None:
    """y = xW + b, and its three gradients, in numbers."""
    w, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -0.5])
    x, g = np.array([[1.0, -1.0], [2.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])
    chain = of(Dense(2, 2), W=w, b=b)
    y, pullback = chain(x)
    assert y.tolist() == [[-1.5, -2.5], [2.5, 3.5]]
    assert pullback(g, to_input=True).tolist() == (g @ w.T).tolist()
    assert chain.views["a"].dW.tolist() == [[3.0, 2.0], [-1.0, 0.0]]
    assert chain.views["a"].db.tolist() == [2.0, 1.0]


def test_dense_starts_by_its_initializer() -> None:
    """W comes from the layer's initializer, b starts at zero."""
    chain = Chain({"a": Dense(4, 3, initializers.orthogonal)}, np.float64)
    chain.theta[...] = 9.0
    layer = chain.layers["a"]
    layer.initialize(chain.views["a"], 77)
    assert np.array_equal(chain.views["a"].W, initializers.orthogonal(77, 4, 3))
    assert not chain.views["a"].b.any()


def test_activation_takes_a_function_of_your_own() -> None:
    """Any function x → (y, pullback) serves as an activation."""
    chain = of(Activation(lambda x: (x * x, lambda g: 2 * x * g)))
    y, pullback = chain(X)
    assert np.array_equal(y, X * X)
    assert np.array_equal(pullback(G, to_input=True), 2 * X * G)


def test_layer_norm_is_torchs(torch) -> None:  # type: ignore[no-untyped-def]
    """LayerNorm and its gradients are PyTorch's, to 1e-12."""
    scale, shift = RNG.normal(size=5), RNG.normal(size=5)
    chain = of(LayerNorm(5), scale=scale, shift=shift)
    y, pullback = chain(X)
    theirs = torch.nn.LayerNorm(5, dtype=torch.float64)
    theirs.weight.data, theirs.bias.data = torch.from_numpy(scale), torch.from_numpy(shift)
    x = torch.tensor(X, requires_grad=True)
    t = theirs(x)
    t.backward(torch.from_numpy(G))
    p = chain.views["a"]
    to_x = pullback(G, to_input=True)
    pairs = [
        (y, t.detach()),
        (to_x, x.grad),
        (p.dscale, theirs.weight.grad),
        (p.dshift, theirs.bias.grad),
    ]
    for ours, expected in pairs:
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-13)


def test_batch_norm_is_torchs(torch) -> None:  # type: ignore[no-untyped-def]
    """BatchNorm over ten training batches, its running statistics, and evaluation are PyTorch's."""
    scale, shift = RNG.normal(size=5), RNG.normal(size=5)
    chain = of(BatchNorm(5), scale=scale, shift=shift, mean=np.zeros(5), variance=np.ones(5))
    theirs = torch.nn.BatchNorm1d(5, dtype=torch.float64)
    theirs.weight.data, theirs.bias.data = torch.from_numpy(scale), torch.from_numpy(shift)
    p = chain.views["a"]
    for step in range(12):
        noise = training() if step < 10 else None
        theirs.train(noise is not None)
        batch = RNG.normal(size=(8, 5)) * 2 + step
        x = torch.tensor(batch, requires_grad=True)
        theirs.zero_grad()
        t = theirs(x)
        t.backward(torch.from_numpy(G))
        y, pullback = chain(batch, noise)
        if noise:
            chain.statistics += chain.increments
        to_x = pullback(G, to_input=True)
        pairs = [
            (y, t.detach()),
            (to_x, x.grad),
            (p.dscale, theirs.weight.grad),
            (p.dshift, theirs.bias.grad),
            (p.mean, theirs.running_mean),
            (p.variance, theirs.running_var),
        ]
        for ours, expected in pairs:
            np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-13)


def test_batch_norm_normalises() -> None:
    """In training each unit has mean 0 and variance 1 over the batch, whatever came before."""
    chain = of(BatchNorm(5, epsilon=0.0), scale=1.0, shift=0.0, mean=5.0, variance=7.0)
    y, _ = chain(X, training())
    np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-14)
    np.testing.assert_allclose(y.var(0), 1.0, rtol=1e-13)


def test_batch_norm_increments_of_shards_add_up() -> None:
    """Two shards with half a share each add as much to the statistics as their mean asks."""
    chain = of(BatchNorm(5), scale=1.0, shift=0.0, mean=0.3, variance=0.7)
    total = np.zeros_like(chain.increments)
    for rows in (np.arange(4), np.arange(4, 8)):
        chain(X[rows], StepNoise(0, 1, rows, share=0.5))
        total += chain.increments
    halves = [X[:4], X[4:]]
    mean = np.mean([h.mean(0) for h in halves], axis=0)
    variance = np.mean([h.var(0, ddof=1) for h in halves], axis=0)
    expected = 0.1 * np.concatenate([mean - 0.3, variance - 0.7])
    np.testing.assert_allclose(total, expected, rtol=1e-13)


def test_batch_norm_of_a_single_row_is_finite() -> None:
    """A last batch of one row gives finite values, gradients and increments."""
    chain = of(BatchNorm(5), scale=1.0, shift=0.0, mean=0.0, variance=1.0)
    y, pullback = chain(X[:1], training(1))
    assert np.isfinite(y).all()
    assert np.isfinite(pullback(G[:1], to_input=True)).all()
    assert np.isfinite(chain.outgoing).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_mean(rate: float) -> None:
    """What survives is scaled up by 1/(1 − r), so that the mean over many units stays."""
    x = np.ones((200, 300))
    y, _ = of(Dropout(rate))(x, training(200))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-15)
    assert abs(kept.mean() - (1 - rate)) < 4 * math.sqrt(rate * (1 - rate) / x.size)
    assert abs(y.mean() - 1) < 4 * math.sqrt(rate / (1 - rate) / x.size)


def test_dropout_gradient_passes_where_the_value_did() -> None:
    """∂x is g where the unit was kept, scaled alike, else 0."""
    y, pullback = of(Dropout(0.5))(np.ones((8, 5)), training())
    assert np.array_equal(pullback(G, to_input=True), G * y)


def test_dropout_does_nothing_in_evaluation() -> None:
    """Without noise dropout is the identity, and so is its pullback."""
    y, pullback = of(Dropout(0.5))(X)
    assert y is X
    assert pullback(G, to_input=True) is G


def test_dropout_of_rate_zero_is_the_identity() -> None:
    """At rate 0 nothing is dropped or scaled."""
    assert np.array_equal(of(Dropout(0.0))(X, training())[0], X)


def test_dropout_bits_are_pinned() -> None:
    """The mask of (seed 7, step 2, layer 1) never changes."""
    noise = StepNoise(7, 2, np.arange(3)).of_layer(1)
    y, _ = Dropout(0.5)(None, np.ones((3, 8)), noise)  # type: ignore[arg-type]
    assert (y / 2).astype(int).tolist() == [
        [0, 0, 1, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 1, 0, 0],
    ]


def test_dropout_of_a_shard_is_the_wholes() -> None:
    """A shard drops what the whole batch would drop in its rows."""
    chain, x = of(Dropout(0.4)), np.ones((20, 6))
    whole, _ = chain(x, StepNoise(3, 9, np.arange(20)))
    rows = np.array([17, 2, 5])
    assert np.array_equal(chain(x[rows], StepNoise(3, 9, rows, share=0.15))[0], whole[rows])


def test_dropout_layers_draw_for_themselves() -> None:
    """Two dropout layers of one chain, and two steps, drop different units."""
    chain = Chain({"a": Dropout(0.5), "b": Dropout(0.5)}, np.float64)
    masks = [
        link.value != 0
        for step in (1, 2)
        for link in chain.forward(np.ones((50, 40)), training(50, step))
    ]
    first, both, again, _ = masks
    assert abs((first & both).mean() - 0.25) < 0.05
    assert abs((first == again).mean() - 0.5) < 0.05


def test_activations_of_a_layer_is_the_function() -> None:
    """A layer's value is its function's, unchanged."""
    assert np.array_equal(of(Activation(activations.gelu))(X)[0], activations.gelu(X)[0])
