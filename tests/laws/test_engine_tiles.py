"""Products of bf16: against NumPy's on rounded factors, on vectors and on emulated matrix tiles."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import engine_driver as drive
import numpy as np
import pytest
from engine_cases import MANY_STEPS, cases, laws
from engine_driver import Case
from hypothesis import given
from hypothesis import strategies as st

ISAS = [*drive.names("ISAS"), *(["auto", "tiles"] if drive.names("ISAS") else [])]
WIDTHS = [1, 3, 17, 31, 33, 100]
Array = np.ndarray

pytestmark = pytest.mark.usefixtures("core")


def rounded(x: Array) -> Array:
    """The nearest numbers that bf16 can hold, ties to even."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32).astype(np.float64)


def one_step(case: Case, data: drive.Data) -> tuple[Array, Array]:
    """θ and scores after one step of gradient descent, factors rounded and sums in float64.

    Of a network with one hidden layer of identities, and the squared error.
    """
    n_in, width, n_out = case.sizes
    theta, rows = data.theta, data.batches[0]
    W, V = theta[: n_in * width].reshape(n_in, width), theta[n_in * width : -width - n_out]
    V = V.reshape(width, n_out)
    b, c = theta[-width - n_out : -n_out], theta[-n_out:]
    x = rounded((data.X[rows].astype(np.float32) - data.shift) * data.factor)
    y = rounded(x @ rounded(W) + b)
    z = y @ rounded(V) + c
    g = 2 * (z - data.y[rows]) / z.size
    h = rounded(g) @ rounded(V).T
    parts = [x.T @ rounded(h), y.T @ rounded(g), h.sum(0), g.sum(0)]
    scores = np.zeros((case.n, n_out))
    scores[rows] = z
    return theta - case.lr * np.concatenate([part.ravel() for part in parts]), scores


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("isa", ISAS)
def test_one_step(core: Any, isa: str, width: int, batch: int) -> None:
    """Scores and all derivatives are those of rounded factors; the odd sum rounds another way."""
    for features, outputs in itertools.product((*WIDTHS, 600), (1, 33)):
        case = Case(
            (features, width, outputs), ("identity",), "squared_error", "sgd", lr=1.0, steps=1,
            batch=batch, n=batch, bf16=True,
        )  # fmt: skip
        data = drive.data_of(case)
        theta, scores = one_step(case, data)
        found = drive.engine(core, case, data, "float32", isa=isa)
        assert drive.distance(found.scores, scores) < 1e-3
        assert drive.distance(found.theta - data.theta, theta - data.theta) < 1e-3


@laws(40)
@given(case=cases(), threads=st.integers(2, 5), cut=st.integers(1, 8))
def test_tiles_at_random(core: Any, case: Case, threads: int, cut: int) -> None:
    """Whatever the network, tiles lead where vectors lead, to bits that nobody's share changes."""
    case = replace(case, bf16=True, steps=3)
    data = drive.data_of(case)
    one = drive.engine(core, case, data, "float32", isa="tiles")
    assert drive.same_bits(
        one, drive.engine(core, case, data, "float32", isa="tiles", threads=threads, cut=cut)
    )
    by_vectors = drive.engine(core, case, data, "float32", isa="baseline")
    assert drive.distance(one.theta, by_vectors.theta) < 2e-2


@pytest.mark.parametrize("rule", MANY_STEPS)
def test_every_rule_leaves_padding_alone(core: Any, rule: str) -> None:
    """A width that tiles pad the most trains as it does on vectors."""
    case = Case((33, 33, 1), ("tanh",), "squared_error", rule, batch=33, short=16, bf16=True)
    case = replace(case, weight_decay=0.1, l2=0.01, clip=1.0, average=0.9, dropout=(0.2,))
    data = drive.data_of(case)
    vectors, by_tiles = (
        drive.engine(core, case, data, "float32", isa=isa) for isa in ("baseline", "tiles")
    )
    assert drive.apart(by_tiles, vectors) < 2e-2


def test_a_short_batch(core: Any) -> None:
    """Rows that an earlier, longer batch left behind do not count, nor do NaN among them."""
    case = Case((40, 35, 3), ("tanh",), batch=64, n=64, steps=1, bf16=True)
    data = drive.data_of(case)
    data.batches = [np.arange(5)]
    fresh = drive.engine(core, case, data, "float32", isa="tiles")
    trainer = drive.trainer_of(core, case, data, "float32", "tiles")

    class Used:
        @staticmethod
        def Trainer(**_: Any) -> Any:
            return trainer

    for X in (data.X, np.full_like(data.X, np.nan)):
        before = replace(data, X=X, batches=[np.arange(64)])
        drive.engine(Used, case, before, "float32")
        assert drive.same_bits(fresh, drive.engine(Used, case, data, "float32"))


def test_the_check_of_tiles(core: Any) -> None:
    """Emulated tiles pass the check that the processor's must pass, and a wrong factor does not."""
    assert core.tiles_agree(False)
    assert not core.tiles_agree(True)


def test_who_multiplies(core: Any) -> None:
    """The processor's tiles are taken where they passed; emulated ones only where asked for."""
    case = Case(bf16=True)
    data = drive.data_of(case)
    assert core.amx() in ("", "in use") or core.amx().startswith("not used: ")
    for isa in core.ISAS:
        assert drive.trainer_of(core, case, data, "float32", isa).isa == isa
    assert drive.trainer_of(core, case, data, "float32").isa == core.ISAS[-1]  # mostly padding
    large = Case((64, 128, 10), batch=64, bf16=True)
    taken = drive.trainer_of(core, large, drive.data_of(large), "float32").isa
    assert taken == ("amx" if core.amx() == "in use" else core.ISAS[-1])
    assert drive.trainer_of(core, case, data, "float32", "tiles").isa == "tiles"
    assert core.peak("bf16", 1, 0.001, "tiles") > 0
    with pytest.raises(ValueError, match="Unknown instruction set 'tiles'"):
        drive.trainer_of(core, replace(case, bf16=False), data, "float32", "tiles")
