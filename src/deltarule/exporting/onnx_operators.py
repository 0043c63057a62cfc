"""Activations in ONNX's operators, composed where it, or its runtime in float64, has none.

onnxruntime computes few of ONNX's activations in float64, so that networks of that type get all
but the plainest composed of operators that it has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..ground.contracts import Array

__all__ = ["COMPOSED", "PLAIN", "Nodes"]


class Nodes(Protocol):
    """Writes nodes into a graph."""

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, whose name is returned."""
        ...

    def constant(self, value: Any) -> str:
        """A number or an array of the graph's own type, by name."""
        ...


Writer = Callable[..., str]


def _silu(add: Nodes, x: str) -> str:
    return add("Mul", x, add("Sigmoid", x))


# By operators of ONNX's own.
PLAIN: dict[str, Writer] = {
    "elu": lambda add, x, alpha: add("Elu", x, alpha=alpha),
    "gelu": lambda add, x: add("Gelu", x),
    "identity": lambda add, x: x,
    "leaky_relu": lambda add, x, slope: add("LeakyRelu", x, alpha=slope),
    "mish": lambda add, x: add("Mish", x),
    "relu": lambda add, x: add("Relu", x),
    "selu": lambda add, x: add("Selu", x),
    "sigmoid": lambda add, x: add("Sigmoid", x),
    "silu": _silu,
    "softplus": lambda add, x: add("Softplus", x),
    "tanh": lambda add, x: add("Tanh", x),
}


def _elu(add: Nodes, x: str, alpha: float, scale: float = 1.0) -> str:
    """max(x, 0)·s + αs·(e^min(x, 0) − 1)"""
    one, zero = add.constant(1.0), add.constant(0.0)
    below = add("Sub", add("Exp", add("Min", x, zero)), one)
    above = add("Mul", add("Relu", x), add.constant(scale))
    return add("Add", above, add("Mul", below, add.constant(alpha * scale)))


def _selu(add: Nodes, x: str) -> str:
    from ..mathematics.activations import SELU_ALPHA, SELU_SCALE

    return _elu(add, x, SELU_ALPHA, SELU_SCALE)


def _leaky_relu(add: Nodes, x: str, slope: float) -> str:
    below = add("Mul", add("Min", x, add.constant(0.0)), add.constant(slope))
    return add("Add", add("Relu", x), below)


def _softplus(add: Nodes, x: str) -> str:
    """max(x, 0) + log(1 + e^(−|x|))"""
    e = add("Exp", add("Neg", add("Abs", x)))
    return add("Add", add("Relu", x), add("Log", add("Add", e, add.constant(1.0))))


def _silu_as_quotient(add: Nodes, x: str) -> str:
    """x/(1 + e^(−x)): x·σ(x) would be fused into a node without a kernel in float64."""
    return add("Div", x, add("Add", add("Exp", add("Neg", x)), add.constant(1.0)))


def _mish(add: Nodes, x: str) -> str:
    return add("Mul", x, add("Tanh", _softplus(add, x)))


@functools.cache
def _tail_coefficients() -> Array:
    """c of  log(½·erfc(a)·e^(a²)/t) = Σ cₖ Tₖ(2t − 1),   t = 2/(2 + a),   for all a ≥ 0.

    The function is smooth in t over [0, 1], both ends included, so that its Chebyshev
    coefficients have fallen below float64's last digit by the 24th.
    """
    from scipy.special import erfcx

    def smooth(s: Any) -> Any:
        t = np.maximum(0.5 * (s + 1.0), 1e-12)
        return np.log(0.5 * erfcx(2.0 / t - 2.0) / t)

    return np.polynomial.chebyshev.chebinterpolate(smooth, 24)


def _gelu(add: Nodes, x: str) -> str:
    """max(x, 0) − |x|·½erfc(|x|/√2), with ½erfc(a) = t·e^(P(t) − a²)

    P by Clenshaw's recurrence over the Chebyshev coefficients.
    """
    size, two = add("Abs", x), add.constant(2.0)
    a = add("Mul", size, add.constant(np.sqrt(0.5)))
    t = add("Div", two, add("Add", a, two))
    s = add("Sub", add("Mul", t, two), add.constant(1.0))
    twice = add("Mul", s, two)
    coefficients = _tail_coefficients()
    later = earlier = ""
    for c in coefficients[:0:-1]:
        value = add.constant(c)
        if earlier:
            value = add("Add", add("Mul", twice, earlier), value)
        if later:
            value = add("Sub", value, later)
        later, earlier = earlier, value
    p = add("Add", add("Mul", s, earlier), add.constant(coefficients[0]))
    p = add("Sub", p, later)
    tail = add("Mul", t, add("Exp", add("Sub", p, add("Mul", a, a))))
    return add("Sub", add("Relu", x), add("Mul", size, tail))


# By operators that onnxruntime has in float64.
COMPOSED: dict[str, Writer] = {
    **PLAIN,
    "elu": _elu,
    "gelu": _gelu,
    "leaky_relu": _leaky_relu,
    "mish": _mish,
    "selu": _selu,
    "silu": _silu_as_quotient,
    "softplus": _softplus,
}
