"""The gradient checker at the door, and the standing set of networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.arrays import real, where
from deltarule.ground.errors import names_in
from deltarule.mathematics.activations import with_kinks
from deltarule.network.checks import Case, standard_cases

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(6, 4)), np.arange(6) % 3


def cube(x: Any) -> Any:
    """y = x³   ⇒   ∂x = 3x²·g, right."""
    return x * x * x, lambda g: 3.0 * x * x * g


def wrong_cube(x: Any) -> Any:
    """The same with a pullback that is a thousandth off."""
    return x * x * x, lambda g: 3.003 * x * x * g


def forgetful(x: Any) -> Any:
    """A function that takes the derivative of its argument to be constant."""
    return x * x, lambda g: 2.0 * g


@with_kinks(0.5)
def hinge(x: Any) -> Any:
    """y = max(x, ½), with its kink declared."""
    above = real(x) > 0.5
    return where(above, x, 0.5), lambda g: g * above


@with_kinks(0.5)
def wrong_hinge(x: Any) -> Any:
    """The same with a pullback that lets everything through."""
    return where(real(x) > 0.5, x, 0.5), lambda g: g


@pytest.fixture(scope="module")
def cases() -> list[tuple[Case, Any]]:
    """The standing set with its reports."""
    return [(case, case.check()) for case in standard_cases()]


def test_standing_set_passes(cases: list[tuple[Case, Any]]) -> None:
    """At least 60 combinations, every array of each right to 1e-12 (by differences to 1e-9)."""
    assert len(cases) >= 60
    for case, report in cases:
        assert report.passed, f"{case.name}\n{report}"
    assert max(report.max_relative_error for _, report in cases) <= 1e-12
    assert max(report.max_difference_error for _, report in cases) <= 1e-9


def test_standing_set_is_whole(cases: list[tuple[Case, Any]]) -> None:
    """Every activation meets every loss; every layer, mode and penalty occurs; no name twice."""
    names = [case.name for case, _ in cases]
    assert len(set(names)) == len(names)
    for activation in names_in(dr.activations):
        for loss in names_in(dr.losses):
            assert f"activation={activation}, loss={loss}" in names
    for words in (
        ("batch", "evaluation mode"),
        ("batch",),
        ("layer",),
        ("dropout",),
        ("l2",),
        ("cross_entropy/0.2",),
    ):
        assert any(all(word in name for word in words) for name in names), words
    modes = {case.training for case, _ in cases if "batch" in case.name}
    assert modes == {True, False}


def test_every_array_is_compared(cases: list[tuple[Case, Any]]) -> None:
    """Each parameter and the input is checked exactly; where there are kinks, in three ways."""
    for case, report in cases:
        arrays = {*case.network.parameters, "input"}
        by_method: dict[str, set[str]] = {}
        for check in report.checks:
            by_method.setdefault(check.method, set()).add(check.array)
        assert by_method["complex step"] == arrays
        if "activation=relu" in case.name or "absolute_error" in case.name:
            assert by_method["inner product"] == by_method["differences"] == arrays


def test_another_seed(cases: list[tuple[Case, Any]]) -> None:
    """Another seed draws other weights and rows, and they pass as well."""
    first = [next(standard_cases(seed)) for seed in (0, 1)]
    assert first[0].X.tobytes() != first[1].X.tobytes()
    assert first[1].check().passed


@pytest.mark.parametrize("right", [cube, hinge])
def test_a_right_derivative_passes(right: Any) -> None:
    """A function of one's own with the right pullback passes."""
    assert dr.check_gradients(dr.Network([4, 5, 3], activation=right), X, Y).passed


@pytest.mark.parametrize("wrong", [wrong_cube, forgetful, wrong_hinge])
def test_a_wrong_derivative_is_found(wrong: Any) -> None:
    """A pullback that is a thousandth off, or forgets its argument, fails below it, not above."""
    report = dr.check_gradients(dr.Network([4, 5, 3], activation=wrong), X, Y)
    assert not report.passed
    failed = {check.array for check in report.checks if not check.passed}
    assert {"dense1.W", "input"} <= failed
    assert not failed & {"dense2.W", "dense2.b"}
    assert "FAILED" in str(report)


def test_a_wrong_loss_is_found() -> None:
    """A gradient that does not belong to the loss fails everywhere."""

    @dr.losses.declare("classification")
    def half(y: Any, z: Any, weight: Any, total: float) -> Any:
        value, g = dr.losses.cross_entropy(y, z, weight, total)
        return value, 0.5 * g

    report = dr.check_gradients(dr.Network([4, 5, 3], loss=half), X, Y)
    assert all(not check.passed for check in report.checks if check.method == "complex step")


@pytest.mark.parametrize("training", [True, False])
def test_both_modes(training: bool) -> None:
    """Batch statistics and dropout are checked as in training, or as in use."""
    net = dr.Network([4, 6, 3], normalization="batch", dropout=0.3, activation="tanh")
    net.train(X, Y, epochs=3, progress=False)
    assert dr.check_gradients(net, X, Y, training=training).passed


def test_at_the_present_weights() -> None:
    """A trained float32 network is checked in float64 where it is, and is not moved."""
    net = dr.Network([4, 6, 3], l2=0.1)
    net.train(X, Y, epochs=5, lr=0.01, progress=False)
    before = net.chain.theta.tobytes()
    report = dr.check_gradients(net, X, Y, sample_weight=np.arange(1.0, 7.0))
    assert report.passed
    assert net.chain.theta.tobytes() == before
    assert net.chain.theta.dtype == np.float32


def test_fewer_entries() -> None:
    """`max_entries` bounds how many entries of each array are compared."""
    report = dr.check_gradients(dr.Network([4, 6, 3]), X, Y, max_entries=5)
    exact = [check for check in report.checks if check.method == "complex step"]
    assert {check.array: check.entries for check in exact} == {
        "dense1.W": 5,
        "dense2.W": 5,
        "dense1.b": 5,
        "dense2.b": 3,
        "input": 5,
    }


def test_rows_of_a_table() -> None:
    """Rows are taken as the network takes them: bytes, texts, standardised targets."""
    pixels = RNG.integers(0, 256, (6, 4)).astype(np.uint8)
    assert dr.check_gradients(dr.Network([4, 3]), pixels, ["a", "b", "c"] * 2).passed
    net = dr.Network([4, 5, 1], loss="huber", activation="silu")
    assert dr.check_gradients(net, X, 1e6 + 1e4 * X[:, 0]).passed


@pytest.mark.parametrize("columns", [1, 3])
def test_several_quantiles(columns: int) -> None:
    """The gradients of several quantiles at once, of one number or of one each, are right."""
    net = dr.Network(
        [4, 5, 3], loss={"name": "quantile", "level": [0.1, 0.5, 0.9]}, activation="tanh", l2=0.1
    )
    y = X[:, :columns] if columns > 1 else X[:, 0]
    report = dr.check_gradients(net, X, y, np.arange(1.0, len(X) + 1))
    assert report.passed
    assert report.max_relative_error <= 1e-12
