"""One function for each command: parsed arguments in, exit code out."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..ground.errors import InvalidInput
from . import comparing
from .output import Notes, Output, table
from .sweeping import run_sweep
from .together import Foretell, together

if TYPE_CHECKING:
    from ..runs.running import Outcome

__all__ = ["COMMANDS"]

# The error that is in the units of the target, and called RMSE.
OF_UNITS = "root_mean_squared_error"


def train(args: argparse.Namespace, out: Output) -> int:
    """Train by a recipe."""
    from ..distributed.workers import agreed
    from ..runs.recipes import Recipe, find_recipe, recipe_from
    from ..runs.running import train_run

    def recipe() -> Recipe:
        return recipe_from(find_recipe(args.recipe), {"data": args.source, **_changes(args)})

    command = shlex.join(["deltarule", *args.argv])
    with together(out) as workers:  # where there are several, one of them speaks
        asked = agreed(workers, recipe)
        outcome = train_run(
            asked,
            args.out,
            command=command,
            callbacks=[] if workers is None else [Foretell(out)],
            progress=out.progress,
            workers=workers,
            tensorboard=args.tensorboard,
            tell=out.note,
        )
        _tell(outcome, out)
    return 0


def resume(args: argparse.Namespace, out: Output) -> int:
    """Go on with a run or a comparison."""
    from ..runs.running import resume_run

    if comparing.is_comparison(args.run):
        return comparing.resume_comparison(args, out)
    comparing.refuse_jobs(args.jobs)
    with together(out) as workers:
        outcome = resume_run(
            args.run,
            force=args.force,
            progress=out.progress,
            workers=workers,
            tensorboard=args.tensorboard,
            tell=out.note,
        )
        _tell(outcome, out)
    return 0


def _tell(outcome: Outcome, out: Output) -> None:
    """What a run came to."""
    from ..engine import native
    from ..runs.folders import TENSORBOARD

    if sentence := native.notice(outcome.history.engine_reasons):
        out.note(sentence)
    for sentence in outcome.history.notes:
        out.note(sentence)
    facts = outcome.facts
    rows = [("best epoch", f"{facts['best_epoch']} of {facts['epochs']}")]
    if facts["best_epoch"] is None:
        rows = [("epochs", str(facts["epochs"])), ("training loss", _number(facts["train_loss"]))]
    else:
        rows.append(("validation loss", _number(facts["val_loss"])))
        rows.append(_measured("validation ", facts["metric_name"], facts["val_metric"]))
        error = facts.get(f"val_{OF_UNITS}")  # which classes, and runs of earlier versions, lack
        if error is not None and facts["metric_name"] != OF_UNITS:
            rows.append(_measured("validation ", OF_UNITS, error))
    rows += [
        ("time", f"{facts['seconds']:.1f} s"),
        ("run folder", facts["run"]),
        ("report", f"{facts['run']}/report.html"),
    ]
    if (outcome.folder / TENSORBOARD).is_dir():
        rows.append(("curves", f"tensorboard --logdir {shlex.quote(facts['run'])}"))
    out.result(table(rows), facts)


def compare(args: argparse.Namespace, out: Output) -> int:
    """Compare recipes over several seeds."""
    return comparing.compare(args, _changes(args), out)


def plan(args: argparse.Namespace, out: Output) -> int:
    """Tell what a training by a recipe would take."""
    from ..runs.planning import plan_run
    from ..runs.recipes import find_recipe, recipe_from

    recipe = recipe_from(find_recipe(args.recipe), {"data": args.source, **_changes(args)})
    planned = plan_run(recipe)
    out.result(table(planned.lines()), planned.facts())
    return 0


def sweep(args: argparse.Namespace, out: Output) -> int:
    """Search for the best recipe."""
    return run_sweep(args, _changes(args), out)


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    """The keys of the recipe that the command line changes; --set comes last."""
    from ..runs.recipes import parse_value

    changes = {
        name[4:]: parse_value(value)
        for name, value in vars(args).items()
        if name.startswith("key_") and value is not None
    }
    for name in ("target", "data_dir"):
        if getattr(args, name) is not None:
            changes[name] = getattr(args, name)
    for assignment in getattr(args, "set", []):
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(f"--set takes KEY=VALUE, such as lr=0.01, not {assignment!r}.")
        changes[key.strip()] = parse_value(value.strip())
    return changes


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"


def _measured(side: str, metric: str, value: float | None) -> tuple[str, str]:
    """A metric's name and value; an error in the target's units is written out."""
    if metric != OF_UNITS:
        return f"{side}{metric.replace('_', ' ')}", _number(value)
    written = _number(value)
    if value is not None and 1e4 <= value < 1e15:
        written = f"{value:,.0f}"
    return f"{side}RMSE", f"{written} (in units of the target)"


def evaluate(args: argparse.Namespace, out: Output) -> int:
    """Loss and metrics of a model."""
    from ..runs.serving import evaluate_model

    notes = Notes(out)
    facts = evaluate_model(args.model, args.source, _changes(args), args.split, tell=notes)
    facts["notes"] = notes.told
    rows = [_measured("", k, v) for k, v in facts.items() if isinstance(v, float)]
    out.result(table([*rows, ("rows", f"{facts['n']} ({facts['split']})")]), facts)
    return 0


def predict(args: argparse.Namespace, out: Output) -> int:
    """Predictions of a model, as CSV."""
    from ..runs.serving import predictions_csv
    from ..storage.atomic import write_text

    notes = Notes(out)
    text, n = predictions_csv(
        args.model, args.source, _changes(args), args.split, args.proba, tell=notes
    )
    facts = {"n": n, "file": args.out, "notes": notes.told}
    if args.out is not None:
        write_text(args.out, text)
        out.result(f"{n} predictions in {args.out}", facts)
        return 0
    sys.stdout.write(text)
    if out.as_json:
        out.result("", facts)
    return 0


def export(args: argparse.Namespace, out: Output) -> int:
    """A model for others to run, checked."""
    from pathlib import Path

    from ..exporting.door import FORMATS, default_name, export, files_of
    from ..network.loading import BEST
    from ..runs.serving import open_model

    model = Path(args.model) / BEST if Path(args.model).is_dir() else Path(args.model)
    if Path(args.to).suffix:
        raise InvalidInput(
            f"--to takes a format ({', '.join(FORMATS)}), not a file such as {args.to!r}; the "
            "file's name is for --out."
        )
    target = default_name(model, args.to) if args.out is None else args.out
    files = files_of(target, args.to)
    network = open_model(args.model).network
    if any(path.exists() and path.samefile(model) for path in files):
        raise InvalidInput(
            f"The export would take the place of the model {model} itself; choose another --out."
        )
    done = export(network, target, args.to)
    rows = [("file", str(done.files[0])), *(("weights", str(path)) for path in done.files[1:])]
    facts: dict[str, Any] = {"to": done.to, "files": [str(path) for path in done.files]}
    checked = done.comparison
    facts["max_difference"] = checked and checked.difference
    facts["max_relative_difference"] = checked and checked.relative
    facts["tolerance"] = checked and checked.tolerance
    if checked:
        rows += [
            ("greatest difference", f"{checked.difference:.1e} of {checked.rows} rows' scores"),
            ("", f"{checked.relative:.1e} of a row's largest, {checked.tolerance:g} allowed"),
        ]
    for note in done.notes:
        out.note(note)
    out.result(table(rows), facts)
    return 0


def bench(args: argparse.Namespace, out: Output) -> int:
    """Throughput of several workers, measured and predicted."""
    from ..runs import throughput

    with together(out) as workers:
        if workers is not None:
            out.result("", {"measured": throughput.measure_together(workers)})
            return 0
    alpha = _positive(args.latency, "--latency", 1e-6)
    bandwidth = _positive(args.bandwidth, "--bandwidth", 1e9)
    out.note("Training with 1 and with 2 workers on this machine…")
    found = throughput.measure_alone()
    out.result(*throughput.told(found, alpha, bandwidth and 1.0 / bandwidth))
    return 0


def _positive(text: str | None, name: str, unit: float) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise InvalidInput(f"{name} must be a number above 0, not {text!r:.60}.")
    return value * unit


def report(args: argparse.Namespace, out: Output) -> int:
    """Pages of runs and comparisons, made anew."""
    from ..runs.remaking import make_reports

    made = make_reports(args.runs, args.format, args.out)
    rows, facts = [], []
    for one in made:
        pictures = len(one.files) - 1
        beside = f", with {pictures} pictures beside it" if pictures else ""
        rows.append((str(one.folder), f"{one.files[0]}{beside}"))
        for sentence in one.missing:
            out.note(f"{one.folder}: {sentence}")
        files = [str(path) for path in one.files]
        facts.append(
            {
                "folder": str(one.folder),
                "kind": one.kind,
                "files": files,
                "missing": list(one.missing),
            }
        )
    out.result(table(rows), {"reports": facts})
    return 0


def check_gradients(args: argparse.Namespace, out: Output) -> int:
    """Check the gradients of a standing set of networks."""
    from ..network.checks import standard_cases

    if args.seed < 0:
        raise InvalidInput(f"--seed must be a whole number at least 0, not {args.seed}.")
    combinations, checks, exact, differences, failed = 0, 0, 0.0, 0.0, 0
    for case in standard_cases(args.seed):
        report = case.check()
        combinations += 1
        checks += len(report.checks)
        exact = max(exact, report.max_relative_error)
        differences = max(differences, report.max_difference_error)
        failed += not report.passed
        out.note(f"{'ok    ' if report.passed else 'FAILED'}  {case.name}")
    facts = {
        "combinations": combinations,
        "checks": checks,
        "max_relative_error": exact,
        "max_difference_error": differences,
        "passed": failed == 0,
    }
    rows = [
        ("networks", f"{combinations}, {failed} failed"),
        ("arrays compared", str(checks)),
        ("greatest error", f"{exact:.1e} by complex step, at most 1e-12 allowed"),
        ("", f"{differences:.1e} by differences, at most 1e-9 allowed"),
    ]
    out.result(table(rows), facts)
    return 0 if failed == 0 else 1


def datasets(args: argparse.Namespace, out: Output) -> int:
    """List the known data sets, or download one."""
    from ..data import downloads

    if args.action == "list" and args.name:
        raise InvalidInput(f"deltarule datasets list takes no name, not {args.name!r}.")
    if args.action == "get":
        if not args.name:
            raise InvalidInput("deltarule datasets get NAME: say which, cifar10 or mnist.")
        folder = downloads.get(args.name)
        out.result(f"{args.name} is in {folder}", {"name": args.name, "folder": str(folder)})
        return 0
    known = downloads.available()
    rows = [(k.name, f"{k.about}; {_where(k.present, k.folder, k.name)}") for k in known]
    facts = {k.name: {"present": k.present, "folder": k.folder and str(k.folder)} for k in known}
    out.result(table(rows), {"datasets": facts})
    return 0


def _where(present: bool, folder: object, name: str) -> str:
    if folder is None:
        return "ready"
    return f"in {folder}" if present else f"get it with `deltarule datasets get {name}`"


def recipes(args: argparse.Namespace, out: Output) -> int:
    """List the built-in recipes, or print one."""
    import dataclasses

    from ..runs.recipes import builtin_recipes, find_recipe, recipe_from

    if args.name:
        recipe = recipe_from(find_recipe(args.name), {})
        out.result(recipe.to_toml().rstrip(), dataclasses.asdict(recipe))
        return 0
    rows = [(name, str(find_recipe(name).get("description", ""))) for name in builtin_recipes()]
    out.result(table(rows), {"recipes": dict(rows)})
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace, Output], int]] = {
    "train": train,
    "resume": resume,
    "compare": compare,
    "plan": plan,
    "sweep": sweep,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "report": report,
    "bench": bench,
    "check-gradients": check_gradients,
    "datasets": datasets,
    "recipes": recipes,
}
