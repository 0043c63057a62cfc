"""A short way from plain rows to their scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.inference import Inference, inference_for
from ..ground.contracts import Array
from ..machine.chain import Chain
from .inputs import greatest
from .preprocessing import Preprocessing

__all__ = ["Lane"]

FLOAT64 = np.dtype(np.float64)
PLAIN = frozenset([np.dtype(np.uint8), np.dtype(np.float32), FLOAT64])


class Lane:
    """z of plain rows by the engine, of one in microseconds; None for anything unusual.

    What is unusual goes the long way, which checks everything and says what is wrong; so the lane
    may be as narrow as it likes, and lets nothing pass that the long way would refuse.

    Parameters
    ----------
    chain : Chain
    preprocessing : Preprocessing
        With an encoder, or before any training, nothing takes the lane.
    """

    def __init__(self, chain: Chain, preprocessing: Preprocessing) -> None:
        self._chain, self._preprocessing = chain, preprocessing
        self._inference: Inference | None = None
        if preprocessing.scaling is not None and preprocessing.encoder is None:
            self._inference = inference_for(chain, preprocessing.scaling)
        self._n_features = self._inference.n_features if self._inference else -1
        self._greatest = greatest(chain.theta.dtype)

    def serves(self, chain: Chain, preprocessing: Preprocessing) -> bool:
        """Whether it was made for these."""
        return self._chain is chain and self._preprocessing is preprocessing

    def __call__(self, X: Any) -> Array | None:
        """z, (n, n_outputs), or None."""
        if type(X) is not np.ndarray or X.dtype not in PLAIN or X.ndim != 2:
            return None
        n, n_features = X.shape
        if n_features != self._n_features or n == 0 or not X.flags.aligned:
            return None
        # Of the other two the engine itself says whether they are finite.
        if X.dtype == FLOAT64 and not (abs(X) <= self._greatest).all():
            return None
        assert self._inference is not None
        return self._inference.of_plain(X)
