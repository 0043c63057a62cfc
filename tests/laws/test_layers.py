"""Laws of every layer, found in the module."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from deltarule.ground.errors import names_in
from deltarule.ground.randomness import StepNoise
from deltarule.machine import layers
from deltarule.machine.chain import Chain
from deltarule.mathematics import activations

NAMES = names_in(layers)
every_layer = pytest.mark.parametrize("name", NAMES)
both_modes = pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])

STEP = 1e-30
N, SIZE = 6, 4
FIELDS = {"n_in": SIZE, "n_out": SIZE, "size": SIZE, "rate": 0.4, "function": activations.tanh}
TIES_ROWS = {"BatchNorm"}  # in training, a row's output depends on the other rows


def chain_of(name: str, dtype: Any = np.float64) -> Chain:
    """A chain of this one layer, its parameters and statistics at random."""
    kind = getattr(layers, name)
    needed = {
        f.name: FIELDS[f.name] for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING
    }
    chain = Chain({"layer": kind(**needed)}, dtype)
    rng = np.random.default_rng(0)
    chain.theta[...] = rng.uniform(0.5, 1.5, chain.theta.size)
    chain.statistics[...] = rng.uniform(0.5, 1.5, chain.statistics.size)
    return chain


def noise_of(training: bool, rows: Any = range(N)) -> StepNoise | None:
    """The noise of step 3 for these rows, if training."""
    return StepNoise(1, 3, np.array(rows), len(rows) / N) if training else None


def arrays(dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """An input and an incoming gradient."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, SIZE)).astype(dtype), rng.normal(size=(N, SIZE)).astype(dtype)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖a − b‖₂/max(‖a‖₂, ‖b‖₂), 0 for two zeros."""
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-300))


@every_layer
@both_modes
def test_gradients_are_the_complex_step(name: str, training: bool) -> None:
    """∂L/∂θ, entry by entry, and ∂L/∂x are Im L(· + ih)/h, in training and in evaluation."""
    chain, (x, g), noise = chain_of(name), arrays(), noise_of(training)
    _, pullback = chain(x, noise)
    to_x = pullback(g, to_input=True)

    def derivative(theta_step: Any, x_step: Any) -> float:
        moved = chain.over(chain.theta + STEP * 1j * theta_step, chain.statistics.astype(complex))
        return float((moved(x + STEP * 1j * x_step, noise)[0] * g).sum().imag / STEP)

    n = chain.theta.size
    by_theta = np.array([derivative(row, 0 * x) for row in np.eye(n)])
    by_x = [derivative(np.zeros(n), row.reshape(x.shape)) for row in np.eye(x.size)]
    assert distance(chain.grad, by_theta) <= 1e-12
    assert distance(to_x, np.array(by_x).reshape(x.shape)) <= 1e-12


@every_layer
@both_modes
def test_without_input_gradient_the_rest_is_the_same(name: str, training: bool) -> None:
    """A pullback told not to go to the input writes the same parameter gradients."""
    chain, (x, g), noise = chain_of(name), arrays(), noise_of(training)
    chain(x, noise)[1](g, to_input=True)
    expected = chain.grad.copy()
    chain.grad[...] = np.nan
    layer, p = chain.layers["layer"], chain.views["layer"]
    layer(p, x, noise and noise.of_layer(0))[1](g, to_input=False)
    assert np.array_equal(chain.grad, expected)


@every_layer
@both_modes
def test_pullback_is_linear_and_repeatable(name: str, training: bool) -> None:
    """The pullback of 2g is twice that of g, and it overwrites gradients, never adds to them."""
    chain, (x, g) = chain_of(name), arrays()
    _, pullback = chain(x, noise_of(training))
    first, of_first = pullback(g, to_input=True), chain.grad.copy()
    twice = pullback(2 * g, to_input=True)
    np.testing.assert_allclose(twice, 2 * first, rtol=1e-14)
    np.testing.assert_allclose(chain.grad, 2 * of_first, rtol=1e-14)


@every_layer
@both_modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shape_are_kept(name: str, training: bool, dtype: type) -> None:
    """Values and gradients have the dtype of θ and x; x, g and θ are only read."""
    chain, (x, g) = chain_of(name, dtype), arrays(dtype)
    before = chain.theta.copy(), chain.statistics.copy()
    x.setflags(write=False)
    g.setflags(write=False)
    y, pullback = chain(x, noise_of(training))
    to_x = pullback(g, to_input=True)
    assert y.dtype == to_x.dtype == chain.grad.dtype == dtype
    assert y.shape == to_x.shape == (N, SIZE)
    assert np.array_equal(chain.theta, before[0])
    assert np.array_equal(chain.statistics, before[1])


@every_layer
@both_modes
def test_rows_are_independent(name: str, training: bool) -> None:
    """A shard's values are the whole batch's rows and its gradients add up, where rows are free."""
    tied = training and name in TIES_ROWS
    rows = [range(N)] if tied else [range(2), range(2, N)]  # what is tied cannot be split
    chain, (x, g) = chain_of(name), arrays()
    y, pullback = chain(x, noise_of(training))
    to_x, whole = pullback(g, to_input=True), chain.grad.copy()
    parts = np.zeros_like(whole)
    for shard in rows:
        part, of_part = chain(x[shard], noise_of(training, shard))
        np.testing.assert_allclose(part, y[shard], rtol=1e-13)
        np.testing.assert_allclose(of_part(g[shard], to_input=True), to_x[shard], rtol=1e-13)
        parts += chain.grad
    np.testing.assert_allclose(parts, whole, rtol=1e-13)


@every_layer
def test_evaluation_leaves_the_increments_alone(name: str) -> None:
    """Only a training forward writes increments of running statistics."""
    chain, (x, _) = chain_of(name), arrays()
    chain.increments[...] = 7.0
    chain(x)
    assert (chain.increments == 7.0).all()
    chain(x, noise_of(True))
    assert (chain.increments != 7.0).all()


@every_layer
def test_is_a_frozen_value(name: str) -> None:
    """A layer is configuration only: frozen, comparable, hashable."""
    layer = chain_of(name).layers["layer"]
    assert dataclasses.is_dataclass(layer)
    assert layer == chain_of(name).layers["layer"]
    assert hash(layer) == hash(chain_of(name).layers["layer"])
    with pytest.raises(AttributeError):
        layer.parameters = {}  # type: ignore[misc]


@every_layer
def test_initial_values_are_a_function_of_the_key(name: str) -> None:
    """The same seed writes the same finite parameters and statistics, all of them."""
    chain, other = chain_of(name), chain_of(name)
    for c in (chain, other):
        c.theta[...] = np.nan
        c.statistics[...] = np.nan
        c.initialize(5)
        assert np.isfinite(c.theta).all()
        assert np.isfinite(c.statistics).all()
    assert np.array_equal(chain.theta, other.theta)


@every_layer
@both_modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_run_through_the_same_code(name: str, training: bool, dtype: type) -> None:
    """On torch tensors a layer gives the same values, gradients and increments."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    chain, (x, g), noise = chain_of(name, dtype), arrays(dtype), noise_of(training)
    tensors = chain.over(torch.from_numpy(chain.theta), torch.from_numpy(chain.statistics))
    y, pullback = chain(x, noise)
    t, tensor_pullback = tensors(torch.from_numpy(x), noise)
    to_x = pullback(g, to_input=True)
    to_t = tensor_pullback(torch.from_numpy(g), to_input=True)
    near = 64 * np.finfo(dtype).eps
    for ours, theirs in ((y, t), (to_x, to_t), (chain.outgoing, tensors.outgoing)):
        assert theirs.numpy().dtype == dtype
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=near, atol=near)
