"""What the comparisons of `reproduce` came to, in short: plain values, without the curves."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import deltarule as dr

# What the report calls a start: "35 %, 1.8".
START_ACCURACY, START_LOSS = 0.35, 1.8
TAKEN = ("verdict", "warnings", "metric", "seeds", "target", "equal_time", "differences", "data")
OF_ARM = ("name", "changes", "tuned", "parameters", "best", "end", "at_equal_time", "to_target")
OF_RUN = ("seed", "status", "best", "end", "at_equal_time", "epochs_to_target", "seconds_to_target")

History = Sequence[dict[str, Any]]


def start_of(history: History) -> int | None:
    """The first epoch with 35 % validation accuracy and a validation loss of 1.8, both at once."""
    for record in history:
        accuracy, loss = record["val_accuracy"], record["val_loss"]
        if None not in (accuracy, loss) and accuracy >= START_ACCURACY and loss <= START_LOSS:
            return int(record["epoch"])
    return None


def digest(found: dr.Comparison) -> dict[str, Any]:
    """A comparison without its curves, with what the report's claims are about beside it."""
    arms = []
    for arm in found.facts["arms"]:
        runs = [
            {
                **{key: run[key] for key in OF_RUN},
                "start": start_of(run["history"]),
                "first": run["history"][0]["val_accuracy"] if run["history"] else None,
            }
            for run in arm["runs"]
        ]
        arms.append({**{key: arm[key] for key in OF_ARM}, "seconds": arm["seconds"], "runs": runs})
    return {
        **{key: found.facts[key] for key in TAKEN},
        "processes": found.facts["machine"]["processes"],
        "arms": arms,
        "tuning": found.facts["tuning"],
        "tries": tries(found.folder, [arm["name"] for arm in arms]),
    }


def tries(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Every run of the tuning: its arm, rate and seed, its best accuracy, and its start.

    A run that diverged has a start, if it came so far, and no best.
    """
    question = tomllib.loads((folder / "comparison.toml").read_text(encoding="utf-8"))
    spoken = {arm["folder"]: arm["name"] for arm in question["arms"]}
    found = []
    for path in sorted(folder.glob("tuning/*/*/seed-*/recipe.toml")):
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        lines = (path.parent / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        history = [json.loads(line) for line in lines]
        done = not (path.parent / "failure.json").exists()
        values = [r["val_accuracy"] for r in history if r["val_accuracy"] is not None]
        found.append(
            {
                "arm": spoken[path.parents[2].name],
                "lr": recipe["lr"],
                "seed": recipe["seed"],
                "best": max(values) if done and values else None,
                "start": start_of(history),
            }
        )
    return sorted(found, key=lambda row: (names.index(row["arm"]), row["lr"], row["seed"]))
