"""Rows to compare on, and what a comparison lets pass."""

from __future__ import annotations

import numpy as np
import pytest
from export_cases import KINDS, trained

import deltarule as dr
from deltarule.exporting.forward import forward_of
from deltarule.exporting.verification import Answers, compare, rows_like_training


@pytest.mark.parametrize("kind", ["classes", "bytes", "one scale", "no scaling"])
def test_rows(kind: str) -> None:
    """Rows are finite, of the input's type, the same each time, and some are extreme."""
    net = trained(kind)
    forward = forward_of(net)
    rows = rows_like_training(net, forward)
    assert rows.shape == (72, 6)
    assert rows.dtype == forward.input_dtype
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows, rows_like_training(net, forward))
    spread = [float(abs(part.astype(float) - part.mean()).max()) for part in (rows[:64], rows[64:])]
    assert spread[1] > 100 * spread[0] or kind == "bytes"


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_itself_passes(kind: str) -> None:
    """A network compared with itself differs by nothing."""
    net = trained(kind)
    forward = forward_of(net)
    targets = net.preprocessing.targets

    def ask(rows: np.ndarray) -> Answers:
        z = net.scores(rows)
        with np.errstate(over="ignore"):
            return Answers(z, targets.probabilities(z), targets.present(targets.decide(z)))

    rows = rows_like_training(net, forward)
    assert compare(net, forward, rows, ask, "file").relative <= 1e-5


def test_what_is_not_finite_must_be_finite_nowhere() -> None:
    """A score that is NaN where the network's is a number is a difference."""
    net = trained()
    forward = forward_of(net)

    def ask(rows: np.ndarray) -> Answers:
        z = net.scores(rows)
        z[3, 1] = np.nan
        return Answers(z, net.predict_proba(rows), net.predict(rows))

    with pytest.raises(dr.FileRefused, match="scores"):
        compare(net, forward, rows_like_training(net, forward), ask, "file")


def test_a_network_that_is_not_finite() -> None:
    """Of a network whose own scores are NaN nothing can be checked, and nothing is exported."""
    net = trained()
    forward = forward_of(net)
    net.chain.theta[:] = np.nan
    with pytest.raises(dr.InvalidInput, match="not finite"):
        compare(
            net,
            forward,
            rows_like_training(net, forward),
            lambda rows: Answers(net.scores(rows), None, net.predict(rows)),
            "file",
        )
