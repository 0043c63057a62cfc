"""A command that torchrun started several times: one of them speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..distributed.launch import launch
from ..ground.errors import DeltaruleError, Diverged
from .output import Output

if TYPE_CHECKING:
    from ..distributed.workers import Workers

__all__ = ["together"]


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
