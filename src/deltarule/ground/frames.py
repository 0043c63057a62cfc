"""Records as a table for pandas, which is not required."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import NotAvailable

__all__ = ["data_frame"]


def data_frame(
    records: Sequence[dict[str, Any]],
    what: str,
    instead: str,
    *,
    index: str | None = None,
    columns: Sequence[str] = (),
) -> Any:
    """A pandas DataFrame, one row for each record.

    Parameters
    ----------
    what : str
        Of which the frame is, for the message, such as "a history".
    instead : str
        Where else the records are, such as "to_dict()".
    index : str, optional
        The column that names the rows.
    columns : sequence of str
        Those of a frame without rows.

    Raises
    ------
    NotAvailable
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise NotAvailable(
            f"A data frame of {what} needs pandas: pip install pandas. Without it, {instead} holds "
            "the same."
        ) from None
    frame = pandas.DataFrame(list(records), columns=None if records else list(columns) or None)
    return frame if index is None else frame.set_index(index)
