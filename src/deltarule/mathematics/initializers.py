"""Initial weights W, (n_in, n_out), float64, as functions of a 64-bit key.               (I0)

A unit's score z = Σᵢ xᵢWᵢ has the variance n_in·E[x²]·Var[W]; each rule picks Var[W] so that the
signal (or the gradient) neither fades nor grows from layer to layer.  Biases start at zero.
"""

from __future__ import annotations

import math

import numpy as np

from ..ground.contracts import Array
from ..ground.randomness import normals, uniforms

__all__ = ["glorot", "he", "lecun", "orthogonal", "zeros"]


def _normal(key: int, n_in: int, n_out: int, variance: float) -> Array:
    w = normals(key, n_in * n_out).reshape(n_in, n_out)
    w *= math.sqrt(variance)
    return w


def he(key: int, n_in: int, n_out: int) -> Array:
    """W ~ N(0, 2/n_in): a ReLU halves E[x²], the 2 gives it back.                        (I1)

    He, Zhang, Ren and Sun 2015.
    """
    return _normal(key, n_in, n_out, 2.0 / n_in)


def glorot(key: int, n_in: int, n_out: int) -> Array:
    """W ~ U(−a, a), a = √(6/(n_in + n_out)): variance 2/(n_in + n_out), between the two ways. (I2)

    Glorot and Bengio 2010.
    """
    bound = math.sqrt(6.0 / (n_in + n_out))
    return (2.0 * uniforms(key, n_in * n_out).reshape(n_in, n_out) - 1.0) * bound


def lecun(key: int, n_in: int, n_out: int) -> Array:
    """W ~ N(0, 1/n_in): keeps E[x²] where the activation is near the identity; for selu.   (I3)

    LeCun, Bottou, Orr and Müller 1998.
    """
    return _normal(key, n_in, n_out, 1.0 / n_in)


def orthogonal(key: int, n_in: int, n_out: int) -> Array:
    """WWᵀ = I (n_in ≤ n_out): ‖xW‖ = ‖x‖;   WᵀW = I (n_in ≥ n_out): ‖gWᵀ‖ = ‖g‖          (I4)

    Q of the QR decomposition of a normal matrix, columns signed so that R has a positive
    diagonal, which makes Q uniform over the orthogonal matrices.  Saxe, McClelland and
    Ganguli 2014; Mezzadri 2007.
    """
    tall = normals(key, n_in * n_out).reshape(max(n_in, n_out), min(n_in, n_out))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if n_in >= n_out else q.T)


def zeros(key: int, n_in: int, n_out: int) -> Array:
    """W = 0: every unit of a layer stays equal to every other.  For a linear model.       (I5)"""
    return np.zeros((n_in, n_out))
