"""The optimizer: schedules, decay, and memory around a rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deltarule.ground.errors import InvalidInput
from deltarule.machine.optimizer import Optimizer, product_of
from deltarule.mathematics import optimizers
from deltarule.mathematics.schedules import cosine, exponential, linear, warmup


def test_rate_is_the_schedules_factor() -> None:
    """ηₜ = η·s(t − 1): the first step has s(0)."""
    optimizer = Optimizer(optimizers.sgd, np.zeros(1), lr=0.5, total=4, schedule=linear)
    assert [optimizer.rate(t) for t in (1, 2, 3, 4)] == [0.5, 0.375, 0.25, 0.125]
    assert Optimizer(optimizers.sgd, np.zeros(1), lr=0.5, total=4).rate(3) == 0.5


def test_a_factor_is_of_every_rate() -> None:
    """A halved factor halves each rate to the bit, scheduled, alone and ahead."""
    optimizer = Optimizer(optimizers.sgd, np.zeros(1), lr=0.3, total=7, schedule=cosine)
    before = [optimizer.rate(t) for t in range(1, 8)]
    optimizer.factor = 0.5
    assert [optimizer.rate(t) for t in range(1, 8)] == [0.5 * rate for rate in before]
    assert optimizer.ahead(1, 7)[0].tolist() == [0.5 * rate for rate in before]


def test_schedules_multiply() -> None:
    """A list of schedules is one: the product of their factors."""
    both = product_of([warmup, cosine, exponential])
    for done in range(0, 100, 7):
        expected = warmup(done, 100) * cosine(done, 100) * exponential(done, 100)
        assert both(done, 100) == pytest.approx(expected, rel=1e-15)
    assert product_of([])(5, 10) == 1.0


def test_steps_follow_the_rate() -> None:
    """Plain descent moves by ηₜ·∇ at every step."""
    theta = np.zeros(1)
    optimizer = Optimizer(optimizers.sgd, theta, lr=0.5, total=4, schedule=linear)
    for t in (1, 2, 3, 4):
        optimizer.step(theta, np.ones(1), t)
    assert theta[0] == -(0.5 + 0.375 + 0.25 + 0.125)


def test_decay_follows_the_rate() -> None:
    """Decay is per unit of learning rate: W ← W(1 − ηₜλ) with the scheduled ηₜ."""
    theta = np.array([1.0, 1.0])
    optimizer = Optimizer(
        optimizers.adam,
        theta,
        lr=0.5,
        total=2,
        schedule=linear,
        weight_decay=0.4,
        matrices=slice(0, 1),
    )
    for t in (1, 2):
        optimizer.step(theta, np.zeros(2), t)
    np.testing.assert_allclose(theta, [(1 - 0.5 * 0.4) * (1 - 0.25 * 0.4), 1.0], rtol=1e-15)


def test_no_decay_without_matrices() -> None:
    """Where no matrices are given, decay touches nothing."""
    theta = np.ones(3)
    optimizer = Optimizer(optimizers.sgd, theta, lr=0.1, total=1, weight_decay=0.5)
    optimizer.step(theta, np.zeros(3), 1)
    assert theta.tolist() == [1, 1, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_has_the_length_and_dtype_of_theta(dtype: type) -> None:
    """The state is (slots, n) zeros of θ's dtype."""
    optimizer = Optimizer(optimizers.adam, np.ones(5, dtype), lr=0.1, total=1)
    assert optimizer.state.shape == (2, 5)
    assert optimizer.state.dtype == dtype
    assert not optimizer.state.any()


def test_a_rule_of_your_own() -> None:
    """A function of the same form, declared with its slots, is a rule."""

    @optimizers.rule(slots=0)
    def descent(theta, grad, state, work, lr, *, power=1.0):  # type: ignore[no-untyped-def]
        theta -= lr * np.sign(grad) * abs(grad) ** power

    theta = np.zeros(2)
    optimizer = Optimizer(descent, theta, lr=0.1, total=1, options={"power": 2.0})
    optimizer.step(theta, np.array([3.0, -2.0]), 1)
    np.testing.assert_allclose(theta, [-0.9, 0.4])


def test_scalars_arrive_in_the_dtype_of_theta() -> None:
    """The rule sees its scalars as 0-d arrays of θ's dtype, so a recorded step can be replayed."""
    seen = []

    @optimizers.rule(slots=0, scalars=lambda t, **_: (float(t),))
    def spy(theta, grad, state, work, lr, t):  # type: ignore[no-untyped-def]
        seen.extend([lr, t])

    theta = np.zeros(2, np.float32)
    Optimizer(spy, theta, lr=0.1, total=1).step(theta, theta, 7)
    assert [(s.shape, s.dtype) for s in seen] == [((), np.float32)] * 2
    assert [float(s) for s in seen] == [float(np.float32(0.1)), 7.0]


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("sgd", {"momentum": 0.9}),
        ("rmsprop", {}),
        ("adam", {"beta1": 0.8, "beta2": 0.99999}),
        ("adam", {"beta1": 0.0}),
        ("nadam", {}),
        ("nadam", {"momentum_decay": 0.0}),
        ("lion", {}),
    ],
)
def test_many_steps_ahead(rule: str, options: dict[str, Any]) -> None:
    """Rates and scalars of many steps at once are those of each step, to an ulp or two."""
    chosen = getattr(optimizers, rule)
    optimizer = Optimizer(chosen, np.zeros(3), lr=0.1, total=50, schedule=cosine, options=options)
    for first in (1, 7, 10_000):
        rates, scalars = optimizer.ahead(first, 20)
        steps = range(first, first + 20)
        assert rates.tolist() == [optimizer.rate(t) for t in steps]
        expected = np.array([chosen.scalars(t, **options) for t in steps]).reshape(20, -1)
        assert scalars.shape == expected.shape
        np.testing.assert_allclose(scalars, expected, rtol=1e-15)
        assert scalars.dtype == rates.dtype == np.float64


def test_a_rule_moves_in_place() -> None:
    """A rule that returns another θ is told that it moved nothing; the same θ is let through."""
    theta, grad = np.zeros(2), np.ones(2)
    optimizers.rule(slots=0)(in_place := lambda theta, *_: theta.__iadd__(1.0))
    optimizers.rule(slots=0)(elsewhere := lambda theta, *_: theta + 1.0)
    Optimizer(in_place, theta, lr=0.1, total=1).step(theta, grad, 1)
    assert theta.tolist() == [1.0, 1.0]
    with pytest.raises(InvalidInput, match="in place"):
        Optimizer(elsewhere, theta, lr=0.1, total=1).step(theta, grad, 1)
