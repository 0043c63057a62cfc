"""A command that torchrun started several times: one of them speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..distributed.launch import launch
from ..ground.errors import DeltaruleError, Diverged
from ..learning.callbacks import Callback
from .output import Output

if TYPE_CHECKING:
    from ..distributed.workers import Workers
    from ..learning.training import Training

__all__ = ["Foretell", "together"]


class Foretell(Callback):
    """Says, before the workers begin, what a step will take them and whether they pay."""

    def __init__(self, out: Output) -> None:
        self.out = out

    def on_start(self, training: Training) -> None:
        if training.workers is not None:
            from ..learning.forecast import forecast_sentences

            found = training.forecast()
            for sentence in () if found is None else forecast_sentences(found):
                self.out.note(sentence)


@contextlib.contextmanager
def together(out: Output) -> Iterator[Workers | None]:
    """The workers that this process is one of; None for a process alone.

    Those that do not lead print nothing, and leave it to the leading one to say what stopped them
    all; what stopped one of them alone, it says itself.
    """
    started = launch()
    if started is None:
        yield None
        return
    from ..distributed.workers import join

    if started.rank:
        out.silence()
    workers = join(started)
    try:
        yield workers
    except DeltaruleError as error:
        if workers.leads:
            raise
        if workers.told or workers.lost or isinstance(error, Diverged):
            raise SystemExit(1 if isinstance(error, Diverged) else 2) from None
        raise type(error)(f"Worker {workers.rank}: {error}") from None
    except KeyboardInterrupt as error:
        if workers.leads:
            raise
        raise SystemExit(143 if type(error).__name__ == "Terminated" else 130) from None
    finally:
        workers.leave()
