"""The report's task on CIFAR-10: what scaling, batch size, schedule and decay decide.

    python benchmarks/report_task.py DIR [--only NAME …] [--seeds 5] [--jobs 2] [--out FILE]

DIR holds CIFAR-10.  Every arm trains [3072, 100, 100, 50, 10] on the first 45,000 training images
and is judged on the last 5,000.  One record for each run is appended to FILE (runs that it holds
already are not repeated), and a Markdown table of all arms is printed: mean ± standard deviation of
the best validation accuracy over the seeds, and the share of hidden units that are dead at the end,
that is, zero for every validation image.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import statistics
from pathlib import Path

SIZES = [3072, 100, 100, 50, 10]
REPORT = {
    "epochs": 20,
    "batch_size": 64,
    "lr": 0.008,
    "lr_decay": 1e-4,
    "weight_decay": 0.02,
    "scaling": "feature",
}
LINEAR = {"lr": 0.002, "lr_decay": 0.0, "schedule": "linear", "batch_size": 128}


def arms() -> dict[str, dict]:
    """Every arm by name: what it changes of the report's settings."""
    table = {}
    for scaling in ("unit", "feature"):
        for batch in (32, 64, 128, 256):
            table[f"{scaling}, batch {batch}"] = {"scaling": scaling, "batch_size": batch}
    for batch in (128, 256):
        name = f"unit, batch {batch}, no schedule"
        table[name] = {"scaling": "unit", "batch_size": batch, "lr_decay": 0.0}
    table["feature, batch 64, lr 0.001"] = {"lr": 0.001}
    recipe = {"batch_size": 128}  # "feature, batch 128" is the recipe `report`
    table["report, SGD with momentum"] = {
        **recipe,
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "lr": 0.01,
        "weight_decay": 0.016,  # the same share of the weights for each step
    }
    table["report, no weight decay"] = {**recipe, "weight_decay": 0.0}
    table["report, no schedule"] = {**recipe, "lr_decay": 0.0}
    for decay in (0.02, 0.3, 1.0):
        table[f"linear to zero, weight decay {decay:g}"] = {**LINEAR, "weight_decay": decay}
    table["report-best"] = BEST
    return table


BEST: dict = {**LINEAR, "lr": 0.004, "weight_decay": 0.5, "average": 0.999, "epochs": 40}


def run(arm: str, seed: int, folder: str) -> dict:
    """Train one arm with one seed."""
    import numpy as np

    import deltarule as dr

    settings = {**REPORT, **arms()[arm]}
    training = {
        name: settings.pop(name)
        for name in ("epochs", "batch_size", "lr", "average")
        if name in settings
    }
    data = dr.load_data("cifar10", data_dir=folder)
    train, held = slice(0, 45_000), slice(45_000, 50_000)
    net = dr.Network(SIZES, seed=seed, **settings)
    history = net.train(
        data.X[train],
        data.y[train],
        data.X[held],
        data.y[held],
        monitor="val_accuracy",
        restore_best=False,
        progress=False,
        **training,
    )
    values = [link for link in net.forward(data.X[held]) if not link.name.startswith("dense")]
    return {
        "arm": arm,
        "seed": seed,
        "best": max(history["val_accuracy"]),
        "best_epoch": history.best_epoch,
        "last": history["val_accuracy"][-1],
        "train": history["train_accuracy"][-1],
        "dead": [round(float((link.value <= 0).all(0).mean()), 3) for link in values],
        "first_scores": float(np.abs(values[0].value).mean()),
        "seconds": round(history.seconds, 1),
    }


def table(records: list[dict]) -> str:
    """All arms that have records, as Markdown."""
    lines = [
        "| arm | seeds | best validation accuracy | at the end | training | dead units by layer |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for arm in arms():
        mine = [r for r in records if r["arm"] == arm]
        if not mine:
            continue
        shown = [_mean_std([r[key] for r in mine]) for key in ("best", "last", "train")]
        dead = [statistics.mean(column) for column in zip(*(r["dead"] for r in mine), strict=True)]
        told = ", ".join(f"{100 * share:.0f} %" for share in dead)
        lines.append(f"| {arm} | {len(mine)} | {' | '.join(shown)} | {told} |")
    return "\n".join(lines)


def _mean_std(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}"


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="the folder that holds CIFAR-10")
    parser.add_argument("--only", nargs="*", help="arms whose names begin so")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("report_task.jsonl"))
    args = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before the workers import NumPy: one run, one core
    done = (
        [json.loads(line) for line in args.out.read_text().splitlines()]
        if args.out.exists()
        else []
    )
    have = {(r["arm"], r["seed"]) for r in done}
    wanted = [
        (arm, seed)
        for arm in arms()
        for seed in range(args.seeds)
        if (arm, seed) not in have and (not args.only or arm.startswith(tuple(args.only)))
    ]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(args.jobs, mp_context=context) as pool:
        futures = [pool.submit(run, arm, seed, args.folder) for arm, seed in wanted]
        for future in concurrent.futures.as_completed(futures):
            record = future.result()
            done.append(record)
            with args.out.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(f"{record['arm']}, seed {record['seed']}: {record['best']:.4f}", flush=True)
    print(table(done))


if __name__ == "__main__":
    main()
