"""What stands between people's rows and the network's: encoder, scaling, targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.batches import Rows
from ..data.dataset import Table
from ..data.scaling import Scaling, learn_scaling
from ..data.selection import Input
from ..ground.arrays import quiet
from ..ground.contracts import Array
from ..ground.errors import InvalidInput, Problems
from .inputs import check_rows, check_weights
from .settings import Settings
from .targets import Targets

if TYPE_CHECKING:
    from ..data.tables import TableEncoder

__all__ = ["Encoded", "Preprocessing"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Rows of a table that the network's own encoder has already turned into numbers."""

    rows: Input

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_samples, n_features)."""
        return self.rows.shape


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Everything that was learned from the training rows besides θ; saved with the model.

    Attributes
    ----------
    settings : Settings
    targets : Targets
    encoder : TableEncoder or None
    image_shape : (channels, height, width) or None
    scaling : Scaling or None
        None before any training.
    """

    settings: Settings
    targets: Targets
    encoder: TableEncoder | None = None
    image_shape: tuple[int, int, int] | None = None
    scaling: Scaling | None = None

    def with_targets_of(self, y: Any, problems: Problems) -> Preprocessing:
        """Having learned the classes, or the mean and spread, of the training targets."""
        return replace(self, targets=self.targets.learn(y, problems)) if _length(y) > 0 else self

    def with_scaling_of(self, X: Input) -> Preprocessing:
        """Having learned the scaling of the training rows, (n, n_features), if none was known."""
        return replace(self, scaling=self.scaling_for(X))

    def scaling_for(self, X: Input) -> Scaling:
        """The learned scaling; before any training, what these rows would teach."""
        if self.scaling is not None:
            return self.scaling
        kind = self.settings.scaling
        if kind == "auto":
            kind = "unit" if X.dtype == np.uint8 else "none"
        return learn_scaling(kind, X, image_shape=self.image_shape)

    def features(
        self, X: Any, problems: Problems, name: str = "X", n_rows: int = -1
    ) -> Input | None:
        """X as numbers, (n, n_features), by the encoder where there is one."""
        dtype, n_features = self.settings.dtype, self.settings.sizes[0]
        if isinstance(X, Encoded):
            X = X.rows
        elif self.encoder is not None and not isinstance(X, np.ndarray):
            try:
                X = self.encoder.transform(Table.from_any(X), dtype)
            except InvalidInput as error:
                for sentence in error.sentences or (str(error),):
                    problems.add(f"{name}: {sentence}")
                return None
        elif self.encoder is not None:
            columns = ", ".join(column.name for column in self.encoder.columns)
            problems.add(
                f"{name} must be a table, as the network was trained on one; give a data frame or "
                f"a dictionary with the columns {columns}."
            )
            return None
        elif isinstance(X, Table):
            problems.add(
                f"{name} is a table, but the network was trained on an array of {n_features} "
                "features; give such rows."
            )
            return None
        return check_rows(X, n_features, dtype, problems, name=name, n_rows=n_rows)

    def pair(
        self, X: Any, y: Any, weight: Any, problems: Problems, suffix: str = ""
    ) -> tuple[Input | None, Array | None, Array | None]:
        """Features, encoded targets and weights; None for each that has a problem."""
        n = _length(y)
        array = self.features(X, problems, f"X{suffix}", n)
        length = len(array) if array is not None else n
        targets = self.targets.encode(y, length, problems, f"y{suffix}")
        name = f"sample_weight{suffix}"
        return array, targets, check_weights(weight, length, self.settings.dtype, problems, name)

    @quiet
    def rows(self, X: Input, y: Array, weight: Array | None = None) -> Rows:
        """Checked arrays as rows of which batches are gathered."""
        dtype = np.dtype(self.settings.dtype)
        fitting = y if y.dtype.kind == "i" else y.astype(dtype)  # class numbers stay int64
        return Rows(X, fitting, self.scaling_for(X), dtype, weight)

    def checked_rows(
        self, X: Any, y: Any, weight: Any, problems: Problems, suffix: str = ""
    ) -> Rows:
        """`pair`, then `rows`.

        Raises
        ------
        InvalidInput
            For all that `problems` has collected.
        """
        array, targets, checked = self.pair(X, y, weight, problems, suffix)
        problems.raise_if_any()
        assert array is not None
        assert targets is not None
        return self.rows(array, targets, checked)


def _length(y: Any) -> int:
    """len(y), or −1 for what has none."""
    try:
        return len(y)
    except TypeError:
        return -1
