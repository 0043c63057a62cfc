"""Comparisons: several recipes over several seeds, in a folder that can be gone on with."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..ground.errors import FileRefused, NotAvailable, choose
from ..report.comparisons import comparison_markdown, comparison_page
from ..runs.folders import REPORT, claim_folder, claim_next
from ..storage.atomic import as_path, write_text
from ..storage.json_text import json_text
from ..storage.locks import locked
from .answers import Comparison
from .asking import Wish, ask
from .carrying import make_runs, require_same_data, runs_are_missing
from .findings import findings
from .pools import Crew, crew_of
from .questions import COMPARISON, Question, read_question

__all__ = ["FACTS", "FORMATS", "compare", "resume_comparison"]

FACTS, MARKDOWN = "comparison.json", "report.md"
FORMATS = {"html": REPORT, "md": MARKDOWN}


def compare(
    data: str | Path | None = None,
    recipes: Any = "default",
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    tune: Mapping[str, Sequence[Any]] | None = None,
    changes: Mapping[str, Any] | None = None,
    names: Sequence[str] = (),
    seeds: int | Sequence[int] = 5,
    tune_seeds: int = 2,
    metric: str | None = None,
    reach: float | None = None,
    level: float = 0.95,
    out: str | Path | None = None,
    formats: str | Sequence[str] = "html",
    n_jobs: int | None = None,
    progress: bool = True,
    command: str = "",
) -> Comparison:
    """Compare recipes over several seeds, and say what the data show.

    All arms get the same seeds, and with each seed the same validation rows, the same order of
    batches and, where their layers have the same sizes, the same initial weights, so that their
    differences are paired.  A comparison that was interrupted goes on when it is asked again into
    the same folder, or by `deltarule resume FOLDER`.

    Parameters
    ----------
    data : str or path, optional
        What `deltarule train` takes; by default what the recipes name.
    recipes : recipe, or sequence of recipes
        Each the name of a built-in recipe, a file, a mapping of keys or a `Recipe`.
    vary : mapping of key to values, optional
        Changes one recipe: each combination is an arm, the first values are those of the first.
    tune : mapping of key to values, optional
        Each arm gets the combination with the best mean of the metric over `tune_seeds` seeds of
        their own before the arms are compared.
    changes : mapping, optional
        Keys of the recipe that all arms change, such as {"epochs": 5}.
    names : sequence of str, optional
        What the arms are called.
    seeds : int or sequence of int
        So many, from 0 on, or these.
    tune_seeds : int
        How many; they follow the largest of the seeds.
    metric : str, optional
        The column of the history to compare by; by default what all arms monitor, else accuracy,
        or r2 for numbers.
    reach : float, optional
        A value of the metric: epochs, steps and seconds to it are told.
    level : float
        Of the intervals.
    out : path, optional
        The folder of the comparison; by default the next free comparisons/NAME-N.
    formats : {"html", "md"}, or several of them
        Of the report.
    n_jobs : int, optional
        How many runs are made at once, each with one thread; by default as many as there are
        processors, or what `joblib.parallel_config` says, which also takes another backend.
    progress : bool
        A live table on a terminal, plain lines elsewhere.
    command : str
        What the report says made it.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidInput, NotAvailable, FileRefused
        Naming every problem at once, before anything is run.
    KeyboardInterrupt
        When Ctrl-C was heard; what was finished is kept, what was begun has checkpoints.
    """
    crew, pages = crew_of(n_jobs), _formats(formats)
    wish = Wish(
        data=data,
        recipes=recipes,
        vary=vary or {},
        tune=tune or {},
        changes=changes or {},
        names=names,
        seeds=seeds,
        tune_seeds=tune_seeds,
        metric=metric,
        reach=reach,
        level=level,
        command=command,
    )
    there = None if out is None else as_path(out)
    question, memory = ask(wish)
    crew.require_memory(memory)
    if there is not None and (there / COMPARISON).is_file():
        had = read_question(there / COMPARISON)
        if differing := had.differences(question):
            raise FileRefused(
                f"{there} holds another comparison: {'; '.join(differing)}. Ask the same, or "
                "choose another folder with --out."
            )
        return _carry_out(there, had, crew, pages, progress)
    files = {COMPARISON: question.to_toml()}
    if there is None:
        there = claim_next(Path("comparisons"), question.data_name, files)
    else:
        claim_folder(there, files)
    return _carry_out(there, question, crew, pages, progress)


def resume_comparison(
    folder: str | Path,
    *,
    n_jobs: int | None = None,
    formats: str | Sequence[str] = "html",
    force: bool = False,
    progress: bool = True,
) -> Comparison:
    """Go on with a comparison that was interrupted or killed; one that is done stays as it is.

    Runs that are finished are kept, runs that were begun go on from their checkpoints, the others
    are made.

    Parameters
    ----------
    folder : path
    n_jobs, formats, progress
        As of `compare`.
    force : bool
        Go on even if the data have changed.

    Raises
    ------
    InvalidInput, NotAvailable, FileRefused
        If it is no comparison, it or a run in it is damaged, or another process is at work on it.
    """
    there = as_path(folder)
    crew, pages = crew_of(n_jobs), _formats(formats)
    if not (there / COMPARISON).is_file():
        raise NotAvailable(
            f"{there} is not the folder of a comparison: it has no {COMPARISON}. Name one that "
            "`deltarule compare` made."
        )
    return _carry_out(there, read_question(there / COMPARISON), crew, pages, progress, force)


def _formats(given: str | Sequence[str]) -> list[str]:
    chosen = [given] if isinstance(given, str) else list(given)
    for name in chosen:
        choose(name, FORMATS, "format")
    return chosen


def _carry_out(
    folder: Path,
    question: Question,
    crew: Crew,
    formats: Sequence[str],
    progress: bool,
    force: bool = False,
) -> Comparison:
    with locked(folder):
        missing = runs_are_missing(folder, question)
        facts = None if missing else _written(folder)
        new = facts is None
        if facts is None:
            if missing and not force:
                require_same_data(folder, question)
            make_runs(folder, question, crew, progress, force)
            command = question.command or f"deltarule resume {shlex.quote(str(folder))}"
            text = json_text(findings(question, folder, crew.processes, command), indent=1)
            write_text(folder / FACTS, text + "\n")
            facts = json.loads(text)
        for name in formats:
            if new or not (folder / FORMATS[name]).exists():
                _write_page(folder, facts, name)
    return Comparison(folder, facts)


def _written(folder: Path) -> dict[str, Any] | None:
    """The facts of a comparison that is done; None where they must be found anew."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and {"verdict", "arms"} <= set(facts) else None


def _write_page(folder: Path, facts: dict[str, Any], name: str) -> None:
    if name == "html":
        write_text(folder / REPORT, comparison_page(facts))
        return
    text, pictures = comparison_markdown(facts)
    for file, svg in pictures.items():
        write_text(folder / file, svg)
    write_text(folder / MARKDOWN, text)
