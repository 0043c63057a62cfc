"""Whether torchrun started this process, and as which of how many."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Launch", "launch"]

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Launch:
    """What torchrun tells a process of itself in its environment.

    Attributes
    ----------
    rank, size : int
        The process's number, from 0, and how many there are.
    place : int
        Its number among those of its own machine.
    one_machine : bool
        Whether all of them are on one machine.
    restarts : int
        How often the group has been started again after one of them failed.
    """

    rank: int
    size: int
    restarts: int = 0
    place: int = 0
    one_machine: bool = True


def launch(environ: Mapping[str, str] | None = None) -> Launch | None:
    """What torchrun said, or None for a process that somebody started alone."""
    environ = os.environ if environ is None else environ
    if not all(environ.get(name) for name in NEEDED):
        return None
    return Launch(
        int(environ["RANK"]),
        int(environ["WORLD_SIZE"]),
        int(environ.get("TORCHELASTIC_RESTART_COUNT", "0")),
        int(environ.get("LOCAL_RANK", environ["RANK"])),
        environ.get("LOCAL_WORLD_SIZE", environ["WORLD_SIZE"]) == environ["WORLD_SIZE"],
    )
