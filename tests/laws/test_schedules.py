"""Laws of every schedule, found in the module."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable

import pytest

from deltarule.ground.errors import names_in
from deltarule.machine.optimizer import product_of
from deltarule.mathematics import schedules

NAMES = names_in(schedules)
every_schedule = pytest.mark.parametrize("name", NAMES)
TOTALS = (1, 2, 3, 7, 1000)
PER_STEP = {"exponential"}  # decays by the step, as in the report, however long the run
RISING = {"warmup", "one_cycle", "warmup_stable_decay"}  # these rise first, by their nature


def of(name: str) -> Callable[..., float]:
    """The schedule of this name."""
    return getattr(schedules, name)  # type: ignore[no-any-return]


def options_of(schedule: Callable[..., float]) -> list[dict[str, float]]:
    """The defaults; each option at another value, as a fraction and as a number of steps."""
    options = [
        p for p in inspect.signature(schedule).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    lengths = {"length", "every", "peak", "warmup"} | (
        {"decay"} if name_of_length(schedule) else set()
    )
    other = [{p.name: 0.5 * p.default + 0.01} for p in options]
    counts = [{p.name: value} for p in options if p.name in lengths for value in (1, 5, 3000)]
    return [{}, *other, *counts]


def name_of_length(schedule: Callable[..., float]) -> bool:
    """Whether `decay` is a length here (elsewhere it is a rate)."""
    return schedule is schedules.warmup_stable_decay


@every_schedule
def test_factor_lies_between_0_and_1(name: str) -> None:
    """The factor of every step of every run lies in [0, 1]; also past the end of the plan."""
    schedule = of(name)
    for options in options_of(schedule):
        for total in TOTALS:
            factors = [schedule(done, total, **options) for done in range(2 * total + 1)]
            assert all(isinstance(factor, float) for factor in factors)
            assert all(0.0 <= factor <= 1.0 for factor in factors), (options, total)


@every_schedule
def test_training_moves(name: str) -> None:
    """No step of a run has the factor 0, so none is wasted."""
    for total in TOTALS:
        assert all(of(name)(done, total) > 0 for done in range(total))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PER_STEP])
def test_is_a_function_of_progress(name: str) -> None:
    """With its defaults the shape of a schedule does not depend on the number of steps."""
    for share in (0.1, 0.25, 0.5, 0.7, 0.95):
        short, long = (of(name)(share * total, total) for total in (10_000, 1_000_000))
        assert short == pytest.approx(long, abs=2e-3)


@every_schedule
def test_falls_or_rises_once(name: str) -> None:
    """The factor never rises after it fell."""
    for options in options_of(of(name)):
        factors = [of(name)(done, 200, **options) for done in range(200)]
        changes = [b - a for a, b in itertools.pairwise(factors) if abs(b - a) > 1e-15]
        signs = [math.copysign(1, change) for change in changes]
        assert signs == sorted(signs, reverse=True)
        assert name in RISING or all(sign < 0 for sign in signs)


@every_schedule
def test_schedules_multiply(name: str) -> None:
    """A product of schedules is the product of their factors, and of none it is 1."""
    both = product_of([of(name), schedules.exponential])
    for done in (0, 3, 9):
        expected = of(name)(done, 10) * schedules.exponential(done, 10)
        assert both(done, 10) == pytest.approx(expected, rel=1e-15)
        assert product_of([])(done, 10) == 1.0


@every_schedule
def test_options_are_numbers_with_defaults(name: str) -> None:
    """Beside done and total, a schedule takes keyword options with numbers as defaults."""
    done, total, *options = inspect.signature(of(name)).parameters.values()
    assert (done.name, total.name) == ("done", "total")
    assert all(p.kind == p.KEYWORD_ONLY and isinstance(p.default, float) for p in options)
