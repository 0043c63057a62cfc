"""What a run writes while it trains: its folder, a line for each epoch, checkpoints."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..ground.signals import Listening
from ..learning.callbacks import Callback
from ..learning.checkpointing import Checkpointer, every
from ..learning.interrupts import Interrupts
from ..learning.tensorboard import TensorBoard
from ..learning.training import Training
from ..storage.generations import Generations
from ..storage.locks import locked
from .folders import (
    CHECKPOINTS,
    METRICS,
    RECIPE,
    TENSORBOARD,
    append_line,
    claim_folder,
    claim_next,
    repair_lines,
)
from .recipes import Recipe

__all__ = ["Journal", "board_for"]


class Journal(Callback):
    """Makes the run folder when all checks have passed, appends each epoch's record, and sees to it
    that event files and checkpoints are written and signals heard.

    Parameters
    ----------
    wanted : Path or None
        The folder asked for; None takes the first free runs/NAME-N.
    there : bool
        Whether it is the folder of a run that goes on.
    tensorboard : bool
        Whether event files are written, too.
    leads : bool
        Whether this process writes, of several that train together.
    """

    def __init__(
        self,
        wanted: Path | None,
        name: str,
        recipe: Recipe,
        there: bool,
        tensorboard: bool,
        leads: bool,
    ) -> None:
        self.wanted, self.name, self.recipe = wanted, name, recipe
        self.leads = leads
        self.tensorboard = tensorboard
        self.board: TensorBoard | None = None
        self.folder, self.claimed, self.there = wanted or Path("runs"), there, there
        self.lock = contextlib.ExitStack()

    def on_start(self, training: Training) -> None:
        # From here to the result's end: what is begun in the folder is also brought to an end.
        self.lock.enter_context(Listening(handed_on=training.workers is not None))
        if self.leads:
            self._claim(training)
        if not self.there:  # what resumes from checkpoints writes them, too
            assert training.identity
            often = every(self.recipe.checkpoint_every)
            where = Generations(self.folder / CHECKPOINTS)
            checkpointer = Checkpointer(where, often, training.identity())
            training.callbacks += [checkpointer, Interrupts(checkpointer)]

    def _claim(self, training: Training) -> None:
        files = {METRICS: "", RECIPE: self.recipe.to_toml()}
        # The folder for event files tells a run that goes on that some are wanted.
        folders = (TENSORBOARD,) if self.tensorboard else ()
        if self.wanted is None:
            self.folder = claim_next(Path("runs"), self.name, files, folders)
        elif not self.there:
            claim_folder(self.folder, files, folders)
        self.claimed = True
        Generations(self.folder / CHECKPOINTS).tidy()
        if self.there:
            repair_lines(self.folder / METRICS, training.history.epochs)
        else:
            self.lock.enter_context(locked(self.folder))
        if self.tensorboard:
            self.board = board_for(self.folder, self.recipe)
            self.board.on_start(training)

    def on_epoch(self, training: Training) -> None:
        if self.leads:
            append_line(self.folder / METRICS, training.history.epochs[-1])
        if self.board:
            self.board.on_epoch(training)

    def on_end(self, training: Training) -> None:
        if self.board:
            self.board.on_end(training)


def board_for(folder: Path, recipe: Recipe) -> TensorBoard:
    """What writes a run's event files; indented, a recipe is shown as it is."""
    text = "".join(f"    {line}\n" for line in recipe.to_toml().splitlines())
    return TensorBoard(folder / TENSORBOARD, {"recipe": text})
