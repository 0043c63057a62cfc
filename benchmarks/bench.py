"""Training and prediction beside every other way to do the same on this machine's processors.

    python benchmarks/bench.py [--data DIR] [--out docs] [--only NAME …] [--even-if-busy]
    python benchmarks/bench.py --quick          deltarule alone, tiny, to see that it runs
    python benchmarks/bench.py --write FILE     the page and the picture anew from FILE

DIR holds CIFAR-10 and MNIST; without it they are looked for where `deltarule datasets get` keeps
them.  Peers that are not installed are left out, and named (`pip install "deltarule[bench]"`).
Everybody has the same number of threads and takes turns in a process of its own.  Writes
benchmarks.json, benchmarks.md and images/benchmarks.svg into the folder given by --out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from contestants import BF16, OURS, REFERENCE
from marks import losses, seconds
from measure import accuracy, contention, everybody, inference, peak, starting, training
from picture import draw
from tables import page, training_table
from workloads import QUICK, WORKLOADS, named

from machine import claim, describe, refuse_if_busy

DOCS = Path(__file__).resolve().parents[1] / "docs"
CONTENDED = "cifar10-64"
PREDICTED = ("cifar10-64", "digits-32", "table-512")
JUDGED = "cifar10-256"


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure everything that was asked for."""
    table = QUICK if args.quick else WORKLOADS
    works = [named(name, args.data) for name in table if name.startswith(tuple(args.only or ("",)))]
    missing = {work.name: work.available() for work in works}
    works = [work for work in works if not missing[work.name]]
    by_name = {work.name: work for work in works}
    trainers, predictors, absent = everybody()
    if args.quick:
        trainers = [c for c in trainers if c.name in (OURS, REFERENCE)]
        predictors = [c for c in predictors if c.name == OURS]
    from deltarule.engine import native

    if not native.available():
        absent[OURS] = native.why_not()
        trainers = [c for c in trainers if c.options.get("engine") != "fast"]
    absent |= {name: why for name, why in missing.items() if why}
    before = refuse_if_busy(args.even_if_busy or args.quick)
    claim(args.threads)
    how = {"rounds": args.rounds, "threads": args.threads, "retake": not args.even_if_busy}
    if args.quick:
        how |= {"rounds": 2, "turn": 0.01, "retake": False}
    result: dict[str, Any] = {
        "machine": describe(),
        "how": {**how, "others_before": before},
        "absent": absent,
        "training": {},
    }
    if native.available():
        result["peak"] = peak(args.threads, 0.01 if args.quick else 0.5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result["training"] = training(works, trainers, folder, say, **how)
        if CONTENDED in by_name:
            work = by_name[CONTENDED]
            result["contention"] = contention(work, trainers, folder, say, **how)
        chosen = [work for work in works if args.quick or work.name in PREDICTED]
        chosen = [work for work in chosen if work.task == "classification"]
        result["inference"] = inference(chosen, predictors, folder, say, **how)
    if native.available():
        # A machine whose peak has fallen meanwhile was not idle, whatever its kernel says.
        result["peak_after"] = peak(args.threads, 0.01 if args.quick else 0.5)
    if not args.quick:
        result["starting"] = starting(say)
    if JUDGED in by_name and seconds(result["training"][JUDGED]["contestants"], BF16):
        result["accuracy"] = accuracy(by_name[JUDGED], say)
    return result


def write(result: dict[str, Any], folder: Path) -> None:
    """The page and the picture."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    speedrun = folder / "speedrun.md"
    told = speedrun.read_text(encoding="utf-8").strip() if speedrun.exists() else ""
    (folder / "benchmarks.md").write_text(page(result, told), encoding="utf-8")
    draw(result, folder / "images" / "benchmarks.svg")


def main() -> None:
    """Measure, write, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="", metavar="DIR", help="holds CIFAR-10 and MNIST")
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="workloads that begin so")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--even-if-busy", action="store_true", help="do not refuse a busy machine")
    parser.add_argument("--quick", action="store_true", help="deltarule alone, tiny, in seconds")
    parser.add_argument("--write", type=Path, metavar="FILE", help="measure nothing")
    args = parser.parse_args()
    if args.write:
        result = json.loads(args.write.read_text(encoding="utf-8"))
    else:
        result = run(args)
        args.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (args.out / "benchmarks.json").write_text(text + "\n", encoding="utf-8")
    write(result, args.out)
    print(training_table(result))
    for line in losses(result):
        say(f"we lose: {line}")


if __name__ == "__main__":
    main()
