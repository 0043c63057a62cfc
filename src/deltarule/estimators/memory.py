"""What a fit takes of memory, asked for before anything of it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..ground.contracts import Layer
from ..learning.diagnosis import MOST_ROWS
from ..learning.plan import Plan
from ..machine.layers import Dropout
from ..network.assembly import rows_info
from ..network.memory import (
    RowsInfo,
    TrainingMemory,
    count_parameters,
    describe_settings,
    full_batch_memory,
    training_memory,
)
from ..network.settings import Settings
from .fitting import batch_rows
from .samples import DENSE_BYTES, Samples
from .words import retold

__all__ = ["FitSize"]

REMEDY = (
    "make hidden_layer_sizes or batch_size smaller, or give fewer rows, or float32 ones; "
    "deltarule.Network trains on rows that stay in a file"
)
# The doctor looks at each number of a row in float64, and at its distance from the mean.
OF_DOCTOR = 2 * 8


@dataclass(frozen=True)
class FitSize:
    """What the memory of a fit depends on besides the network.

    Attributes
    ----------
    samples, held : Samples
        To learn from, and to judge by, if any are given.
    splits : bool
        Whether some of the samples are still to be held out, which copies all.
    incremental : bool
        Whether it is one call of partial_fit.
    """

    samples: Samples
    held: Samples | None
    splits: bool = False
    incremental: bool = False

    def require(self, estimator: Any, settings: Settings, *, network_is_there: bool) -> None:
        """Refuse a fit that would not fit into the memory that is left.

        Raises
        ------
        InvalidInput
            With the figure, its largest part, and the limit; or if engine="fast" is asked for and
            cannot do this.
        NotAvailable
            If there is no such engine.
        """
        with retold():
            self.memory(estimator, settings, network_is_there=network_is_there).require(REMEDY)

    def memory(
        self, estimator: Any, settings: Settings, *, network_is_there: bool = False
    ) -> TrainingMemory:
        """The memory of the fit, by part.

        Parameters
        ----------
        settings : Settings
            Of the network, which need not have been made.
        network_is_there : bool
            Whether θ and ∇ have been made.
        """
        n, n_val = len(self.samples), 0 if self.held is None else len(self.held)
        if self.splits:
            n_val = round(estimator.validation_fraction * n)
            n = max(n - n_val, 1)  # too few rows are refused where they are split
        there, on_disk, dense = _sizes_of(self.samples, self.held)
        rows = RowsInfo(n, n_val, there, on_disk)
        facts = {"monitored": n_val > 0, "network_is_there": network_is_there}
        doctor = 0
        if estimator.solver == "lbfgs":
            layers, _ = describe_settings(settings, "reference", "full")
            found = full_batch_memory(settings, layers, rows, **facts)
        else:
            plan = Plan(
                epochs=1,
                batch_size=batch_rows(estimator.batch_size, n),
                seed=0,
                clip_norm=estimator.clip_norm,
                average=estimator.average,
            )
            engine, precision = estimator.engine, estimator.precision
            layers, description = describe_settings(settings, engine, precision)
            found = training_memory(settings, layers, description, plan, rows, **facts)
            if not self.incremental:
                doctor = _of_doctor(settings, layers, n)
        more = {
            "doctor": doctor,
            "sparse rows as dense ones": dense,
            "rows held out, and the others": there + on_disk if self.splits else 0,
        }
        return replace(found, parts={**found.parts, **more})


def _sizes_of(*all_rows: Samples | None) -> tuple[int, int, int]:
    """Bytes of rows in memory, of rows in a file, and of sparse rows once they are dense."""
    there, on_disk, dense = 0, 0, 0
    for rows in all_rows:
        if rows is None:
            continue
        if not hasattr(rows.X, "toarray"):
            info = rows_info(rows.X, None)
            there, on_disk = there + info.in_memory, on_disk + info.on_disk
            continue
        there += rows.X.data.nbytes + rows.X.indices.nbytes + rows.X.indptr.nbytes
        size = rows.X.shape[0] * rows.X.shape[1] * rows.X.dtype.itemsize
        dense += size if size <= DENSE_BYTES else 0
    return there, on_disk, dense


def _of_doctor(settings: Settings, layers: Mapping[str, Layer], n: int) -> int:
    """What `diagnose` takes at the end of a fit, when what the training took is still there."""
    width, units, values = np.dtype(settings.dtype).itemsize, settings.sizes[0], 0
    for layer in layers.values():
        units = getattr(layer, "n_out", units)
        values += 0 if isinstance(layer, Dropout) else units
    each = settings.sizes[0] * width + max(values * width, settings.sizes[0] * OF_DOCTOR)
    slots: int = settings.optimizer.function.slots  # type: ignore[attr-defined]
    vectors = max(4, 3 + slots)  # two networks; or one, and the optimizer's memory and scratch
    return int(vectors * count_parameters(layers) * width + min(n, MOST_ROWS) * each)
