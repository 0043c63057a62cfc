"""What a training calls while it runs, and how it shows its progress."""

from __future__ import annotations

import io
import os
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning import callbacks
from deltarule.learning.callbacks import (
    Callback,
    Lines,
    ProgressBar,
    as_callback,
    hears_every_step,
    progress_callback,
    sentence,
)

RECORD = {
    "epoch": 3,
    "step": 30,
    "lr": 0.01,
    "train_loss": 1.51234,
    "val_loss": 1.7,
    "val_accuracy": 0.48219,
    "seconds": 12.345,
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def training(epoch: int, epochs: int = 20, stop: bool = False) -> Any:
    """What a callback sees."""
    records = [{**RECORD, "epoch": e, "step": 10 * e} for e in range(1, epoch + 1)]
    return SimpleNamespace(
        epoch=epoch,
        t=10 * epoch,
        total_steps=10 * epochs,
        stop=stop,
        plan=SimpleNamespace(epochs=epochs),
        history=SimpleNamespace(epochs=records),
    )


def test_one_line() -> None:
    """An epoch is one line: which of how many, its values in short, and the time."""
    assert sentence(RECORD, 20) == (
        "epoch  3/20  lr 0.01  train_loss 1.512  val_loss 1.7  val_accuracy 0.4822  12.3 s"
    )


def test_lines_at_most_one_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However quick the epochs, there is at most one line a second, and always the last."""
    clock = iter(np.arange(100.0, 200.0, 0.4))
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: float(next(clock)))
    stream = io.StringIO()
    lines = Lines(stream)
    for epoch in range(1, 21):
        lines.on_epoch(training(epoch))
    shown = [int(line[5:].split("/")[0]) for line in stream.getvalue().splitlines()]
    assert shown == [1, 4, 7, 10, 13, 16, 19, 20]


def test_the_last_line_of_a_stopped_training() -> None:
    """A training that is told to stop shows the epoch at which it did."""
    stream = io.StringIO()
    lines = Lines(stream)
    lines.on_epoch(training(1))
    lines.on_epoch(training(2, stop=True))
    assert [line[:11] for line in stream.getvalue().splitlines()] == ["epoch  1/20", "epoch  2/20"]


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar shows the epoch, the share done, the time left, and the last values; then it ends."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    bar = ProgressBar(stream)
    bar.on_start(training(1))
    bar.on_step(training(5))
    bar.on_epoch(training(10))
    bar.on_end(training(10))
    text = stream.getvalue()
    assert "epoch 10/20" in text
    assert "50 %" in text
    assert "val_loss 1.7" in text
    assert "val_accuracy 0.482" in text
    assert "lr 0.01" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back


def test_bar_without_validation() -> None:
    """Without validation rows the training values are shown."""
    stream = Terminal()
    bar, now = ProgressBar(stream), training(10)
    for record in now.history.epochs:
        del record["val_loss"], record["val_accuracy"]
    bar.on_start(now)
    bar.on_epoch(now)
    bar.on_end(now)
    assert "train_loss 1.51" in stream.getvalue()


@pytest.mark.parametrize(
    ("progress", "stream", "kind"),
    [
        (True, Terminal(), ProgressBar),
        (True, io.StringIO(), Lines),
        (False, Terminal(), None),
    ],
)
def test_choice(progress: bool, stream: Any, kind: type | None) -> None:
    """A bar on a terminal, lines elsewhere, nothing where nothing is wanted."""
    chosen = list(progress_callback(progress, stream))
    assert [type(callback) for callback in chosen] == ([kind] if kind else [])


def test_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress goes to stderr; stdout stays free for results."""
    X = np.random.default_rng(0).normal(size=(10, 2))
    dr.Network([2, 2]).train(X, np.arange(10) % 2, epochs=2, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("epoch 2/2  lr 0.001  train_loss ")


def test_the_bar_ends_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a training fails, or may not even start, the terminal is left as it was."""

    class Fails(Callback):
        def __init__(self, event: str) -> None:
            setattr(self, event, self.fail)

        def fail(self, training: Any) -> None:
            raise RuntimeError("no")

    X = np.random.default_rng(0).normal(size=(10, 2))
    for event in ("on_start", "on_step", "on_epoch"):
        stream = Terminal()
        monkeypatch.setattr(callbacks.sys, "stderr", stream)
        with pytest.raises(RuntimeError, match="no"):
            dr.Network([2, 2]).train(X, np.arange(10) % 2, epochs=2, callbacks=[Fails(event)])
        monkeypatch.undo()
        text = stream.getvalue()
        assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), event


def test_as_callback() -> None:
    """A Callback stays as it is; a function is called after every epoch and at no other time."""
    one = Callback()
    assert as_callback(one) is one
    calls: list[Any] = []
    made = as_callback(calls.append)
    for event in ("on_start", "on_step", "on_epoch", "on_end"):
        getattr(made, event)(event)
    assert calls == ["on_epoch"]


def test_who_hears_every_step() -> None:
    """A callback with an `on_step` of its own does, unless it says that it need not."""

    class Own(Callback):
        def on_step(self, training: Any) -> None:
            pass

    class Patient(Own):
        every_step = False

    by_hand = Callback()
    by_hand.on_step = print  # type: ignore[method-assign]
    assert [hears_every_step(c) for c in (Own(), by_hand, Patient())] == [True, True, False]
    quiet = (Callback(), Lines(), ProgressBar(), as_callback(print))
    assert not any(map(hears_every_step, quiet))


def test_a_bare_callback_does_nothing() -> None:
    """Each method may be left out."""
    for event in ("on_start", "on_step", "on_epoch", "on_end"):
        assert getattr(Callback(), event)(None) is None


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR set, the bar is drawn without colours."""
    colour = re.compile("\x1b\\[[39][0-9][;m]")
    texts = {}
    for set_ in (False, True):
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.delenv("COLORTERM", raising=False)
        if set_:
            monkeypatch.setenv("NO_COLOR", "1")
        stream = Terminal()
        bar = ProgressBar(stream)
        bar.on_start(training(1))
        bar.on_epoch(training(10))
        bar.on_end(training(10))
        texts[set_] = stream.getvalue()
    assert colour.search(texts[False])
    assert not colour.search(texts[True])
    assert "50 %" in texts[True]
