"""One run of a comparison, wherever it is run: begun, gone on with, or left where it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ..engine import native
from ..ground.errors import DeltaruleError, Diverged, NotAvailable
from ..learning.callbacks import Callback
from ..learning.checkpointing import Checkpointer
from ..learning.training import Training
from ..runs.folders import RECIPE
from ..runs.recipes import Recipe
from ..runs.running import resume_run, train_run
from ..storage.atomic import write_text
from ..storage.json_text import json_text
from ..storage.locks import locked

__all__ = ["FAILURE", "Errand", "Sender", "run_errand"]

FAILURE = "failure.json"
# How often a run looks whether it is still wanted, and how long it waits for one that is not.
LOOK_EVERY = 0.1
PATIENCE = 30.0


@dataclass(frozen=True)
class Errand:
    """A run to be made.

    Attributes
    ----------
    folder : str
        Of the run, absolute: workers may be elsewhere.
    recipe : Recipe
        With its seed.
    report : bool
        Whether a page is made of it.
    """

    folder: str
    recipe: Recipe
    report: bool


@dataclass(frozen=True)
class Sender:
    """The process that wants the runs, as those who make them see it.

    Attributes
    ----------
    sign : str
        A file that holds `token` for as long as the runs are wanted.
    token : str
    process : int
        Its number.
    children : bool
        Whether the workers are its children, which end with it.
    threads : int or None
        For the engine in each worker; None leaves them as they are.
    force : bool
        Go on even if the data have changed.
    """

    sign: str
    token: str
    process: int
    children: bool
    threads: int | None
    force: bool

    def is_gone(self) -> bool:
        """Whether it was killed, and this is a worker that it has left behind."""
        return self.children and self.process not in (os.getpid(), os.getppid())

    def wants(self) -> bool:
        """Whether the runs are still wanted."""
        if self.is_gone():
            return False
        try:
            return Path(self.sign).read_text(encoding="utf-8") == self.token
        except OSError:
            return False

    def dismiss(self) -> None:
        """Let all of its workers stop."""
        if self.wants():
            with contextlib.suppress(OSError):
                Path(self.sign).unlink()


class _Wanted(Callback):
    """Ends a training, with a checkpoint, when it is not wanted any more."""

    every_step = False

    def __init__(self, sender: Sender) -> None:
        self.sender, self._looked = sender, 0.0

    def on_step(self, training: Training) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        if not self.sender.wants():
            for callback in training.callbacks:
                if isinstance(callback, Checkpointer):
                    callback.write(training)
            raise KeyboardInterrupt

    def on_epoch(self, training: Training) -> None:
        if not training.stop and training.epoch < training.plan.epochs:
            self.on_step(training)


def run_errand(errand: Errand, sender: Sender) -> tuple[str, str]:
    """Make the run, or go on with it.

    Returns
    -------
    status : {"done", "diverged", "failed", "interrupted"}
    message : str
        Why it is not done.
    """
    if os.getpid() != sender.process:
        _settle_in(sender)
    found = _run_errand(errand, sender)
    if sender.is_gone():  # nobody waits for the answer, or would end this process
        os._exit(1)
    return found


def _run_errand(errand: Errand, sender: Sender) -> tuple[str, str]:
    if not sender.wants():
        return "interrupted", ""
    folder = Path(errand.folder)
    try:
        if (folder / RECIPE).is_file():
            _wait_for(folder, sender)
            (folder / FAILURE).unlink(missing_ok=True)
            resume_run(
                folder,
                force=sender.force,
                callbacks=[_Wanted(sender)],
                progress=False,
                report=errand.report,
            )
        else:
            train_run(
                errand.recipe,
                folder,
                callbacks=[_Wanted(sender)],
                progress=False,
                report=errand.report,
            )
    except KeyboardInterrupt as error:
        sender.dismiss()
        return "interrupted", type(error).__name__
    except Diverged as error:
        return _note(folder, "diverged", str(error))
    except DeltaruleError as error:
        return _note(folder, "failed", str(error))
    except MemoryError:
        return _note(folder, "failed", "There was not enough memory for this run.")
    return "done", ""


def _settle_in(sender: Sender) -> None:
    """What a process of the pool needs once."""
    if sender.threads is not None and native.get_threads() != sender.threads:
        native.set_threads(sender.threads)
    if sender.children and threading.current_thread() is threading.main_thread():
        # Ctrl-C is everybody's; between runs it is for the sender to say what follows from it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _wait_for(folder: Path, sender: Sender) -> None:
    """Wait until a worker of a comparison that was killed has let go of the run."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and sender.wants():
        with contextlib.suppress(NotAvailable), locked(folder):
            return
        time.sleep(LOOK_EVERY)


def _note(folder: Path, status: str, message: str) -> tuple[str, str]:
    """Leave word in the run's folder of what became of it."""
    with contextlib.suppress(DeltaruleError):
        if folder.is_dir():
            write_text(folder / FAILURE, json_text({"status": status, "message": message}) + "\n")
    return status, message


def noted(folder: Path) -> tuple[str, str] | None:
    """The word that was left; None where there is none."""
    try:
        facts = json.loads((folder / FAILURE).read_text(encoding="utf-8"))
        return str(facts["status"]), str(facts["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
