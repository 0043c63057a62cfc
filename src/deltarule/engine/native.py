"""The compiled core: whether it is here, why not, and how many threads it may use."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ground.errors import InvalidInput, NotAvailable
from .limits import join_threadpoolctl
from .processors import MOST_THREADS, default_threads

__all__ = ["available", "core", "get_threads", "notice", "set_threads", "why_not"]

VARIABLE = "DELTARULE_ENGINE"
SWITCHED_OFF = f"The engine is switched off by the environment variable {VARIABLE}=reference."
NOT_COMPILED = (
    "The engine's compiled core is not part of this installation; install a wheel, or install "
    "again where there is a C++20 compiler."
)

_chosen: int | None = None
_told = False


@functools.cache
def _find() -> tuple[Any, str]:
    """The core and '', or None and why it is not there.

    Looked for when it is first needed, once: importing the library stays quick, and what a
    process does cannot change half way.
    """
    wanted = os.environ.get(VARIABLE, "").strip() or "auto"
    if wanted == "reference":
        return None, SWITCHED_OFF
    if wanted != "auto":
        raise InvalidInput(
            f"The environment variable {VARIABLE} must be auto or reference, not {wanted!r:.60}."
        )
    try:
        module = importlib.import_module("._core", __package__)
    except ModuleNotFoundError:
        return None, NOT_COMPILED
    except ImportError as error:
        return None, f"The engine's compiled core cannot be loaded ({error}); install it again."
    module.set_threads(_chosen or default_threads())
    join_threadpoolctl()
    return module, ""


def core() -> Any:
    """The module `_core`.

    Raises
    ------
    NotAvailable
        If it is not there, with what to do.
    """
    module, why = _find()
    if module is None:
        raise NotAvailable(f'{why} engine="reference" does the same, slower.')
    return module


def available() -> bool:
    """Whether the engine can be used here."""
    return _find()[0] is not None


def why_not() -> str:
    """Why the engine cannot be used here, one sentence; '' where it can."""
    return _find()[1]


def notice(reasons: Sequence[str]) -> str:
    """What to say, once in a process, where only the missing core kept a training from it.

    Parameters
    ----------
    reasons : sequence of str
        Why the reference took the steps (`History.engine_reasons`).
    """
    global _told
    why = why_not()
    if _told or not why or why == SWITCHED_OFF or list(reasons) != [why]:
        return ""
    _told = True
    return f"{why} The reference did the work; it is slower."


def set_threads(n: int) -> None:
    """Let the engine use at most n threads, from 1 to 64; small networks take fewer.

    Results do not depend on it.  The threads of BLAS, which serve the reference, are not touched.

    Raises
    ------
    InvalidInput
        If n is no such number.
    """
    global _chosen
    whole = isinstance(n, int | np.integer) and not isinstance(n, bool)
    if not whole or not 1 <= n <= MOST_THREADS:
        raise InvalidInput(
            f"The number of threads must be a whole number from 1 to {MOST_THREADS}, not {n!r:.60}."
        )
    _chosen = int(n)
    if loaded := sys.modules.get(f"{__package__}._core"):
        loaded.set_threads(_chosen)


def get_threads() -> int:
    """How many threads the engine may use.

    By default as many as DELTARULE_NUM_THREADS says, else OMP_NUM_THREADS, else as many as there
    are processors for this process.  The limits of threadpoolctl hold too.
    """
    global _chosen
    if available():
        return int(core().get_threads())  # threadpoolctl may have set it
    if _chosen is None:
        _chosen = default_threads()
    return _chosen
