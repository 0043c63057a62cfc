"""Scores by the core: those of the chain, or none."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.scaling import learn_scaling
from deltarule.engine.inference import inference_for

RNG = np.random.default_rng(0)
ROWS: dict[str, Any] = {
    "float64": RNG.normal(size=(30, 5)),
    "float32": RNG.normal(size=(30, 5)).astype(np.float32),
    "bytes": RNG.integers(0, 256, (30, 5), dtype=np.uint8),
    "whole numbers": RNG.integers(-5, 5, (30, 5)),
    "yes and no": RNG.normal(size=(30, 5)) > 0,
    "turned": np.asfortranarray(RNG.normal(size=(30, 5))),
    "backwards": RNG.normal(size=(30, 10))[::-1, 9:0:-2],
    "one row": RNG.normal(size=(1, 5)),
}


@pytest.fixture(params=["fake", "core"])
def any_core(request: pytest.FixtureRequest) -> None:
    """The stand-in, and the compiled one where it is there."""
    request.getfixturevalue(request.param)


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("any_core")
def test_scores_of_rows(kind: str, dtype: str) -> None:
    """z of rows of any real dtype and strides are those of the chain, to rounding."""
    rows = ROWS[kind]
    net = dr.Network([5, 7, 6, 3], dtype=dtype, activation=["tanh", "elu"], dropout=0.5)
    for scaling in (learn_scaling("feature", rows + 0.5), learn_scaling("none", rows)):
        found = inference_for(net.chain, scaling)
        assert found is not None
        z = found(rows)
        assert z is not None
        assert z.dtype == net.chain.theta.dtype
        expected = net.chain(scaling(rows, net.chain.theta.dtype))[0]
        rtol = 1e-4 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(z, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("n", [1, 9])
@pytest.mark.usefixtures("any_core")
def test_rows_that_are_not_finite(value: float, n: int) -> None:
    """Of rows that are not finite in the chain's dtype the core says nothing."""
    rows = RNG.normal(size=(n, 5))
    rows[n // 2, 3] = value
    found = inference_for(dr.Network([5, 4, 2]).chain, learn_scaling("none", rows))
    assert found is not None
    assert found(rows) is None


@pytest.mark.usefixtures("any_core")
def test_it_sees_the_present_weights() -> None:
    """What is written to θ counts at once."""
    net = dr.Network([5, 2])
    found = inference_for(net.chain, learn_scaling("none", ROWS["float32"]))
    assert found is not None
    net.chain.theta[...] = 0.0
    net.parameters["dense1.b"][...] = [1.0, 2.0]
    z = found(ROWS["float32"])
    assert z is not None
    np.testing.assert_array_equal(z, [[1.0, 2.0]] * 30)


@pytest.mark.usefixtures("any_core")
def test_other_chains_are_the_references() -> None:
    """A chain that the core cannot do has no inference."""
    scaling = learn_scaling("none", ROWS["float32"])
    assert inference_for(dr.Network([5, 4, 2], normalization="batch").chain, scaling) is None


@pytest.mark.usefixtures("absent")
def test_without_a_core() -> None:
    """Where there is no core there is no inference, and scores are the reference's."""
    net = dr.Network([5, 4, 2])
    scaling = learn_scaling("none", ROWS["float32"])
    assert inference_for(net.chain, scaling) is None
    expected = net.chain(ROWS["float32"])[0]
    np.testing.assert_array_equal(net.scores(ROWS["float32"]), expected)


def test_large_batches_are_shared(fake: ModuleType) -> None:
    """One row is the calling thread's alone; of many the core chooses how many threads."""
    seen: list[int] = []
    real = fake.forward
    fake.forward = lambda *given: seen.append(given[-1]) or real(*given)  # type: ignore[attr-defined, func-returns-value]
    found = inference_for(dr.Network([5, 2]).chain, learn_scaling("none", ROWS["float32"]))
    assert found is not None
    found(ROWS["float32"][:1])
    found(ROWS["float32"])
    assert seen == [1, 0]
