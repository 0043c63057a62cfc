"""Laws of reading a history."""

from __future__ import annotations

import numpy as np

from deltarule.report.histories import epoch_of, last_epoch, quantities, series


def test_epochs_are_counted_from_one_where_records_have_none() -> None:
    """A record's epoch is its own, or its place."""
    assert epoch_of({"epoch": 7}, 0) == 7
    assert epoch_of({}, 0) == 1
    assert last_epoch([{"epoch": 3}, {"epoch": 5}]) == 5
    assert last_epoch([]) == 0


def test_series_leave_out_what_was_not_measured_but_not_what_diverged() -> None:
    """Missing and None are no values; NaN is one."""
    history = [{"a": 1.0}, {}, {"a": None}, {"a": float("nan")}]
    epochs, values = series(history, "a")
    np.testing.assert_array_equal(epochs, [1, 4])
    np.testing.assert_array_equal(values, [1, np.nan])


def test_quantities_name_each_metric_once_loss_first() -> None:
    """Both splits of a metric are one quantity; other keys are none."""
    history = [{"epoch": 1, "val_f1": 0, "train_accuracy": 0}, {"val_accuracy": 0, "val_loss": 0}]
    assert quantities(history) == ["loss", "accuracy", "f1"]


def test_series_over_time() -> None:
    """Over seconds a value without a time has no place; its epoch does not matter."""
    history = [{"seconds": 2.5, "a": 1.0}, {"a": 2.0}, {"seconds": "?", "a": 3.0}, {"seconds": 9}]
    seconds, values = series(history, "a", "seconds")
    assert (seconds.tolist(), values.tolist()) == ([2.5], [1.0])
