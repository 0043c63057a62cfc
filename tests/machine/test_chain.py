"""The chain: layers over one vector, the chain rule, and whole networks against autograd."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.ground.randomness import StepNoise, derive
from deltarule.machine.chain import Chain, Link
from deltarule.machine.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from deltarule.mathematics import activations, initializers, losses

laws = settings(deadline=None, derandomize=True, max_examples=40)


def random_chain(seed: int, dtype: Any = np.float64) -> tuple[Chain, np.ndarray, np.ndarray]:
    """A chain of random layers with random parameters, an input and classes."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 7, rng.integers(2, 5))
    layers: dict[str, Any] = {}
    for i, (n_in, n_out) in enumerate(zip(sizes, [*sizes[1:], 3], strict=True)):
        layers[f"dense{i}"] = Dense(int(n_in), int(n_out))
        norm = rng.choice(["none", "layer", "batch"])
        if norm != "none":
            kind = LayerNorm if norm == "layer" else BatchNorm
            layers[f"norm{i}"] = kind(int(n_out), epsilon=0.1)  # well conditioned at any width
        name = rng.choice(names_in(activations))
        layers[f"activation{i}"] = Activation(getattr(activations, name))
        if rng.random() < 0.5:
            layers[f"dropout{i}"] = Dropout(float(rng.choice([0.1, 0.5])))
    layers["scores"] = Dense(3, 3)
    chain = Chain(layers, dtype)
    chain.theta[...] = rng.normal(size=chain.theta.size)
    chain.statistics[...] = rng.uniform(0.5, 1.5, chain.statistics.size)
    return chain, rng.normal(size=(7, int(sizes[0]))).astype(dtype), rng.integers(0, 3, 7)


def torch_scores(torch: Any, chain: Chain, theta: Any, x: Any, noise: StepNoise | None) -> Any:
    """The same network written in torch.nn.functional, for autograd."""
    f = torch.nn.functional
    for index, (name, layer) in enumerate(chain.layers.items()):
        p = {
            s.rpartition(".")[2]: chain.layout.view(theta, s)
            for s in chain.layout
            if s.startswith(name + ".")
        }
        if isinstance(layer, Dense):
            x = f.linear(x, p["W"].T, p["b"])
        elif isinstance(layer, Activation):
            function = layer.function.__name__
            exact = {"threshold": 700.0} if function == "softplus" else {}
            x = x if function == "identity" else getattr(f, function)(x, **exact)
        elif isinstance(layer, LayerNorm):
            x = f.layer_norm(x, (layer.size,), p["scale"], p["shift"], layer.epsilon)
        elif isinstance(layer, BatchNorm):
            views = chain.views[name]
            running = [torch.tensor(v) for v in (views.mean, views.variance)]
            training = noise is not None
            x = f.batch_norm(x, *running, p["scale"], p["shift"], training, 0.1, layer.epsilon)
        elif noise is not None:
            mask = noise.of_layer(index).keep(tuple(x.shape), layer.rate, like=np.ones(1))
            x = x * torch.tensor(mask) / (1 - layer.rate)
    return x


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖a − b‖₂/max(‖a‖₂, ‖b‖₂)."""
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-300))


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("seed", range(40))
def test_random_networks_have_autograds_gradient(seed: int, training: bool) -> None:
    """For random chains, scores, ∂L/∂θ and ∂L/∂x are those of torch's autograd, to 1e-12."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    chain, x, y = random_chain(seed)
    noise = StepNoise(seed, 4, np.arange(7)) if training else None
    z, pullback = chain(x, noise)
    value, g = losses.cross_entropy(y, z, None, 7.0)
    to_x = pullback(g, to_input=True)
    theta = torch.tensor(chain.theta, requires_grad=True)
    inputs = torch.tensor(x, requires_grad=True)
    scores = torch_scores(torch, chain, theta, inputs, noise)
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(y))
    loss.backward()
    assert float(value) == pytest.approx(loss.item(), rel=1e-12)
    assert distance(z, scores.detach().numpy()) <= 1e-12
    assert distance(chain.grad, theta.grad.numpy()) <= 1e-12
    assert distance(to_x, inputs.grad.numpy()) <= 1e-12


@laws
@given(seed=st.integers(0, 10_000), training=st.booleans())
def test_gradient_along_any_direction(seed: int, training: bool) -> None:
    """⟨∇, v⟩ + ⟨∂x, u⟩ is the complex step of the loss along (v, u), for random chains."""
    chain, x, y = random_chain(seed)
    noise = StepNoise(seed, 4, np.arange(7)) if training else None
    z, pullback = chain(x, noise)
    to_x = pullback(losses.cross_entropy(y, z, None, 7.0)[1], to_input=True)
    rng = np.random.default_rng(seed + 1)
    v, u, h = rng.normal(size=chain.theta.size), rng.normal(size=x.shape), 1e-30
    moved = chain.over(chain.theta + 1j * h * v, chain.statistics.astype(complex))
    step = losses.cross_entropy(y, moved(x + 1j * h * u, noise)[0], None, 7.0)[0].imag / h
    scale = np.linalg.norm(chain.grad) * np.linalg.norm(v) + np.linalg.norm(to_x) * np.linalg.norm(
        u
    )
    assert abs(chain.grad @ v + (to_x * u).sum() - step) <= 1e-12 * scale


@laws
@given(seed=st.integers(0, 10_000))
def test_pullback_for_training_writes_the_same_gradient(seed: int) -> None:
    """Without the input's gradient ∇ has the same bits, and nothing is returned."""
    chain, x, y = random_chain(seed)
    z, pullback = chain(x)
    g = losses.cross_entropy(y, z, None, 7.0)[1]
    pullback(g, to_input=True)
    whole = chain.grad.copy()
    chain.grad[...] = np.nan
    assert pullback(g) is None
    assert np.array_equal(chain.grad, whole)


def small() -> Chain:
    """An activation below two dense layers with a norm between them."""
    layers = {
        "first": Activation(activations.tanh),
        "below": Dense(3, 4),
        "norm": BatchNorm(4),
        "above": Dense(4, 2),
    }
    return Chain(layers, np.float64)


def test_parameters_lie_matrices_first() -> None:
    """θ holds all matrices, then all vectors, each in the order of the layers."""
    chain = small()
    names = ["below.W", "above.W", "below.b", "norm.scale", "norm.shift", "above.b"]
    assert list(chain.layout) == names
    assert chain.layout.matrices == slice(0, 20)
    assert list(chain.statistics_layout) == ["norm.mean", "norm.variance"]


def test_views_are_windows() -> None:
    """p.W is a view of θ, p.dW of ∇, p.mean of the statistics, p.dmean of what workers sum."""
    chain = small()
    p, norm = chain.views["below"], chain.views["norm"]
    for view, vector in (
        (p.W, chain.theta),
        (p.db, chain.grad),
        (norm.mean, chain.statistics),
        (norm.dvariance, chain.increments),
        (chain.grad, chain.outgoing),
        (chain.increments, chain.outgoing),
    ):
        assert np.shares_memory(view, vector)
    assert chain.outgoing.size == chain.grad.size + chain.increments.size == 34 + 8


def test_forward_tells_every_intermediate() -> None:
    """forward names every layer's value; the last one is the chain's."""
    chain, x = small(), np.ones((2, 3))
    chain.initialize(0)
    links = chain.forward(x)
    assert [link.name for link in links] == list(chain.layers)
    assert np.array_equal(links[0].value, np.tanh(x))
    assert np.array_equal(links[-1].value, chain(x)[0])


def test_nothing_runs_below_the_lowest_parameters() -> None:
    """While training, the pullback stops at the lowest layer that has parameters."""
    called = []

    def spy(x: np.ndarray) -> Any:
        return x, lambda g: called.append("spy") or g

    chain = Chain({"spy": Activation(spy), "dense": Dense(2, 2)}, np.float64)
    _, pullback = chain(np.ones((1, 2)))
    pullback(np.ones((1, 2)))
    assert called == []
    pullback(np.ones((1, 2)), to_input=True)
    assert called == ["spy"]


def test_lowest_layer_is_spared_the_inputs_gradient() -> None:
    """While training, only the lowest layer with parameters is told not to go to its input."""
    chain = Chain({"a": Dense(2, 2), "b": Dense(2, 2)}, np.float64)
    asked: dict[str, bool] = {}
    links = chain.forward(np.ones((1, 2)))

    def spy(link: Link) -> Link:
        def pullback(g: np.ndarray, to_input: bool = True) -> np.ndarray | None:
            asked[link.name] = to_input
            return link.pullback(g, to_input)

        return replace(link, pullback=pullback)

    spied = [spy(link) for link in links]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "forward", lambda x, noise=None: spied)
        _, pullback = chain(np.ones((1, 2)))
    pullback(np.ones((1, 2)))
    assert asked == {"a": False, "b": True}
    pullback(np.ones((1, 2)), to_input=True)
    assert asked == {"a": True, "b": True}


def test_chain_without_parameters() -> None:
    """A chain that learns nothing still runs forward and back; an empty one is the identity."""
    g = np.ones((2, 3))
    chain = Chain({"a": Activation(activations.tanh)}, np.float64)
    _, pullback = chain(g)
    assert pullback(g) is None
    np.testing.assert_allclose(pullback(g, to_input=True), 1 - np.tanh(1.0) ** 2)
    y, pullback = Chain({}, np.float64)(g)
    assert y is g
    assert pullback(g, to_input=True) is g


def test_over_other_vectors() -> None:
    """`over` gives the same layers on other vectors: another dtype, or copies of their own."""
    chain, x = small(), np.random.default_rng(0).normal(size=(4, 3))
    chain.initialize(1)
    single = chain.over(chain.theta.astype(np.float32), chain.statistics.astype(np.float32))
    assert single.grad.dtype == single.outgoing.dtype == np.float32
    np.testing.assert_allclose(single(x.astype(np.float32))[0], chain(x)[0], rtol=1e-5, atol=1e-6)
    copy = chain.over(chain.theta.copy(), chain.statistics.copy())
    copy.theta[...] = 0.0
    assert chain.theta.any()
    assert not copy(x)[0].any()


def test_initial_parameters_are_a_function_of_seed_and_place() -> None:
    """Each layer draws by (seed, "weights", its index), in float64 before rounding to θ's dtype."""
    chain = small()
    chain.initialize(3)
    w = chain.views["above"].W
    assert np.array_equal(w, initializers.he(derive(3, "weights", 3), 4, 2))
    single = Chain(chain.layers, np.float32)
    single.initialize(3)
    assert np.array_equal(single.theta, chain.theta.astype(np.float32))
    other = Chain(chain.layers, np.float64)
    other.initialize(4)
    assert not np.array_equal(other.theta, chain.theta)


def test_layers_with_alike_names_are_kept_apart() -> None:
    """A layer whose name begins another's, or holds a dot, has its own views."""
    chain = Chain({"a": Dense(2, 2), "a.b": Dense(2, 3), "ab": Dense(3, 1)}, np.float64)
    assert [chain.views[n].W.shape for n in ("a", "a.b", "ab")] == [(2, 2), (2, 3), (3, 1)]
    chain.views["a"].W[...] = 1.0
    assert not chain.views["a.b"].W.any()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies_look_at_their_own_vectors(duplicate: Any) -> None:
    """A copy computes the same, its windows lie on its own θ, and the two do not meet."""
    chain, x, _ = random_chain(5)
    other = duplicate(chain)
    np.testing.assert_array_equal(other(x)[0], chain(x)[0])
    assert not np.shares_memory(other.theta, chain.theta)
    assert not np.shares_memory(other.statistics, chain.statistics)
    before = chain(x)[0]
    other.theta += 1.0
    assert (other(x)[0] != before).any()
    np.testing.assert_array_equal(chain(x)[0], before)
    z, pullback = other(x)
    pullback(np.ones_like(z))
    assert other.grad.any()
    assert not chain.grad.any()
