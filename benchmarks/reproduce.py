"""The report this library grew from, done again: its three questions, asked properly.

    python benchmarks/reproduce.py [--data DIR] [--folder DIR] [--out docs] [--jobs N] [--quick]
    python benchmarks/reproduce.py --write FILE     the section anew from FILE

DIR holds CIFAR-10; without it, it is looked for where `deltarule datasets get` keeps it.  Four
comparisons of the recipe `report` are made in --folder, where finished runs are kept, so that an
interrupted reproduction goes on when it is asked again.  Where an arm does best with the first or
last rate of its list, the list is widened and the arms are tuned again.  Writes reproduction.json
and, between its marks, the section of results.md in the folder given by --out.

`--quick` makes fewer runs, with fewer epochs, seeds and rates: it shows that everything works, and
leaves the documents as they are.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claims_page import section
from evidence import digest

import deltarule as dr
from deltarule.comparisons.comparing import FACTS, resume_comparison
from deltarule.comparisons.questions import COMPARISON, read_question
from deltarule.runs.folders import REPORT
from deltarule.storage.atomic import write_text
from machine import describe, others

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOLDER = Path("comparisons")
BEGIN, END = "<!-- reproduction: begin -->", "<!-- reproduction: end -->"
SPENT = "seconds.json"
WIDEST = 4  # times that a list of rates is made longer


@dataclass(frozen=True)
class Plan:
    """How much is run.

    Attributes
    ----------
    seeds, tune_seeds : int
        Of a comparison; the rates of the schedule are tried with as many as `seeds`, since
        what is tried there is also what the report claims.
    changes : dict
        Of the recipe, for all arms.
    optimizer_rates, schedule_rates : list of float
    whole : bool
        Whether the runs are as long as the report's.
    """

    seeds: int = 6
    tune_seeds: int = 2
    changes: dict[str, Any] = field(default_factory=dict)
    optimizer_rates: tuple[float, ...] = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
    schedule_rates: tuple[float, ...] = (0.0001, 0.0003, 0.001, 0.003, 0.008, 0.016)
    whole: bool = True


QUICK = Plan(
    seeds=3,
    tune_seeds=1,
    changes={"epochs": 4},
    optimizer_rates=(0.0003, 0.001, 0.003, 0.03, 0.1, 0.3),
    schedule_rates=(0.0003, 0.001, 0.008, 0.016),
    whole=False,
)


def questions(plan: Plan) -> dict[str, dict[str, Any]]:
    """What each comparison asks, as keyword arguments of `compare`; the first arm is the one that
    the others are compared with.
    """
    schedule = {"vary": {"lr_decay": [0.0, 0.0001]}, "names": ("constant rate", "schedule")}
    return {
        "optimizers": {
            "vary": {"optimizer": ["adam", "sgd", {"name": "sgd", "momentum": 0.9}]},
            "names": ("Adam", "SGD", "SGD with momentum"),
            "seeds": plan.seeds + 1,  # of three arms six seeds could show nothing
            "tune": {"lr": list(plan.optimizer_rates)},
            "tune_seeds": plan.tune_seeds,
            # Decay is multiplied by the rate: with it, the tuned rates would also compare decays.
            "changes": {"weight_decay": 0.0},
            "reach": 0.42,
        },
        "decay": {
            "vary": {"weight_decay": [0.0, 0.02]},
            "names": ("no L2", "L2"),
            "reach": 0.42,
        },
        "schedule": {**schedule, "reach": 0.42},
        "rates": {
            **schedule,
            "tune": {"lr": list(plan.schedule_rates)},
            "tune_seeds": plan.seeds,
            "reach": 0.35,
        },
    }


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


def wider(values: list[float], chosen: set[float]) -> list[float]:
    """The values and, beyond an end that was chosen, one more at the distance of the last two."""
    low, high = sorted(values)[:2], sorted(values)[:-3:-1]
    more = [float(f"{a * a / b:.1g}") for a, b in (low, high) if a in chosen]
    return sorted([*values, *more])


def widen(folder: Path, found: dr.Comparison) -> bool:
    """Lengthen the lists of which an arm took an end, for the comparison to be gone on with; runs
    that were made with the values so far are kept, where they are of the tuning.
    """
    question = read_question(folder / COMPARISON)
    chosen = {
        key: {arm["tuned"][key] for arm in found.arms.values() if arm["tuned"]}
        for key in question.tune
    }
    tune = {key: wider(values, chosen[key]) for key, values in question.tune.items()}
    if tune == question.tune:
        return False
    shutil.rmtree(folder / "runs")
    for name in (FACTS, REPORT):
        (folder / name).unlink(missing_ok=True)
    write_text(folder / COMPARISON, dataclasses.replace(question, tune=tune).to_toml())
    return True


def asked(
    folder: Path, plan: Plan, question: dict[str, Any], data: dict[str, Any], jobs: int | None
) -> dr.Comparison:
    """The comparison, made or gone on with, its lists as long as they had to be."""
    for _ in range(WIDEST):
        if (folder / COMPARISON).is_file():
            found = resume_comparison(folder, n_jobs=jobs)
        else:
            changes = {**data, **plan.changes, **question.get("changes", {})}
            given = {"seeds": plan.seeds, **question, "changes": changes, "out": folder}
            found = dr.compare(recipes="report", n_jobs=jobs, **given)
        if not widen(folder, found):
            return found
        say(f"{folder.name}: an arm did best with an end of its list; the list is made longer.")
    return resume_comparison(folder, n_jobs=jobs)


def reproduce(
    plan: Plan, folder: Path, data: dict[str, Any], jobs: int | None = None
) -> dict[str, Any]:
    """Make all comparisons; what they came to, in short."""
    busy, asks = others(), questions(plan)
    result: dict[str, Any] = {"machine": describe(), "others_before": round(busy, 2)}
    result |= {"whole": plan.whole, "comparisons": {}}
    with working(folder, done=all((folder / name / FACTS).exists() for name in asks)):
        for name, question in asks.items():
            say(f"\n{name}")
            found = asked(folder / name, plan, question, data, jobs)
            say("\n".join(found.verdict))
            result["comparisons"][name] = digest(found)
    return result | {"seconds": spent(folder)}


def spent(folder: Path) -> float:
    """Seconds of work on it so far, interruptions left out."""
    path = folder / SPENT
    return float(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else 0.0


@contextlib.contextmanager
def working(folder: Path, done: bool) -> Iterator[None]:
    """Add the time of this to what was spent before, unless there was nothing to do."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        if not done:
            seconds = spent(folder) + time.perf_counter() - begun
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / SPENT, f"{seconds:.1f}\n")


def put(text: str, document: Path) -> None:
    """Write the section between its marks."""
    whole = document.read_text(encoding="utf-8") if document.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{document} has no place for the section: put {BEGIN} and {END} there.")
    write_text(document, f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Make what is missing, write, and print the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="holds CIFAR-10")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="of the comparisons")
    parser.add_argument("--out", type=Path, metavar="DIR", help="of results.md")
    parser.add_argument("--jobs", type=int, metavar="N", help="runs at once")
    parser.add_argument("--quick", action="store_true", help="less of everything, in minutes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="run nothing")
    args = parser.parse_args()
    folder = args.folder or FOLDER / ("reproduction-quick" if args.quick else "reproduction")
    out = args.out or (folder if args.quick else DOCS)
    if args.write:
        result = json.loads(args.write.read_text(encoding="utf-8"))
    else:
        data = {"data_dir": args.data} if args.data else {}
        try:
            plan = QUICK if args.quick else Plan()
            result = reproduce(plan, folder, data, args.jobs)
        except dr.DeltaruleError as error:
            raise SystemExit(str(error)) from None
        except KeyboardInterrupt as error:
            say(str(error) or "Interrupted; ask again to go on.")
            raise SystemExit(130) from None
        text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "reproduction.json", text + "\n")
    told = section(result)
    put(told, out / "results.md")
    print(told)


if __name__ == "__main__":
    main()
