"""`deltarule compare`, and `resume` of what it made."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.errors import InvalidInput, Problems
from .output import Output

if TYPE_CHECKING:
    from ..comparisons.answers import Comparison

__all__ = ["compare", "is_comparison", "resume_comparison"]


def compare(args: argparse.Namespace, changes: dict[str, Any], out: Output) -> int:
    """Compare recipes.

    Parameters
    ----------
    changes : dict
        The keys of the recipe that the command line changes.
    """
    from ..comparisons.arms import parse_variations
    from ..comparisons.comparing import compare
    from ..data.dataset import as_number

    problems = Problems()
    vary = parse_variations(args.vary, "--vary", problems)
    tune = parse_variations(args.tune, "--tune", problems)
    first = _whole("--seed", changes.pop("seed", 0), 0, problems)
    n = _whole("--seeds", args.seeds, 1, problems)
    tune_seeds = _whole("--tune-seeds", args.tune_seeds, 1, problems)
    jobs = None if args.jobs is None else _whole("--jobs", args.jobs, 1, problems)
    reach = None if args.reach is None else as_number(args.reach)
    problems.require(
        args.reach is None or reach is not None,
        f"--reach must be a number, such as 0.42, not {args.reach!r:.60}.",
    )
    column = args.target
    if column is not None and as_number(column) is not None and not Path(args.source).exists():
        problems.add(
            f"--target names a column of a table, not {column!r:.60}; the value that is to be "
            f"reached is given by --reach {column:.60}."
        )
    problems.raise_if_any()
    found = compare(
        args.source,
        args.recipe or "default",
        vary=vary,
        tune=tune,
        changes=changes,
        names=args.name,
        seeds=range(first, first + n),
        tune_seeds=tune_seeds,
        metric=args.metric,
        reach=reach,
        out=args.out,
        formats=args.format,
        n_jobs=jobs,
        progress=out.progress,
        command=shlex.join(["deltarule", *args.argv]),
    )
    return _tell(found, args.format, out)


def is_comparison(folder: str) -> bool:
    """Whether a folder is that of a comparison."""
    from ..comparisons.questions import COMPARISON

    try:
        return (Path(folder) / COMPARISON).is_file()
    except (OSError, ValueError):
        return False


def resume_comparison(args: argparse.Namespace, out: Output) -> int:
    """Go on with a comparison."""
    from ..comparisons.comparing import resume_comparison

    problems = Problems()
    jobs = None if args.jobs is None else _whole("--jobs", args.jobs, 1, problems)
    problems.require(
        not args.tensorboard,
        f"--tensorboard is for a run, and {args.run} is a comparison; name one of the runs in it.",
    )
    problems.raise_if_any()
    found = resume_comparison(args.run, n_jobs=jobs, force=args.force, progress=out.progress)
    return _tell(found, "html", out)


def _whole(option: str, given: Any, least: int, problems: Problems) -> int:
    text = str(given).strip()
    if text.isascii() and text.isdigit() and least <= int(text) < 2**63:
        return int(text)
    problems.add(f"{option} must be a whole number at least {least}, not {text!r:.60}.")
    return least


def _tell(found: Comparison, name: str, out: Output) -> int:
    """What a comparison came to; 1 if a run failed for another reason than its recipe."""
    from ..comparisons.comparing import FORMATS

    arms = [
        {
            **arm,
            "runs": [{k: v for k, v in run.items() if k != "history"} for run in arm["runs"]],
        }
        for arm in found.facts["arms"]
    ]
    report = found.folder / FORMATS[name]
    place = str(report) if report.exists() else None
    facts = {"comparison": str(found.folder), "report": place, **found.facts, "arms": arms}
    text = f"{found}\n\ncomparison  {found.folder}"
    out.result(text if place is None else f"{text}\nreport      {place}", facts)
    return int(any(run["status"] == "failed" for arm in arms for run in arm["runs"]))


def refuse_jobs(jobs: object) -> None:
    """A single run is one process.

    Raises
    ------
    InvalidInput
    """
    if jobs is not None:
        raise InvalidInput("--jobs is for comparisons, of which there are many runs; leave it out.")
