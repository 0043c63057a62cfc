"""What a training remembers."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from deltarule.ground.errors import NotAvailable
from deltarule.learning.history import History


def history(n: int = 3, **changes: Any) -> History:
    """A history of n epochs."""
    made = History("val_loss", **changes)
    for epoch in range(1, n + 1):
        made.epochs.append(
            {
                "epoch": epoch,
                "step": 10 * epoch,
                "lr": 0.1 / epoch,
                "train_loss": 1.0 / epoch,
                "train_accuracy": 0.5,
                "val_loss": 2.0 / epoch,
                "val_accuracy": 0.25 * epoch,
                "seconds": 0.5 * epoch,
            }
        )
    return made


def test_columns() -> None:
    """A column is a list of one value for each epoch, and all of them are a dictionary."""
    found = history()
    assert found["val_loss"] == [2.0, 1.0, 2.0 / 3]
    assert len(found) == 3
    assert found.to_dict()["step"] == [10, 20, 30]
    assert list(found.to_dict()) == list(found.epochs[0])
    with pytest.raises(KeyError, match="'val_f1' is not recorded; recorded are epoch, step"):
        found["val_f1"]


def test_best() -> None:
    """The best record is that of the best epoch, the last where there is none."""
    assert history(best_epoch=2).best == history().epochs[1]
    assert history().best == history().epochs[-1]
    assert history(0).best is None


def test_frame() -> None:
    """It turns into a data frame with a row for each epoch."""
    pytest.importorskip("pandas")
    frame = history().to_frame()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["val_accuracy"].tolist() == [0.25, 0.5, 0.75]


@pytest.mark.parametrize("n", [1, 3, 200])
def test_table(n: int) -> None:
    """It prints as a table of at most some 20 lines, the last epoch among them."""
    lines = str(history(n)).splitlines()
    assert lines[0].split() == list(history().epochs[0])
    assert len(lines) <= 22
    assert lines[-1].split()[0] == str(n)
    assert len({len(line) for line in lines}) == 1


def test_nothing_yet() -> None:
    """Before the first epoch it says so."""
    assert str(history(0)) == "History: no epoch was finished."
    assert history(0).to_dict() == {}
    assert history(0)["val_loss"] == []
    assert history(0).plot().axes == []


def test_frame_of_nothing() -> None:
    """Before the first epoch the data frame has no rows, and its index its name."""
    pytest.importorskip("pandas")
    frame = history(0).to_frame()
    assert len(frame) == 0
    assert frame.index.name == history().to_frame().index.name == "epoch"


def test_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas it says what to install."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotAvailable, match="needs pandas: pip install pandas"):
        history().to_frame()
    assert history(0).plot().axes == []


def test_plot() -> None:
    """A figure with one plot for each value, training and validation, and the best epoch."""
    figure = history(best_epoch=2).plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    for axes in figure.axes:
        labels = [line.get_label() for line in axes.get_lines()]
        assert labels == ["training", "validation", "best epoch"]
    assert list(figure.axes[0].get_lines()[1].get_ydata()) == history()["val_loss"]
    assert list(figure.axes[0].get_lines()[2].get_xdata()) == [2, 2]


def test_plot_without_validation() -> None:
    """Without validation rows there is one line, and without a best epoch no mark."""
    bare = history()
    for record in bare.epochs:
        del record["val_loss"], record["val_accuracy"]
    for axes in bare.plot().axes:
        assert [line.get_label() for line in axes.get_lines()] == ["training"]


def test_shown_on_a_line() -> None:
    """Its repr is one short line with the best record; print shows the table."""
    found = repr(history(200, best_epoch=3))
    assert found == (
        "History(200 epochs, best 3, train_loss=0.3333, train_accuracy=0.5, val_loss=0.6667, "
        "val_accuracy=0.75)"
    )
    assert repr(history(0)) == "History(0 epochs)"
    assert repr(history(1)).startswith("History(1 epoch, train_loss=1, ")
