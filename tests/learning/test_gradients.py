"""The gradient checker itself: what it measures, and that it can fail."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.randomness import StepNoise
from deltarule.learning.gradients import Check, GradientReport, Problem, check_problem
from deltarule.learning.step import l2
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from deltarule.mathematics import activations, losses

RNG = np.random.default_rng(0)
N = 6
X, Y = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2))


def chain_of(*middle: tuple[str, Any]) -> Chain:
    """Dense, some layers, Dense, with weights of order one."""
    chain = Chain({"dense1": Dense(3, 4), **dict(middle), "dense2": Dense(4, 2)}, np.float64)
    chain.initialize(1)
    chain.theta += 0.1 * RNG.normal(size=len(chain.theta))
    return chain


def problem(chain: Chain, objective: Any = losses.squared_error, **changes: Any) -> Problem:
    """A problem on six rows."""
    return dataclasses.replace(Problem(chain, objective, X, Y, None, float(N)), **changes)


def halved(part: str) -> type:
    """A Dense whose pullback is wrong in one place."""

    class Wrong(Dense):  # type: ignore[misc]
        def __call__(self, p: Any, x: Any, noise: Any = None) -> Any:
            y, pullback = super().__call__(p, x, noise)

            def wrong(g: Any, to_input: bool = True) -> Any:
                below = pullback(g, to_input)
                if part == "input":
                    return 0.5 * below
                getattr(p, f"d{part}")[...] *= 0.5
                return below

            return y, wrong

    return Wrong


@pytest.mark.parametrize(
    ("part", "fails"),
    [
        ("W", {"dense2.W"}),
        ("b", {"dense2.b"}),
        ("input", {"dense1.W", "dense1.b", "input"}),
    ],
)
def test_the_place_of_a_fault(part: str, fails: set[str]) -> None:
    """What fails is what the fault touches: one array, or all that lies below."""
    chain = chain_of(("tanh", Activation(activations.tanh)))
    layers = {**chain.layers, "dense2": halved(part)(4, 2)}
    wrong = Chain(layers, theta=chain.theta, statistics=chain.statistics)
    report = check_problem(problem(wrong))
    assert {check.array for check in report.checks if not check.passed} == fails
    assert all(check.error == pytest.approx(0.5) for check in report.checks if not check.passed)
    assert check_problem(problem(chain)).passed


@pytest.mark.parametrize("factor", [1 + 1e-10, 1 - 1e-10, -1.0, 0.0, math.nan])
def test_small_faults_are_found(factor: float) -> None:
    """A loss whose gradient is off by one part in ten billion, or is NaN, does not pass."""

    def off(y: Any, z: Any, weight: Any, total: float) -> Any:
        value, g = losses.squared_error(y, z, weight, total)
        return value, factor * g

    report = check_problem(problem(chain_of(), off))
    assert not any(check.passed for check in report.checks)


def test_rounding_passes() -> None:
    """An error of rounding is none."""

    def close(y: Any, z: Any, weight: Any, total: float) -> Any:
        value, g = losses.squared_error(y, z, weight, total)
        return value, (1 + 1e-15) * g

    assert check_problem(problem(chain_of(), close)).passed


def test_methods() -> None:
    """Smooth chains are checked by complex step alone; with kinks three ways."""
    smooth = check_problem(problem(chain_of(("silu", Activation(activations.silu)))))
    assert {check.method for check in smooth.checks} == {"complex step"}
    kinked = check_problem(problem(chain_of(("relu", Activation(activations.relu)))))
    assert {c.method for c in kinked.checks} == {"complex step", "inner product", "differences"}
    sharp = check_problem(problem(chain_of(), losses.absolute_error, loss_kinks=(0.0,)))
    assert {c.method for c in sharp.checks} == {"complex step", "inner product", "differences"}
    assert smooth.passed
    assert kinked.passed
    assert sharp.passed


def test_entries_at_a_kink_are_left_out() -> None:
    """Where a perturbation would cross a kink, differences say nothing, and are not asked."""
    chain = chain_of(("relu", Activation(activations.relu)))
    chain.layout.view(chain.theta, "dense1.W")[...] = 0.0
    chain.layout.view(chain.theta, "dense1.b")[...] = [0.0, 1.0, -1.0, 1e-8]
    report = check_problem(problem(chain))
    entries = {c.array: c.entries for c in report.checks if c.method == "differences"}
    assert entries["dense1.b"] == 2
    assert entries["dense2.b"] == 2
    assert report.passed


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer", [BatchNorm(4), LayerNorm(4), Dropout(0.4)])
def test_layers_in_both_modes(layer: Any, training: bool) -> None:
    """Layers that act differently in training are right in both modes."""
    chain = chain_of(("layer", layer), ("tanh", Activation(activations.tanh)))
    chain.statistics += abs(RNG.normal(size=len(chain.statistics)))
    noise = StepNoise(0, 1, np.arange(N)) if training else None
    assert check_problem(problem(chain, noise=noise)).passed


def test_penalty_and_weights() -> None:
    """The penalty and the weights of rows are part of what is checked."""
    weight = RNG.uniform(0.5, 2.0, N)
    found = problem(chain_of(), weight=weight, total=float(weight.sum()), penalty=l2(0.3))
    assert check_problem(found).passed
    without = dataclasses.replace(found, penalty=None)
    assert float(found.value(found.chain, X).real) > float(without.value(found.chain, X).real)


def test_a_gradient_of_zero() -> None:
    """Where both gradients vanish the error is zero, not NaN."""
    chain = chain_of()
    chain.theta[...] = 0.0
    report = check_problem(problem(chain))
    assert report.passed
    assert report.max_relative_error <= 1e-12


def test_the_chain_is_not_moved() -> None:
    """Weights and statistics are as they were."""
    chain = chain_of(("bn", BatchNorm(4)))
    before = chain.theta.copy(), chain.statistics.copy()
    check_problem(problem(chain, noise=StepNoise(0, 1, np.arange(N))))
    np.testing.assert_array_equal(chain.theta, before[0])
    np.testing.assert_array_equal(chain.statistics, before[1])


CHECKS = (
    Check("dense1.W", "complex step", 5, 1e-15, 1e-12),
    Check("dense1.W", "inner product", 1, 2e-13, 1e-12),
    Check("dense1.W", "differences", 5, 3e-11, 1e-9),
)


def test_report() -> None:
    """The greatest errors are told apart by method; it prints as a table."""
    report = GradientReport(CHECKS)
    assert report.passed
    assert report.max_relative_error == 2e-13
    assert report.max_difference_error == 3e-11
    lines = str(report).splitlines()
    assert lines[0].split() == ["array", "method", "entries", "error", "allowed"]
    assert len(lines) == 4
    assert "FAILED" not in str(report)


@pytest.mark.parametrize("error", [2e-12, math.nan, math.inf])
def test_a_failed_report(error: float) -> None:
    """One error too large, or no number, fails the whole and is marked."""
    report = GradientReport((*CHECKS, Check("input", "complex step", 5, error, 1e-12)))
    assert not report.passed
    assert str(report).splitlines()[-1].endswith("FAILED")


def test_an_empty_report_has_not_passed() -> None:
    """That nothing was checked is no proof."""
    assert not GradientReport(()).passed
    assert GradientReport(()).max_relative_error == 0.0


def test_a_lost_complex_step_is_told() -> None:
    """What loses the imaginary part fails, and the table says what may have lost it."""
    still = Check("input", "complex step", 5, 1.0, 1e-12, still=True)
    assert "np.abs" in str(GradientReport((*CHECKS, still)))
    assert "np.abs" not in str(GradientReport((*CHECKS, dataclasses.replace(still, still=False))))
    net = dr.Network([3, 4, 2], activation=lambda x: (np.abs(x), lambda g: g * np.sign(x)))
    report = dr.check_gradients(net, np.random.default_rng(0).normal(size=(6, 3)), [0, 1] * 3)
    assert not report.passed
    assert {c.array for c in report.checks if c.still} == {"dense1.W", "dense1.b", "input"}
