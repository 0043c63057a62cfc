"""Rows that lie on a device, where batches of them are gathered and scaled."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.batches import Rows, chunks
from ..data.selection import Selection, rows_within
from ..ground.contracts import Array
from ..ground.devices import require_room, torch
from ..ground.memory import require_memory

__all__ = ["DeviceRows", "row_bytes"]

BYTES = (np.dtype(np.uint8), np.dtype(np.bool_))


class DeviceRows:
    """The tensors of some rows: bytes and numbers of the network's dtype as they were given.

    Others are scaled on their way and lie there in the network's dtype.  In the host's own memory
    (device "cpu") nothing is copied that tensors can read where it lies.

    Parameters
    ----------
    rows : Rows
    device : torch.device

    Attributes
    ----------
    y : tensor, (n,) int64 or (n, n_outputs)
    weight : tensor, (n,), or None

    Raises
    ------
    InvalidInput
        If the device has not the memory.
    """

    def __init__(self, rows: Rows, device: Any) -> None:
        self.n, self.device = len(rows), device
        self.dtype = getattr(torch(), rows.dtype.name)
        own = device.type != "cpu"
        if own:
            require_room(device, row_bytes(rows), f"The {self.n:,} rows")
        self._index: Any = None
        as_given = _is_as_computed(rows.X.dtype, rows.dtype) and not _is_strange(rows.X)
        self._scaling: tuple[Any, Any] | None = None
        if as_given and rows.scaling.kind != "none":
            vectors = (rows.scaling.shift, rows.scaling.factor)
            shift, factor = (tensor(v.astype(rows.dtype)).to(device) for v in vectors)
            self._scaling = shift, factor
        if as_given and not own:
            base: Any = rows.X
            if isinstance(rows.X, Selection):
                base, self._index = rows.X.base, tensor(rows.X.index)
            self._X = tensor(base)
        else:
            self._X = self._copied(rows, as_given)
        self.y = tensor(rows.y).to(device)
        self.weight = None if rows.weight is None else tensor(rows.weight).to(device)

    def _copied(self, rows: Rows, as_given: bool) -> Any:
        """All rows on the device, a little at a time."""
        X = rows.X
        dtype = torch().uint8 if as_given and X.dtype in BYTES else self.dtype
        if self.device.type == "cpu":
            what = f"The {self.n:,} rows of {X.dtype}, as numbers of {rows.dtype},"
            require_memory(row_bytes(rows), what, f"store them as uint8 or {rows.dtype}")
        out = torch().empty(tuple(X.shape), dtype=dtype, device=self.device)
        for part in chunks(self.n, rows_within(X, self.n)):
            out[part] = tensor(np.asarray(X[part]) if as_given else rows.x(part)).to(self.device)
        return out

    def x(self, index: Array) -> Array:
        """The input of these rows, (m,) int64 on the device, scaled, a fresh tensor."""
        at = index if self._index is None else _chosen(self._index, index)
        return self._scaled(_chosen(self._X, at))

    def part(self, at: slice) -> Array:
        """The input of rows that follow one another."""
        if self._index is None:
            return self._scaled(self._X[at])
        return self._scaled(_chosen(self._X, self._index[at]))

    def _scaled(self, x: Any) -> Array:
        x = x.to(self.dtype)
        return x if self._scaling is None else (x - self._scaling[0]) * self._scaling[1]


def _chosen(x: Any, index: Any) -> Any:
    return x.index_select(0, index)


def row_bytes(rows: Rows) -> int:
    """How many bytes rows take on a device of its own memory."""
    as_given = _is_as_computed(rows.X.dtype, rows.dtype)
    width = rows.X.dtype.itemsize if as_given else rows.dtype.itemsize
    weight = 0 if rows.weight is None else rows.weight.nbytes
    return int(rows.X.size * width + rows.y.nbytes + weight)


def _is_as_computed(given: np.dtype[Any], dtype: np.dtype[Any]) -> bool:
    """Whether numbers are exact in the dtype that the network computes in, as they are scaled."""
    return given in BYTES or given == dtype


def _is_strange(X: Any) -> bool:
    """Whether tensors cannot read an array: it is none, or it does not lie as they do."""
    base: Any = X.base if isinstance(X, Selection) else X
    if not isinstance(base, np.ndarray):
        return True
    steps = [step % base.itemsize for step in base.strides]
    return not base.flags.aligned or any(steps)


def tensor(array: Array) -> Any:
    """A tensor over an array's memory where it can be, to be read only."""
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    if any(step < 0 for step in array.strides):
        array = np.ascontiguousarray(array)
    if not array.flags.writeable:
        # The same memory by an address that does not say so: nobody writes to it.
        array = _as_if_writeable(array)
    return torch().from_numpy(array)


def _as_if_writeable(array: Array) -> Array:
    """A window on read-only memory that PyTorch takes without a warning."""
    facts = dict(array.__array_interface__)
    facts["data"] = (facts["data"][0], False)
    holder = type("Memory", (), {"__array_interface__": facts, "array": array})()
    return np.asarray(holder)
