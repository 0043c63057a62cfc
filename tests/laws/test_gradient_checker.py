"""Right gradients are not accused: of rounding, of the scale of the input, or at kinks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from deltarule.ground.randomness import StepNoise
from deltarule.learning.gradients import Check, GradientReport, Problem, check_problem
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, BatchNorm, Dense, LayerNorm
from deltarule.mathematics import activations, losses

N = 6
METHODS = {"complex step", "inner product", "differences"}
KINKED = {"absolute_error": losses.absolute_error, "quantile": losses.quantile}


def problem(seed: int, *middle: tuple[str, Any], n: int = N, **changes: Any) -> Problem:
    """Dense, some layers, Dense, on n rows."""
    rng = np.random.default_rng(seed)
    chain = Chain({"dense1": Dense(5, 4), **dict(middle), "dense2": Dense(4, 2)}, np.float64)
    chain.initialize(seed)
    chain.theta += 0.1 * rng.normal(size=len(chain.theta))
    x, y = rng.normal(size=(n, 5)), rng.normal(size=(n, 2))
    made = Problem(chain, losses.squared_error, x, y, None, float(n))
    return dataclasses.replace(made, **changes)


RELU, TANH = ("relu", Activation(activations.relu)), ("tanh", Activation(activations.tanh))
SILU = ("silu", Activation(activations.silu))


@dataclasses.dataclass(frozen=True)
class Wrong(Dense):
    """A Dense whose gradient of W is off by one part in ten thousand, in one entry or in all."""

    where: Any = ...

    def __call__(self, p: Any, x: Any, noise: Any = None) -> Any:
        """The value, and the pullback that is off."""
        y, pullback = super().__call__(p, x, noise)

        def wrong(g: Any, to_input: bool = True) -> Any:
            below = pullback(g, to_input)
            p.dW[self.where] *= 1.0001
            return below

        return y, wrong


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0, 1000.0])
def test_any_scale_of_the_input(scale: float, seed: int) -> None:
    """With kinks, input of any scale passes by differences, and none of them is left uncompared."""
    made = problem(seed, RELU)
    report = check_problem(dataclasses.replace(made, x=scale * made.x))
    assert report.passed, report
    assert all(check.entries for check in report.checks)


def test_pixels() -> None:
    """Bytes from 0 to 255 are an input as well."""
    pixels = np.random.default_rng(0).integers(0, 256, (N, 5)).astype(np.float64)
    for seed in range(4):
        assert check_problem(problem(seed, RELU, x=pixels)).passed


@pytest.mark.parametrize("where", [..., (1, 1)])
@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("middle", [(RELU,), (("bn", BatchNorm(4)), RELU), (SILU,)])
def test_the_best_step_hides_no_mistake(middle: Any, scale: float, where: Any) -> None:
    """A formula that is off by 1e-4, even in one entry, fails at whatever step fits best."""
    made = problem(3, *middle, noise=StepNoise(0, 1, np.arange(N)))
    chain = Chain({**made.chain.layers, "dense1": Wrong(5, 4, where=where)}, theta=made.chain.theta)
    wrong = dataclasses.replace(made, chain=chain, x=scale * made.x)
    failed = {(c.array, c.method) for c in check_problem(wrong).checks if not c.passed}
    methods = {"complex step"} if middle == (SILU,) else METHODS
    assert failed == {("dense1.W", method) for method in methods}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("norm", [BatchNorm(4), LayerNorm(4)])
@pytest.mark.parametrize("activation", [RELU, TANH])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_gradients_that_cancel(n: int, norm: Any, activation: Any, scale: float) -> None:
    """What is 0 because its terms cancel (batches of few or equal rows) is not compared to 0."""
    for same in (False, True) if scale == 1.0 else (False,):
        made = problem(2, ("norm", norm), activation, n=n, noise=StepNoise(0, 1, np.arange(n)))
        x = np.repeat(made.x[:1], n, 0) if same else made.x
        report = check_problem(dataclasses.replace(made, x=scale * x))
        assert report.passed, report


def test_at_the_minimum() -> None:
    """Where the gradient itself has vanished to rounding, its terms have not."""
    made = problem(1, n=20, objective=losses.cross_entropy, y=np.arange(20) % 2)
    chain = Chain({"dense1": Dense(5, 2)}, np.float64)
    made = dataclasses.replace(made, chain=chain)
    for _ in range(4000):
        made.gradient()
        chain.theta -= 1.0 * chain.grad
    assert np.linalg.norm(made.gradient()["dense1.W"]) < 1e-13
    assert check_problem(made).passed


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("ulp", [0, 1, -1])
def test_rows_on_a_kink_are_left_out(name: str, ulp: int) -> None:
    """Residuals of 0, exactly or to rounding, are left out and counted; the rest is compared."""
    made = problem(0, TANH, objective=KINKED[name], loss_kinks=(0.0,))
    z = made.chain(made.x)[0]
    y = z + 1.0
    y[:2] = np.nextafter(z[:2], ulp * 9.0) if ulp else z[:2]
    report = check_problem(dataclasses.replace(made, y=y))
    assert report.left_out == 2
    assert report.passed, report
    assert "on a kink of the loss: 2 row(s)" in str(report)
    assert check_problem(dataclasses.replace(made, y=z + 1.0)).left_out == 0


def test_all_rows_on_a_kink() -> None:
    """Where no row is left nothing was compared, and that is said rather than passed."""
    made = problem(0, TANH, objective=losses.absolute_error, loss_kinks=(0.0,))
    report = check_problem(dataclasses.replace(made, y=made.chain(made.x)[0]))
    assert report.checks == ()
    assert report.left_out == N
    assert not report.passed
    assert "nothing was compared" in str(report)


def test_nothing_compared_is_shown() -> None:
    """An array that no step can compare without crossing a kink says so in the table."""
    made = problem(0, RELU)
    made.chain.layout.view(made.chain.theta, "dense1.b")[...] = 0.0
    report = check_problem(dataclasses.replace(made, x=np.vstack([made.x, np.zeros(5)])[1:]))
    (check,) = [c for c in report.checks if (c.array, c.method) == ("dense1.b", "differences")]
    assert check.entries == 0
    (line,) = [line for line in str(report).splitlines() if "not compared" in line]
    assert line.split()[:3] == ["dense1.b", "differences", "0"]
    assert report.passed
    assert not GradientReport((Check("w", "differences", 0, 0.0, 1e-9),)).passed


@pytest.mark.parametrize("wrong", ["random", "huge", "infinite"])
def test_wild_gradients_do_not_excuse_themselves(wrong: str) -> None:
    """What moves or grows without bound is a mistake, not rounding."""
    rng = np.random.default_rng(0)

    def off(y: Any, z: Any, weight: Any, total: float) -> Any:
        value, g = losses.squared_error(y, z, weight, total)
        factor = {"random": rng.normal(size=g.shape), "huge": 1e200, "infinite": np.inf}[wrong]
        return value, factor * g

    with np.errstate(all="ignore"):
        report = check_problem(problem(0, RELU, objective=off))
    assert not any(check.passed for check in report.checks)


def test_columns_in_memory() -> None:
    """Rows that lie column by column in memory are moved as any others."""
    made = problem(1, RELU)
    report = check_problem(dataclasses.replace(made, x=np.asfortranarray(made.x)))
    assert report.passed
    assert all(check.entries for check in report.checks)
