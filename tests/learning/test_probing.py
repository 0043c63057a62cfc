"""Functions of one's own are asked whether they can work on tensors before a training."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground import arrays
from deltarule.ground.errors import names_in
from deltarule.learning import probing
from deltarule.learning.probing import unfit_for_tensors
from deltarule.machine.layers import Activation
from deltarule.mathematics import activations, losses, optimizers

torch = pytest.importorskip("torch", reason="needs the optional package torch")
CLASSES, NUMBERS = np.arange(6) % 3, np.ones((6, 3), np.float32)


def asked(
    activation: Any = activations.relu,
    loss: Any = losses.cross_entropy,
    rule: Any = optimizers.adam,
    y: np.ndarray = CLASSES,
) -> list[str]:
    """What is said of a training of these functions."""
    return unfit_for_tensors({"a": Activation(activation)}, loss, rule, {}, y, 3)


def test_ours_are_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every activation, loss and rule of the library works on tensors without numbers."""
    monkeypatch.setattr(probing, "is_ours", lambda function: False)
    for name in names_in(activations):
        assert asked(getattr(activations, name)) == []
    for name in names_in(losses):
        loss = getattr(losses, name)
        y = CLASSES if name == "cross_entropy" else NUMBERS
        assert asked(loss=loss, y=y) == []
    assert asked(y=NUMBERS) == []  # soft targets
    for name in names_in(optimizers):
        assert asked(rule=getattr(optimizers, name)) == []


def test_ours_are_known() -> None:
    """A training of the library's own functions begins without what such tensors need, seconds."""
    code = (
        "import sys, numpy as np, deltarule as dr\n"
        "net = dr.Network([4, 5, 2], activation={'name': 'elu', 'alpha': 0.5})\n"
        "net.train(np.ones((6, 4)), np.arange(6) % 2, device='cpu', epochs=1, progress=False)\n"
        "assert 'torch' in sys.modules and 'torch._dynamo' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for function in (activations.elu, losses.huber, optimizers.adam):
        assert probing.is_ours(functools.partial(function, alpha=1))
    for function in (through_numpy, numpy_loss, numpy_rule, np.tanh, functools.partial(looks)):
        assert not probing.is_ours(function)


def through_numpy(x: Any) -> Any:
    """An activation for NumPy's arrays only."""
    y = np.tanh(x)
    return y, lambda g: g * (1 - y * y)


def looks(x: Any) -> Any:
    """One that decides by a number."""
    return (x, lambda g: g) if float(x.sum()) > 0 else (-x, lambda g: -g)


def through_arrays(x: Any) -> Any:
    """One for both."""
    y = arrays.tanh(x)
    return y, lambda g: g * (1 - y * y)


def sums(x: Any) -> Any:
    """One of another shape than it should have."""
    return x.sum(1), lambda g: g


def no_tensor(x: Any) -> Any:
    """One that gives something else."""
    return 3.0, lambda g: g


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (through_numpy, "activation through_numpy"),
        (looks, "activation looks"),
        (sums, "(3,) of (3, 4)"),
        (no_tensor, "gives a float"),
    ],
)
def test_activations_that_are_not(function: Any, words: str) -> None:
    """What needs NumPy, looks at a number, or gives something else is told in one sentence."""
    (sentence,) = asked(function)
    assert words in sentence
    assert "deltarule.ground.arrays" in sentence
    assert asked(through_arrays) == []


@losses.declare("regression")
def numpy_loss(y: Any, z: Any, weight: Any, total: float) -> Any:
    """A loss for NumPy's arrays only."""
    return np.square(z - y).sum() / total, 2 * (z - y) / total


@optimizers.rule(slots=0)
def numpy_rule(theta: Any, grad: Any, state: Any, work: Any, lr: Any) -> None:
    """A rule for NumPy's arrays only."""
    theta[...] = np.subtract(theta, lr * np.sign(grad))


def test_all_are_told_at_once() -> None:
    """Every function that is unfit has its sentence."""
    found = asked(through_numpy, numpy_loss, numpy_rule, NUMBERS)
    assert [s.split(" does not")[0] for s in found] == [
        "The activation through_numpy",
        "The loss numpy_loss",
        "The optimizer numpy_rule",
    ]


def test_the_door_refuses_before_anything_changes() -> None:
    """Network.train says so, and the network is as it was; what works on both trains alike."""
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 2
    net = dr.Network([4, 5, 2], activation=through_numpy)
    before = net.chain.theta.copy()
    with pytest.raises(dr.InvalidInput, match="activation through_numpy does not work on a device"):
        net.train(X, y, device="cpu", epochs=1, progress=False)
    np.testing.assert_array_equal(net.chain.theta, before)
    assert net.trainings == 0
    thetas = []
    for given in ({}, {"device": "cpu"}):
        net = dr.Network([4, 5, 2], activation=through_arrays, dtype="float64")
        net.train(X, y, epochs=3, progress=False, **given)
        thetas.append(net.chain.theta)
    np.testing.assert_allclose(*thetas, rtol=1e-12)
