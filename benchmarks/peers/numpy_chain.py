"""NumPy: the products of a prediction and nothing else, as fast as its BLAS makes them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from workloads import Array, Workload


def predictor(work: Workload) -> tuple[Callable[[Array], Array], Array]:
    """X → probabilities, and standardised rows."""
    random = np.random.default_rng(0)
    layers = [
        (random.standard_normal((i, o), np.float32) / i**0.5, np.zeros(o, np.float32))
        for i, o in pairwise(work.sizes)
    ]

    def answer(x: Array) -> Array:
        for W, b in layers[:-1]:
            x = x @ W
            x += b
            np.maximum(x, 0, out=x)
        W, b = layers[-1]
        z = x @ W + b
        z -= z.max(1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(1, keepdims=True)
        return z

    return answer, work.scaled_rows()[0]
