"""The engine's bits: the same whatever the threads, the run and the cuts into calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import engine_driver as drive
import numpy as np
import pytest
from engine_cases import cases, laws
from engine_driver import Case
from hypothesis import given
from hypothesis import strategies as st

ISAS = drive.names("ISAS")
DTYPES = ["float32", "float64"]

pytestmark = pytest.mark.usefixtures("core")

# All shapes end with a short batch; where the first layer is wide it is taken by features.
CASES = {
    "by rows": Case((64, 100, 50, 10), batch=37, n=80, steps=7, short=5),
    "by features": Case((600, 50, 10), batch=37, n=80, steps=7, short=5),
    "by many features": Case((5000, 33, 3), batch=9, n=20, steps=4, short=2),
    "one layer": Case((515, 130), (), "squared_error", "sgd", batch=21, n=30, steps=5, short=1),
    "clipped": Case((70, 60, 10), clip=0.05, l2=0.01, batch=37, n=80, steps=7, short=5),
    "clipped, by features": Case(
        (600, 50, 10), clip=0.05, l2=0.01, weight_decay=0.1, batch=37, n=80, steps=7, short=5
    ),
    "everything": Case(
        (530, 61, 47, 9),
        ("gelu", "mish"),
        "cross_entropy",
        "nadam",
        0.1,
        dropout=(0.3, 0.0),
        weight_decay=0.1,
        l2=0.01,
        clip=0.5,
        average=0.9,
        batch=33,
        n=70,
        steps=7,
        short=30,
        rows="uint8",
        weighted=True,
    ),
    "more threads than rows": Case((40, 30, 1), ("tanh",), "huber", batch=3, n=20, steps=7),
}
every_case = pytest.mark.parametrize("name", list(CASES))


def in_pieces(
    core: Any, case: Case, data: drive.Data, dtype: str, cuts: list[int]
) -> drive.Outcome:
    """The steps with the core, by a new trainer after each of the cuts."""
    at, losses = drive.beginning(case, data, dtype), []
    ends = [*cuts, len(data.batches)]
    for begin, end in itertools.pairwise([0, *ends]):
        part = replace(data, batches=data.batches[begin:end])
        scores = at.scores
        at = drive.engine(core, case, part, dtype, at, begin + 1)
        losses += at.losses
        at.scores = np.where(at.scores == 0, scores, at.scores) if begin else at.scores
    return replace(at, losses=losses)


@every_case
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads(core: Any, name: str, isa: str, dtype: str) -> None:
    """1, 2, 3 and 4 threads, and as many as the core chooses, give the same bits, in every run."""
    data = drive.data_of(CASES[name])
    one = drive.engine(core, CASES[name], data, dtype, isa=isa)
    assert np.isfinite(one.theta).all()
    for threads in (1, 2, 2, 3, 4, 0):
        other = drive.engine(core, CASES[name], data, dtype, isa=isa, threads=threads)
        assert drive.same_bits(one, other), threads


@laws(40)
@given(
    case=cases(), dtype=st.sampled_from(DTYPES), threads=st.integers(2, 6), cut=st.integers(1, 9)
)
def test_threads_and_cuts_at_random(
    core: Any, case: Case, dtype: str, threads: int, cut: int
) -> None:
    """The same with any shapes, options and rows."""
    data = drive.data_of(case)
    one = drive.engine(core, case, data, dtype)
    other = drive.engine(core, case, data, dtype, threads=threads, cut=cut)
    assert drive.same_bits(one, other)


@every_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_cuts_into_calls(core: Any, name: str, dtype: str) -> None:
    """However the steps are cut into calls, and if each call ends after one, the bits are equal."""
    data = drive.data_of(CASES[name])
    whole = drive.engine(core, CASES[name], data, dtype)
    ways: list[dict[str, Any]] = [{"cut": 1}, {"cut": 3}, {"seconds": 0.0}]
    for way, threads in itertools.product(ways, (1, 2)):
        other = drive.engine(core, CASES[name], data, dtype, threads=threads, **way)
        assert drive.same_bits(whole, other), (way, threads)


@every_case
@pytest.mark.parametrize("isa", [*ISAS, "tiles"])
def test_short_operands(core: Any, name: str, isa: str) -> None:
    """With bf16 operands, too, threads and cuts into calls change no bit."""
    case = replace(CASES[name], bf16=True)
    data = drive.data_of(case)
    one = drive.engine(core, case, data, "float32", isa=isa)
    ways: list[dict[str, Any]] = [{"threads": 2}, {"threads": 4, "cut": 2}, {"cut": 1}]
    for way in ways:
        assert drive.same_bits(one, drive.engine(core, case, data, "float32", isa=isa, **way)), way


@every_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_handed_over(core: Any, name: str, dtype: str) -> None:
    """Stored and loaded into a new trainer between any two steps, a training goes on unchanged."""
    data = drive.data_of(CASES[name])
    whole = drive.engine(core, CASES[name], data, dtype)
    for cuts in ([1], [2, 3]):
        pieces = in_pieces(core, CASES[name], data, dtype, cuts)
        assert drive.same_bits(replace(whole, scores=pieces.scores), pieces)


@pytest.mark.parametrize("rule", list(drive.RULES))
def test_rates_and_scalars_of_steps(rule: str) -> None:
    """What a rule is told of a step does not depend on how many steps are asked for at once."""
    optimizer = drive.optimizer_of(Case(rule=rule, steps=400), np.zeros(1))
    whole = optimizer.ahead(1, 400)
    for cut in (1, 2, 3, 5, 64, 399):
        parts = [optimizer.ahead(t, min(cut, 401 - t)) for t in range(1, 401, cut)]
        for one, others in zip(whole, zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(np.concatenate(others), one, f"{cut} at once")


@pytest.mark.parametrize("threads", [1, 2])
def test_no_time(core: Any, threads: int) -> None:
    """With no time left a call takes one step, and says so."""
    case = CASES["by rows"]
    taken = []

    def counting(trainer: Any) -> Callable[..., int]:
        def advance(**given: Any) -> int:
            taken.append(trainer.advance(**given))
            return taken[-1]

        return advance

    class Counted:
        def __init__(self, **words: Any) -> None:
            trainer = core.Trainer(**words)
            self.load, self.store, self.advance = trainer.load, trainer.store, counting(trainer)

    class Stand:
        Trainer = Counted

    for seconds in (0.0, -1.0, -np.inf):
        taken.clear()
        drive.engine(Stand, case, drive.data_of(case), "float32", seconds=seconds, threads=threads)
        assert taken == [1] * case.steps


@laws(60)
@given(
    sizes=st.lists(st.integers(1, 90), min_size=2, max_size=5),
    wide=st.booleans(),
    rule=st.sampled_from(list(drive.RULES)),
    average=st.sampled_from([0.0, 0.9]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 1000),
)
def test_store_is_the_inverse_of_load(
    core: Any, sizes: list[int], wide: bool, rule: str, average: float, dtype: str, seed: int
) -> None:
    """What was loaded is what is stored, bit by bit, NaN, infinities and denormals too."""
    sizes = [sizes[0] + 511 * wide, *sizes[1:]]
    case = Case(tuple(sizes), loss="squared_error", rule=rule, average=average)
    data = drive.data_of(case)
    start = drive.beginning(case, data, dtype)
    rng = np.random.default_rng(seed)
    for vector in start.vectors():
        vector[...] = rng.normal(size=vector.shape)
        odd = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-40, 5e-324], dtype)
        flat = vector.reshape(-1)
        flat[rng.integers(0, flat.size, 4)] = rng.choice(odd, 4)
    for isa in ISAS:
        trainer = drive.trainer_of(core, case, data, dtype, isa)
        average_given = start.average
        trainer.load(start.theta, start.state, average_given)
        for _ in range(2):
            found = drive.stored(trainer, start)
            for one, other in zip(found.vectors(), start.vectors(), strict=True):
                assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("isa", ISAS)
def test_a_short_batch_ends_a_call_only(core: Any, isa: str) -> None:
    """Rows behind the last one leave no trace: a short batch is as if it were the only size."""
    short = Case((37, 20, 3), ("tanh",), batch=5, n=30, steps=1)
    for batch in (6, 7, 8, 30, 64):
        case = replace(short, batch=batch)
        data = drive.data_of(short)
        a = drive.engine(core, short, data, "float64", isa=isa)
        b = drive.engine(core, case, data, "float64", isa=isa)
        assert drive.same_bits(a, b), batch


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(20, 17, 3), (600, 17, 3)])
def test_a_trainer_is_used_again(core: Any, sizes: tuple[int, ...], dtype: str) -> None:
    """A loaded trainer begins anew, whatever it did before: rows, targets, weights or NaN."""
    case = Case(sizes, ("gelu",), weighted=True, dropout=(0.2,), clip=0.5, average=0.9)
    first, second = (drive.data_of(replace(case, seed=seed)) for seed in (1, 2))
    broken = replace(second, X=np.full_like(second.X, np.nan))
    fresh = drive.engine(core, case, second, dtype)
    trainer = drive.trainer_of(core, case, second, dtype)

    class Used:
        @staticmethod
        def Trainer(**_: Any) -> Any:
            return trainer

    for data in (second, first, broken, second):
        again = drive.engine(Used, case, replace(data, shift=second.shift), dtype)
    assert drive.same_bits(fresh, again)
