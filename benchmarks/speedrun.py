"""Seconds to a validation accuracy on CIFAR-10, for the report's network on raw pixels.

    python benchmarks/speedrun.py [--data DIR] [--out docs] [--seeds 20] [--even-if-busy]

The clock starts with 45,000 training rows and 5,000 validation rows in memory as uint8 and stops
when the folded network has answered all validation rows: sums, components, training, folding and
judging are all counted (see `recipe`).  Each contestant runs all seeds in a process of its own; the
first run, compilation and all, is told apart from the others.  A mark is reached if the mean
accuracy over the seeds is above it by two standard errors, and the median time within the
allowance.  Writes speedrun.json and speedrun.md, which stands on the page of `bench.py` too.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from bench import write
from contestants import OURS
from learners import LEARNERS
from processes import environment
from recipe import RECIPES, Recipe, block_sums, fold, whitening
from tables import markdown, ratio

import deltarule as dr
from machine import claim, describe, refuse_if_busy

DOCS = Path(__file__).resolve().parents[1] / "docs"
TRAIN = 45_000


def once(name: str, recipe: Recipe, rows: tuple[Any, ...], seed: int) -> tuple[float, float]:
    """Seconds and validation accuracy of one run."""
    X, y, X_val, y_val = rows
    start = time.perf_counter()
    sums = block_sums(X[: recipe.rows])
    mean, T = whitening(sums[: recipe.of_rows], recipe.components)
    sums -= mean
    layers = LEARNERS[name][0](sums @ T, y[: recipe.rows], recipe, seed)
    answers = fold(mean, T, layers).predict(X_val)
    return time.perf_counter() - start, float((answers == y_val).mean())


def child(name: str, data: str, seeds: int) -> None:
    """All seeds of all recipes, as one line of JSON."""
    warnings.simplefilter("ignore")
    found = dr.load_data("cifar10", data_dir=data or None)
    X, y = found.X, found.y.astype("int64")
    rows = X[:TRAIN], y[:TRAIN], X[TRAIN:50_000], y[TRAIN:50_000]
    print(json.dumps([[once(name, r, rows, seed) for seed in range(seeds)] for r in RECIPES]))


def facts(recipe: Recipe, runs: list[tuple[float, float]]) -> dict[str, Any]:
    """What the runs of one recipe say."""
    seconds, accuracies = zip(*runs, strict=True)
    mean = statistics.mean(accuracies)
    error = statistics.stdev(accuracies) / len(runs) ** 0.5
    typical = statistics.median(seconds[1:])
    return {
        "first": seconds[0],
        "seconds": typical,
        "accuracy": mean,
        "standard_error": error,
        "reached": mean - 2 * error >= recipe.accuracy,
        "in_time": typical <= recipe.seconds,
        "runs": runs,
    }


def told(result: dict[str, Any]) -> str:
    """The section of the page."""
    machine, parts = result["machine"], []
    parts.append(
        f"{machine['date']}, {result['seeds']} seeds, {result['threads']} threads "
        "(`make speedrun`). From 45,000 training and 5,000 validation rows of CIFAR-10 in memory "
        "as bytes until the report's network, [3072, 100, 100, 50, 10] on raw pixels, has answered "
        "the validation rows. Everybody is given the same sums over blocks, components and "
        "folding ([recipe.py](../benchmarks/recipe.py)); the first run of a process, compilation "
        "and all, stands apart. These recipes were chosen on the same validation rows."
    )
    for recipe, found in zip(RECIPES, result["recipes"], strict=True):
        rows = []
        for name, one in found["contestants"].items():
            accuracy = f"{100 * one['accuracy']:.2f} ± {100 * one['standard_error']:.2f} %"
            against = one["seconds"] / found["contestants"][OURS]["seconds"]
            kept = "yes" if one["reached"] and one["in_time"] else "no"
            rows.append(
                [
                    name,
                    f"{one['seconds']:.3f}",
                    f"{one['first']:.2f}",
                    accuracy,
                    kept,
                    ratio(against),
                ]
            )
        parts.append(
            f"**{100 * recipe.accuracy:.0f} % within {recipe.seconds:g} s**: {recipe.named()}."
        )
        head = ["", "s", "first run, s", "accuracy ± standard error", "mark", "of deltarule's time"]
        parts.append(markdown(head, rows))
    return "\n\n".join(parts)


def main() -> None:
    """Run everybody, write, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="", metavar="DIR", help="holds CIFAR-10")
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--even-if-busy", action="store_true", help="do not refuse a busy machine")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        child(args.only, args.data, args.seeds)
        return
    busy = refuse_if_busy(args.even_if_busy)
    claim(args.threads)
    result: dict[str, Any] = {
        "machine": describe(),
        "threads": args.threads,
        "seeds": args.seeds,
        "others_before": busy,
        "recipes": [{"recipe": recipe.named(), "contestants": {}} for recipe in RECIPES],
    }
    for name, (_, package) in LEARNERS.items():
        if importlib.util.find_spec(package) is None:
            continue
        words = [sys.executable, __file__, "--only", name, "--data", args.data]
        done = subprocess.run(
            [*words, "--seeds", str(args.seeds)],
            env=environment(args.threads),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(f"{name} has failed:\n{done.stderr[-2000:]}", file=sys.stderr)
            continue
        of_recipes = json.loads(done.stdout.splitlines()[-1])
        for recipe, place, runs in zip(RECIPES, result["recipes"], of_recipes, strict=True):
            place["contestants"][name] = one = facts(recipe, runs)
            print(
                f"{name}: {100 * one['accuracy']:.2f} % in {one['seconds']:.3f} s "
                f"(first run {one['first']:.2f} s)",
                file=sys.stderr,
                flush=True,
            )
    args.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (args.out / "speedrun.json").write_text(text + "\n", encoding="utf-8")
    (args.out / "speedrun.md").write_text(told(result) + "\n", encoding="utf-8")
    print(told(result))
    bench = args.out / "benchmarks.json"
    if bench.exists():
        write(json.loads(bench.read_text(encoding="utf-8")), args.out)


if __name__ == "__main__":
    main()
