"""A fitted estimator in use: scores, hidden layers, weights under scikit-learn's names."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..data.batches import chunks
from ..ground.arrays import quiet
from ..ground.contracts import Array, RowsLike
from ..ground.errors import InvalidInput
from ..machine.layers import Dense
from ..network.inputs import brief
from ..network.network import Network
from .requirements import CallbackSupport
from .samples import checked_rows
from .state import Stored

__all__ = ["Serving"]

PLAIN = (np.dtype(np.float32), np.dtype(np.float64))
ROWS_AT_ONCE = 8192


class Serving(ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupport, Stored):
    """The part of an estimator that answers once it is fitted."""

    network_: Network
    _n_features_out: int

    def __sklearn_is_fitted__(self) -> bool:
        """A fit that was refused has left no network, whatever else it has."""
        return "network_" in self.__dict__

    @quiet
    def _scores(self, X: Any) -> Array:
        """z, (n_samples, n_outputs), in X's dtype."""
        network = self.__dict__.get("network_")
        if (
            network is not None
            and type(X) is np.ndarray
            and X.dtype in PLAIN
            and "feature_names_in_" not in self.__dict__
        ):
            z = network.plain_scores(X)  # what is usual is checked on the way, in microseconds
            if z is not None:
                return z.astype(X.dtype, copy=False)
        return self._in_parts(X, lambda rows: self.network_.scores(rows))

    def _in_parts(self, X: Any, function: Callable[[Array], Array]) -> Array:
        """A function of checked rows, in their dtype; of sparse ones some at a time, as dense."""
        check_is_fitted(self)
        X = checked_rows(self, X, reset=False)
        if not hasattr(X, "toarray"):
            return function(X).astype(X.dtype, copy=False)
        parts = [function(X[part].toarray()) for part in chunks(X.shape[0], ROWS_AT_ONCE)]
        return np.concatenate(parts).astype(X.dtype, copy=False)

    def transform(self, X: RowsLike, layer: int = -1) -> Array:
        """What a hidden layer makes of the rows.

        Parameters
        ----------
        X : {array, sparse matrix, data frame}, (n_samples, n_features)
        layer : int
            Of the hidden layers: 0 is the first, −1 the last.

        Returns
        -------
        array, (n_samples, units of the layer)

        Raises
        ------
        InvalidInput
            If there is no such layer.
        """
        check_is_fitted(self)
        hidden = len(self.network_.settings.sizes) - 2
        if isinstance(layer, bool) or not isinstance(layer, int | np.integer):
            raise InvalidInput(f"layer must be a whole number, not {brief(layer)}.")
        if not -hidden <= layer < hidden:
            raise InvalidInput(
                f"There is no hidden layer {layer}: hidden_layer_sizes has {hidden} "
                f"{'entry' if hidden == 1 else 'entries'}."
            )
        last = layer % hidden + 1
        return self._in_parts(X, lambda rows: self._hidden(rows, last))

    @quiet
    def _hidden(self, X: Array, last: int) -> Array:
        """The value of the last layer before the dense layer number `last` + 1.

        In float64 where X is, so that no row depends on its company by more than that rounds.
        """
        network = self.network_
        chain = network.chain
        if X.dtype != chain.theta.dtype:
            chain = chain.over(chain.theta.astype(X.dtype), chain.statistics.astype(X.dtype))
        links = chain.forward(network.preprocessing.scaling_for(X)(X, X.dtype))
        at = next(i for i, link in enumerate(links) if link.name == f"dense{last + 1}")
        return links[at - 1].value

    # -- weights ----------------------------------------------------------------------------

    def _dense(self, what: str) -> list[Array]:
        network = self.__dict__.get("network_")
        if network is None:
            raise AttributeError(f"{type(self).__name__} has no weights yet: call fit first.")
        chain = network.chain
        layers = [
            (chain.views[name], layer)
            for name, layer in chain.layers.items()
            if isinstance(layer, Dense)
        ]
        if what == "W":
            return [views.W for views, _ in layers]
        return [
            views.b if layer.bias else np.zeros(layer.n_out, chain.theta.dtype)
            for views, layer in layers
        ]

    def _assign(self, what: str, given: Any) -> None:
        """Copy arrays into the network, all or, where one does not fit, none."""
        name = {"W": "coefs_", "b": "intercepts_"}[what]
        windows, arrays = self._dense(what), [np.asarray(array) for array in given]
        fit = [window.shape for window in windows]
        if [array.shape for array in arrays] != fit:
            raise InvalidInput(
                f"{name} must have the shapes {fit}, not {[array.shape for array in arrays]}; a "
                "network of other sizes is built by initialize or fit."
            )
        for window, array in zip(windows, arrays, strict=True):
            window[...] = array

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (n_in, n_out); windows on the network's."""
        return self._dense("W")

    @coefs_.setter
    def coefs_(self, given: Sequence[ArrayLike]) -> None:
        self._assign("W", given)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, (n_out,)."""
        return self._dense("b")

    @intercepts_.setter
    def intercepts_(self, given: Sequence[ArrayLike]) -> None:
        self._assign("b", given)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file that `deltarule.load` and the CLI read.

        The network alone, not what stands before it in a pipeline.  A temperature is divided into
        the last layer, so that it answers with the same probabilities.

        Raises
        ------
        NotAvailable
            If the file cannot be written.
        """
        check_is_fitted(self)
        network, temperature = copy.copy(self.network_), getattr(self, "_temperature", 1.0)
        if temperature != 1.0:
            chain = network.chain.over(network.chain.theta.copy(), network.chain.statistics.copy())
            last = chain.views[f"dense{len(network.settings.sizes) - 1}"]
            last.W /= temperature
            last.b /= temperature
            network.chain = chain
        network.save(path)
