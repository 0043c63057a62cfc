"""Event files for TensorBoard: one point for each epoch and value, however often interrupted."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..ground.errors import NotAvailable
from ..ground.installing import extra
from ..storage.atomic import as_path
from .callbacks import PROBED, Callback

if TYPE_CHECKING:
    from .training import Training

__all__ = ["TensorBoard", "require_tensorboardx", "tag_of"]

PARTS = {"train_": "train", "val_": "validation"}
# Each flush waits for the disk; a small network has a hundred epochs a second.
SECONDS_BETWEEN_FLUSHES = 1.0


def require_tensorboardx(otherwise: str = "") -> None:
    """Require what writes event files.

    Raises
    ------
    NotAvailable
        If tensorboardX is not installed; `otherwise` is a sentence about what else can be done.
    """
    try:
        import tensorboardX  # noqa: F401
    except ImportError:
        needed = f"Event files for TensorBoard need tensorboardX: {extra('tensorboard')}."
        raise NotAvailable(f"{needed} {otherwise}".rstrip()) from None


def tag_of(column: str) -> str | None:
    """What TensorBoard calls a column of the history, "loss/train"; None for one that is an axis.

    What stands before the slash is a group: training and validation are drawn side by side.
    """
    if column in ("epoch", "step", "seconds"):
        return None
    for prefix, part in PARTS.items():
        if column.startswith(prefix):
            return f"{column.removeprefix(prefix)}/{part}"
    if column.startswith(PROBED):
        return column.replace("_", "/", 1)
    return "learning_rate" if column == "lr" else column


class TensorBoard(Callback):
    """Writes the values of each epoch into event files, for `tensorboard --logdir FOLDER`.

    A point is drawn over the step after which it was taken; its time is that of the training,
    without what lay between an interruption and going on.  The tags are `loss/train`,
    `loss/validation`, `accuracy/train` and so on for each metric, and `learning_rate`.

    A training that goes on from a checkpoint writes the points of all its epochs anew, into a new
    file that supersedes the older ones, so that none is missing and none is there twice.

    Parameters
    ----------
    folder : path
        Of one training, such as logs/first; TensorBoard shows each folder under logs as a run.
        The points that another training has left there are superseded.
    texts : mapping of str to str, optional
        Texts in Markdown by their tags.  What the training does is one already, `training`.

    Raises
    ------
    InvalidInput
        If `folder` names none.
    NotAvailable
        If tensorboardX is not installed; while a training runs, if a file cannot be written.

    Notes
    -----
    tensorboardX's `SummaryWriter` hands its events to a thread, which a kill takes down with what
    it has not written yet, and on a full disk it waits for ever.  So its parts are called here.

    Examples
    --------
    >>> import deltarule as dr
    >>> board = dr.TensorBoard("logs/first")                                   # doctest: +SKIP
    >>> net.train(X, y, X_val, y_val, callbacks=[board])                       # doctest: +SKIP
    """

    def __init__(
        self, folder: str | os.PathLike[str], texts: Mapping[str, str] | None = None
    ) -> None:
        self.folder = as_path(folder)
        self.texts = dict(texts or {})
        require_tensorboardx()
        self._file: Any = None
        self._began = self._flushed = 0.0
        self._last = 0

    def on_start(self, training: Training) -> None:
        """Begin a file; with the points of the epochs that are already recorded."""
        # An estimator that is fitted further has no records, but goes on where the last fit ended.
        further = 0 < training.t == self._last and not training.history.epochs
        plan = {**dataclasses.asdict(training.plan), "engine": training.history.engine}
        text = _table({k: v for k, v in plan.items() if v is not None})
        self._begin(training.history.epochs, training.t + 1 if further else 0, {"training": text})

    def on_epoch(self, training: Training) -> None:
        """Write the points of the epoch."""
        with self._telling():
            self._points(training.history.epochs[-1])
            if time.monotonic() - self._flushed >= SECONDS_BETWEEN_FLUSHES:
                self._file.flush()
                self._flushed = time.monotonic()

    def on_end(self, training: Training) -> None:
        """Close the file."""
        self._close()

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write the points of a training that is over, such as those of `history.epochs`.

        Raises
        ------
        NotAvailable
            If a file cannot be written.
        """
        self._begin(list(records), 0, {})
        self._close()

    def _begin(
        self, records: Sequence[Mapping[str, Any]], purge: int, texts: Mapping[str, str]
    ) -> None:
        """Open a new file; what older ones have from the step `purge` on is superseded."""
        from tensorboardX import RecordWriter
        from tensorboardX.proto.event_pb2 import SessionLog
        from tensorboardX.summary import text

        self._began = time.time() - (records[-1]["seconds"] if records else 0.0)
        with self._telling():
            self.folder.mkdir(parents=True, exist_ok=True)
            # Files are read in the order of their names, and a second may see several begin.
            number = sum(1 for _ in self.folder.glob("events.out.tfevents.*"))
            name = f"events.out.tfevents.{time.time():.0f}.{number:06d}"
            self._file = RecordWriter(str(self.folder.absolute() / name))
            self._event(0, self._began, file_version="brain.Event:2")
            self._event(purge, self._began, session_log=SessionLog(status=SessionLog.START))
            if not purge:
                for tag, words in {**texts, **self.texts}.items():
                    self._event(0, self._began, summary=text(tag, words))
            for record in records:
                self._points(record)
            self._file.flush()
            self._flushed = time.monotonic()

    def _points(self, record: Mapping[str, Any]) -> None:
        """All points of an epoch as one event, of which a kill leaves all or nothing."""
        from tensorboardX.proto.summary_pb2 import Summary
        from tensorboardX.summary import scalar

        points = Summary()
        for column, value in record.items():
            if tag := tag_of(column):
                points.MergeFrom(scalar(tag, math.nan if value is None else value))
        self._event(record["step"], self._began + record["seconds"], summary=points)
        self._last = record["step"]

    def _event(self, step: int, at: float, **what: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._file.write(Event(step=step, wall_time=at, **what).SerializeToString())

    def _close(self) -> None:
        if self._file is not None:
            with self._telling():
                self._file.flush()
                self._file.close()
            self._file = None

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """A file that cannot be written is given up, and told of in one sentence."""
        try:
            yield
        except OSError as error:
            if self._file is not None:
                with contextlib.suppress(OSError):  # it tries to write the rest again
                    self._file.close()
            self._file = None
            raise NotAvailable(
                f"Event files cannot be written to {self.folder}: {error.strerror or error}. "
                "Choose a folder that has room and may be written to."
            ) from None


def _table(values: Mapping[str, Any]) -> str:
    """Names and values as a table of Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in values.items())])
