"""What a network computes when it predicts, as a list."""

from __future__ import annotations

import numpy as np
import pytest
from export_cases import trained

from deltarule.exporting.forward import forward_of


def test_steps_in_order() -> None:
    """Every layer with its own numbers, bound options and defaults alike."""
    net = trained(normalization="batch", activation=[{"name": "elu", "alpha": 0.5}, "leaky_relu"])
    steps = forward_of(net).steps
    kinds = ["dense", "batchnorm", "elu", "dense", "batchnorm", "leaky_relu", "dense"]
    assert [step.kind for step in steps] == kinds
    assert steps[2].options == {"alpha": 0.5}
    assert steps[5].options == {"slope": 0.01}
    assert set(steps[1].arrays) == {"scale", "shift", "mean", "variance"}


@pytest.mark.parametrize(
    ("kind", "dtype"), [("bytes", "uint8"), ("one scale", "float32"), ("classes", "float32")]
)
def test_the_type_of_the_input(kind: str, dtype: str) -> None:
    """Bytes where the training rows were bytes, else what the network computes in."""
    assert forward_of(trained(kind)).input_dtype == dtype


def test_a_run_notes_the_type_of_its_rows() -> None:
    """However they are scaled, a network whose rows are said to be bytes takes bytes."""
    net = trained("bytes", scaling="feature")
    assert forward_of(net).input_dtype == "float32"
    net.about["input_dtype"] = "uint8"
    assert forward_of(net).input_dtype == "uint8"


def test_the_order_of_quantiles() -> None:
    """Column j of sorted quantiles is the one whose level has that rank."""
    assert forward_of(trained("several quantiles")).output.order == [2, 0, 1]
    assert forward_of(trained("quantiles of several")).output.order is None


def test_arrays_are_copies() -> None:
    """What was exported does not change when the network learns on."""
    net = trained()
    weights = forward_of(net).steps[0].arrays["W"]
    before = weights.copy()
    net.chain.theta += 1.0
    np.testing.assert_array_equal(weights, before)
