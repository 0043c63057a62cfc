"""What each schedule is at chosen steps."""

from __future__ import annotations

import math

import pytest

from deltarule.mathematics import schedules


def test_constant() -> None:
    """constant is 1 at every step."""
    assert [schedules.constant(done, 5) for done in range(5)] == [1.0] * 5


@pytest.mark.parametrize("decay", [0.0, 1e-4, 0.3])
def test_exponential(decay: float) -> None:
    """exponential is e^(−k·t), exactly, whatever the number of steps."""
    for done in (0, 1, 17, 5000):
        assert schedules.exponential(done, 9, decay=decay) == math.exp(-decay * done)


def test_exponential_is_the_reports_decay() -> None:
    """By default a step lowers the rate by the factor e^(−10⁻⁴)."""
    assert schedules.exponential(10_000, 1) == pytest.approx(1 / math.e, rel=1e-15)


def test_step() -> None:
    """step falls by the factor after every third of the run, or after a number of steps."""
    factors = [schedules.step(done, 9) for done in range(9)]
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01])
    factors = [schedules.step(done, 99, every=2, factor=0.5) for done in range(6)]
    assert factors == [1, 1, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("total", [3, 30, 300, 3000])
def test_step_has_no_fourth_stair(total: int) -> None:
    """Rounding of a third does not let the last step of a run fall once more."""
    assert schedules.step(total - 1, total) == pytest.approx(0.01)
    assert schedules.step(total // 3, total) == pytest.approx(0.1)
    assert schedules.step(total // 3 - 1, total) == 1.0


def test_linear() -> None:
    """linear is 1 in the first step, 1/T in the last, 0 after it, and a straight line."""
    factors = [schedules.linear(done, 8) for done in range(9)]
    assert factors == [1 - done / 8 for done in range(9)]
    assert schedules.linear(4, 8, end=0.2) == pytest.approx(0.6)
    assert schedules.linear(20, 8, end=0.2) == pytest.approx(0.2)


def test_cosine() -> None:
    """cosine is 1 at first, half-way at half the run, `end` at its end, flat at both."""
    assert schedules.cosine(0, 10) == 1.0
    assert schedules.cosine(5, 10) == pytest.approx(0.5, rel=1e-15)
    assert schedules.cosine(10, 10) == pytest.approx(0.0, abs=1e-16)
    assert schedules.cosine(5, 10, end=0.2) == pytest.approx(0.6, rel=1e-15)
    assert schedules.cosine(10, 10, end=0.2) == pytest.approx(0.2, rel=1e-15)
    assert 1 - schedules.cosine(1, 1000) < 1e-5


def test_warmup() -> None:
    """warmup reaches 1 in the last step of its length by equal steps, then stays."""
    factors = [schedules.warmup(done, 100, length=4) for done in range(6)]
    assert factors == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert schedules.warmup(0, 100, length=0.04) == 0.25
    assert schedules.warmup(0, 3) == 1.0


@pytest.mark.parametrize("total", [10, 97, 1000])
@pytest.mark.parametrize("peak", [0.3, 0.5])
def test_one_cycle_has_torchs_shape(total: int, peak: float) -> None:
    """one_cycle is PyTorch's OneCycleLR, with its peak at peak·T and its end at T."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # PyTorch's phases end one step early: at peak·(T + 1) − 1 and at T, if given T + 1 steps.
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=total + 1, pct_start=(peak * total + 1) / (total + 1)
    )
    for done in range(total + 1):
        assert schedules.one_cycle(done, total, peak=peak) == pytest.approx(
            theirs.get_last_lr()[0], rel=1e-12, abs=1e-17
        )
        if done < total:
            optimizer.step()
            theirs.step()


def test_one_cycle_past_its_end() -> None:
    """After the run one_cycle stays at its end, also where the run is a single step."""
    for total in (1, 2, 10):
        assert schedules.one_cycle(total, total) == pytest.approx(4e-6)
        assert schedules.one_cycle(3 * total, total) == pytest.approx(4e-6)


def test_warmup_stable_decay() -> None:
    """It rises over the first 5 %, is 1, and falls over the last 20 % to 1/length."""
    factors = [schedules.warmup_stable_decay(done, 100) for done in range(100)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[5:81] == [1.0] * 76
    assert factors[81:] == pytest.approx([(100 - done) / 20 for done in range(81, 100)])
    assert schedules.warmup_stable_decay(100, 100, end=0.3) == pytest.approx(0.3)


def test_lengths_are_fractions_below_1_and_steps_from_1() -> None:
    """A length of 0.1 is a tenth of the run, one of 10 is ten steps."""
    for done in range(100):
        as_fraction = schedules.warmup(done, 100, length=0.1)
        assert as_fraction == schedules.warmup(done, 100, length=10)
