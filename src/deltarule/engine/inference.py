"""Scores of rows by the core, for chains that it can do: outside training dropout does nothing."""

from __future__ import annotations

import numpy as np

from ..data.scaling import Scaling
from ..data.selection import Input, Selection, is_mapped, rows_within
from ..ground.contracts import Array
from ..machine.chain import Chain
from ..mathematics import losses
from . import native
from .description import core_rows, core_scaling, describe_chain, in_core_dtype

__all__ = ["Inference", "inference_for", "softmax"]


CORE_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
# Python has its say, and Ctrl-C its effect, some ten times a second.
MULTIPLY_ADDS_AT_ONCE = 2_000_000_000


class Inference:
    """z of rows, as the data set gives them, at the present weights of a chain.

    Made by `inference_for`; holds plain data only.

    Attributes
    ----------
    chain : Chain
    scaling : Scaling
    n_features : int
    """

    def __init__(self, chain: Chain, scaling: Scaling) -> None:
        words = describe_chain(chain).words
        self.chain, self.scaling = chain, scaling
        self._sizes, self._activations = words["sizes"], words["activations"]
        self._dtype, self._outputs = chain.theta.dtype, self._sizes[-1]
        self.n_features = self._sizes[0]
        self._rows_at_once = max(1024, MULTIPLY_ADDS_AT_ONCE // max(1, len(chain.theta)))
        self._scaling = tuple(core_scaling(scaling, self.n_features).values())

    def __call__(self, X: Input, part: slice = slice(None)) -> Array | None:
        """z, (n, n_outputs), of a part of checked rows, (n, n_features), of any real dtype.

        None where a row is not finite in the chain's dtype: what comes of such rows is for the
        reference to say.
        """
        if isinstance(X, Selection):
            return self._of_pieces(Selection(X.base, X.index[part]))
        if is_mapped(X) and not in_core_dtype(X):
            return self._of_pieces(X[part])
        return self.of_plain(core_rows(X[part], self._dtype))

    def _of_pieces(self, X: Input) -> Array | None:
        """The same, a little copied at a time."""
        z = np.empty((len(X), self._outputs), self._dtype)
        rows = min(rows_within(X, len(X)), self._rows_at_once)
        for start in range(0, len(X), rows):
            at = slice(start, start + rows)
            if not self._write(core_rows(X[at], self._dtype), z[at]):
                return None
        return z

    def of_plain(self, X: Array) -> Array | None:
        """The same of rows in a dtype of the core's: uint8, float32 or float64."""
        z = np.empty((len(X), self._outputs), self._dtype)
        for start in range(0, len(X), self._rows_at_once):
            part = slice(start, start + self._rows_at_once)
            if not self._write(X[part], z[part]):
                return None
        return z

    def _write(self, X: Array, z: Array) -> bool:
        """z of X; False where a row is not finite."""
        threads = 1 if len(X) == 1 else 0
        theta = self.chain.theta
        strange = native.core().forward(
            self._sizes, self._activations, theta, X, *self._scaling, z, threads
        )
        return strange < 0


def inference_for(chain: Chain, scaling: Scaling) -> Inference | None:
    """The core's inference, or None where the core is not there or cannot do the chain."""
    if not native.available() or describe_chain(chain).reasons:
        return None
    return Inference(chain, scaling)


def softmax(z: Array) -> Array:
    """pₖ = e^(zₖ)/Σⱼ e^(zⱼ) of each row, (n, k) → (n, k): by the core where it is there.

    Of one row NumPy's five calls take longer than everything else in a prediction.
    """
    if not native.available() or z.dtype not in CORE_DTYPES or not z.flags.c_contiguous:
        return losses.softmax(z)
    p = np.empty_like(z)
    native.core().softmax(z, p)
    return p
