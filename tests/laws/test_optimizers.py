"""Laws of every update rule, found in the module."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import optimizers
from deltarule.mathematics.schedules import linear

NAMES = names_in(optimizers)
every_rule = pytest.mark.parametrize("name", NAMES)
laws = settings(deadline=None, derandomize=True, max_examples=25)


def of(name: str) -> Callable[..., None]:
    """The rule of this name."""
    return getattr(optimizers, name)  # type: ignore[no-any-return]


def options_of(name: str) -> list[dict[str, Any]]:
    """The defaults, each option at another value, and all options at other values."""
    parameters = inspect.signature(of(name)).parameters.values()
    options = {
        p.name: True if p.default is False else 0.5 * p.default + 0.3 if p.default >= 0.01 else 0.01
        for p in parameters
        if p.kind == p.KEYWORD_ONLY
    }
    options |= {"momentum": 0.8} if "momentum" in options else {}
    return [{}, *({key: value} for key, value in options.items()), options]


def run(name: str, theta: Any, grads: Any, lr: float = 0.01, **options: Any) -> Optimizer:
    """Move θ, in place, by one step per gradient."""
    optimizer = Optimizer(of(name), theta, lr=lr, total=len(grads), options=options)
    for t, grad in enumerate(grads, 1):
        optimizer.step(theta, grad, t)
    return optimizer


@every_rule
@laws
@given(seed=st.integers(0, 1000))
def test_is_elementwise(name: str, seed: int) -> None:
    """Reordering the parameters reorders the result, and a part moves as it does in the whole."""
    rng = np.random.default_rng(seed)
    theta, grads, order = rng.normal(size=9), rng.normal(size=(6, 9)), rng.permutation(9)[:5]
    for options in options_of(name):
        whole, part = theta.copy(), theta[order]
        of_whole = run(name, whole, grads, **options)
        of_part = run(name, part, grads[:, order], **options)
        np.testing.assert_allclose(part, whole[order], rtol=1e-15)
        np.testing.assert_allclose(of_part.state, of_whole.state[:, order], rtol=1e-15)


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_writes_in_place_and_keeps_the_dtype(name: str, dtype: type) -> None:
    """θ and the state are written where they lie, in θ's dtype; the gradient is only read."""
    theta, grad = np.ones(4, dtype), np.array([1.0, -1.0, 0.5, 0.0], dtype)
    grad.setflags(write=False)
    optimizer = Optimizer(of(name), theta, lr=0.1, total=3)
    state = optimizer.state
    assert state.shape == (of(name).slots, 4)  # type: ignore[attr-defined]
    assert not state.any()
    for t in (1, 2, 3):
        optimizer.step(theta, grad, t)
    assert optimizer.state is state
    assert state.dtype == theta.dtype == dtype
    assert (theta[:3] != 1).all()
    assert theta[3] == 1


@every_rule
def test_descends(name: str) -> None:
    """On ½‖θ − a‖², with every option, 1,000 steps at a falling rate come close to a."""
    target = np.array([1.0, -2.0, 0.5])
    for options in options_of(name):
        theta = np.zeros(3)
        optimizer = Optimizer(
            of(name), theta, lr=0.01, total=1000, schedule=linear, options=options
        )
        for t in range(1, 1001):
            optimizer.step(theta, theta - target, t)
        assert abs(theta - target).max() < 0.05, options


@every_rule
def test_rate_zero_stands_still(name: str) -> None:
    """With a learning rate of 0 nothing moves."""
    theta = np.arange(4.0)
    run(name, theta, np.ones((5, 4)), lr=0.0)
    assert theta.tolist() == [0, 1, 2, 3]


@every_rule
def test_step_is_proportional_to_the_rate(name: str) -> None:
    """From equal states, twice the rate is twice the step."""
    grads = np.random.default_rng(0).normal(size=(4, 5))
    slow, fast = np.zeros(5), np.zeros(5)
    run(name, slow, grads, lr=0.01)
    run(name, fast, grads, lr=0.02)
    np.testing.assert_allclose(fast, 2 * slow, rtol=1e-14)


@every_rule
def test_resumes_from_theta_and_state(name: str) -> None:
    """θ, the state and t are all that a rule remembers: a resumed run has the same bits."""
    grads = np.random.default_rng(0).normal(size=(10, 5))
    for options in options_of(name):
        whole, part = np.ones(5), np.ones(5)
        run(name, whole, grads, **options)
        before = run(name, part, grads[:4], **options)
        again = Optimizer(of(name), part, lr=0.01, total=10, options=options)
        again.state[...] = before.state
        for t in range(5, 11):
            again.step(part, grads[t - 1], t)
        assert np.array_equal(part, whole)


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_is_never_denormal(name: str, dtype: type) -> None:
    """After gradients cease, or become minute, no number in the state is ever denormal."""
    info = np.finfo(dtype)
    for options in (options_of(name)[0], options_of(name)[-1]):
        theta = np.ones(40, dtype)
        optimizer = Optimizer(of(name), theta, lr=1e-3, total=1, options=options)
        grad = np.random.default_rng(0).normal(size=40).astype(dtype)
        grad[20:30] = np.ldexp(grad[20:30], info.minexp // 2)  # whose squares are denormal
        for t in range(1, 3001):
            optimizer.step(theta, grad, t)
            size = abs(optimizer.state)
            assert not ((size > 0) & (size < info.tiny)).any(), (options, t)
            if t == 5:
                grad[:20] = 0
                grad[30:] *= info.tiny


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dead_units_do_not_slow_the_steps(name: str, dtype: type) -> None:
    """After 3,000 steps without gradient a step takes no longer than at first."""
    theta, grad = np.ones(8000, dtype), np.zeros(8000, dtype)
    options = {"momentum": 0.9} if name == "sgd" else {}
    optimizer = Optimizer(of(name), theta, lr=1e-3, total=1, options=options)
    optimizer.step(theta, np.random.default_rng(0).normal(size=8000).astype(dtype), 1)
    times = []
    for t in range(2, 3202):
        start = time.perf_counter()
        optimizer.step(theta, grad, t)
        times.append(time.perf_counter() - start)
    first, last = min(times[:100]), min(times[-100:])
    assert last < 4 * first  # denormal numbers would cost a factor of 20 and more


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_flush_leaves_ordinary_numbers_alone(name: str, dtype: type) -> None:
    """Gradients of ordinary size leave the same state as without the flush."""
    grads = np.random.default_rng(0).normal(size=(20, 50)).astype(dtype)
    flushed = run(name, np.ones(50, dtype), grads).state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers, "flush", lambda state: None)
        assert np.array_equal(run(name, np.ones(50, dtype), grads).state, flushed)


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_run_through_the_same_code(name: str, dtype: type) -> None:
    """On torch tensors the same rule gives the same numbers in the same dtype."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    grads = np.random.default_rng(0).normal(size=(30, 20)).astype(dtype)
    near = 64 * np.finfo(dtype).eps
    for options in options_of(name):
        theta, tensor = np.ones(20, dtype), torch.ones(20, dtype=getattr(torch, dtype.__name__))
        ours = run(name, theta, grads, **options)
        theirs = run(name, tensor, torch.from_numpy(grads), **options)
        assert theirs.state.numpy().dtype == dtype
        np.testing.assert_allclose(tensor.numpy(), theta, rtol=near)
        np.testing.assert_allclose(theirs.state.numpy(), ours.state, rtol=near, atol=near**2)


@every_rule
def test_decay_is_the_same_for_every_rule(name: str) -> None:
    """Without gradients, decay shrinks matrices by 1 − ηλ per step and leaves the rest alone."""
    theta = np.array([1.0, 2.0, 3.0, 4.0])
    optimizer = Optimizer(of(name), theta, lr=0.1, total=9, weight_decay=0.5, matrices=slice(0, 3))
    for t in range(1, 6):
        optimizer.step(theta, np.zeros(4), t)
    np.testing.assert_allclose(theta[:3], np.array([1.0, 2.0, 3.0]) * 0.95**5, rtol=1e-15)
    assert theta[3] == 4.0


@every_rule
def test_decay_does_not_pass_through_the_rule(name: str) -> None:
    """A step with decay is the same step from weights that were shrunk before."""
    grad = np.array([1.0, -2.0, 0.5])
    decayed, shrunk = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]) * (1 - 0.1 * 0.3)
    optimizer = Optimizer(of(name), decayed, lr=0.1, total=1, weight_decay=0.3, matrices=slice(3))
    optimizer.step(decayed, grad, 1)
    run(name, shrunk, grad[None], lr=0.1)
    np.testing.assert_allclose(decayed, shrunk, rtol=1e-15)


@every_rule
def test_options_have_number_defaults(name: str) -> None:
    """Hyper-parameters come by keyword, with defaults, and the rule's scalars take them too."""
    for options in options_of(name):
        scalars = of(name).scalars(1, **options)  # type: ignore[attr-defined]
        assert all(np.isfinite(value) for value in scalars)
