"""The command `deltarule sweep`, behind its changes of the recipe."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import TYPE_CHECKING, Any

from .output import Output, table

if TYPE_CHECKING:
    from ..sweeps.sweeping import SweepResult

__all__ = ["run_sweep"]


def run_sweep(args: argparse.Namespace, changes: dict[str, Any], out: Output) -> int:
    """Search, and tell what was found; 1 where no trial is complete."""
    from ..runs.recipes import parse_value
    from ..sweeps.sweeping import sweep

    found = sweep(
        args.source,
        args.space,
        recipe=args.recipe,
        changes=changes,
        trials=parse_value(args.trials),
        out=args.out,
        storage=args.storage,
        study=args.study,
        metric=args.metric,
        sampler=args.sampler,
        pruner=args.pruner,
        timeout=None if args.timeout is None else parse_value(args.timeout),
        progress=out.progress,
        command=shlex.join(["deltarule", *args.argv]),
    )
    facts = _facts(found)
    out.result(table(_rows(found, facts)), facts)
    return 0 if found.best is not None else 1


def _facts(found: SweepResult) -> dict[str, Any]:
    states = [trial["state"] for trial in found.trials]
    best = next((t for t in found.trials if t["trial"] == found.best_trial), None)
    return {
        "sweep": str(found.folder),
        "study": found.study,
        "metric": found.metric,
        "best_trial": found.best_trial,
        "best_value": found.best_value,
        "best_changes": best and best["changes"],
        "best_run": found.run and str(found.run),
        "trials": len(states),
        **{s: states.count(s) for s in ("complete", "pruned", "failed", "running")},
        "seconds": round(found.facts["seconds"], 3),
    }


def _rows(found: SweepResult, facts: dict[str, Any]) -> list[tuple[str, str]]:
    counts = [f"{facts[s]} {s}" for s in ("complete", "pruned", "failed", "running") if facts[s]]
    rows = [("trials", f"{facts['trials']}: {', '.join(counts)}")]
    if found.best_trial is None:
        rows.append(("best trial", "none is complete"))
        reasons = list(dict.fromkeys(t["reason"] for t in found.trials if t["reason"]))
        rows += [("", reason) for reason in reasons[:3]]
    else:
        rows += [
            ("best trial", str(found.best_trial)),
            (
                found.metric.replace("val_", "validation ").replace("_", " "),
                _text(found.best_value),
            ),
            *((key, _text(value)) for key, value in facts["best_changes"].items()),
        ]
        if found.run is not None:
            rows.append(("its run", str(found.run)))
    return [*rows, ("report", f"{found.folder}/report.html")]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
