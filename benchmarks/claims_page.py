"""The section of docs/results.md that `reproduce` writes: the claims, and what they rest on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from claims import ALPHA, claims, percent, reached
from tables import markdown

from deltarule.mathematics.statistics import smallest_p, summarize
from machine import IDLE

Facts = dict[str, Any]
HEADINGS = {
    "optimizers": "Adam against SGD, each with its best rate",
    "decay": "L2 on and off, at the report's settings",
    "schedule": "The schedule on and off, at the report's rate of 0.008",
    "rates": "The schedule on and off, each with its best rate",
}
HOW = {
    "optimizers": "SGD plain and with momentum 0.9. The rates were chosen for the best accuracy, "
    "not for the quickest start. All have the report's schedule, and no decay, which is multiplied "
    "by the rate and would be another one for each.",
    "decay": "Decoupled weight decay of 0.02, which the report calls L2.",
    "schedule": "The rate falls as e^(−0.0001·t), or stays.",
    "rates": "The rates of both were chosen among those of the table at the end.",
}


def section(result: Facts) -> str:
    """Markdown: the claims first, then what they rest on."""
    found = result["comparisons"]
    rows = [[claim.said, claim.here, f"**{claim.verdict}**"] for claim in claims(result)]
    parts = [
        _beginning(result),
        _table(["the report says", "found here", "so it is"], rows),
        *(_comparison(name, one) for name, one in found.items()),
        "### Rate by rate",
        "Every run that chose a rate: how many of the seeds came to 35 % and a loss of 1.8 in one "
        "epoch, in which epoch on average, and the best accuracy.",
        _rates(found["rates"]),
    ]
    return "\n\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A table of texts."""
    return markdown(head, rows).replace("---:", "---")


def _beginning(result: Facts) -> str:
    machine, found = result["machine"], result["comparisons"]
    n, more = (len(found[name]["seeds"]) for name in ("decay", "optimizers"))
    minutes = max(1, round(result["seconds"] / 60))
    time = f" in {minutes} minute{'' if minutes == 1 else 's'}"
    processes = sorted({one["processes"] for one in found.values()})
    busy = ""
    if result["others_before"] > IDLE:
        busy = (
            f", while other programs kept {result['others_before']:.1f} processors busy: an idle "
            "machine is quicker"
        )
    times = (
        f"Made by `make reproduce` on {machine['date']}{time}, {' or '.join(map(str, processes))} "
        f"runs at once on {machine['processors']} processors ({machine['processor']}){busy}; {n} "
        f"seeds, for the optimizers {more}. Mean ± standard deviation over the seeds; in brackets "
        "the 95 % interval; p of the exact paired permutation test, which with "
        f"{n} seeds is at least {smallest_p(n):.2g}. Each claim is tested by itself. The rules by "
        "which one is confirmed or refuted were fixed before the runs were made "
        '([claims.py](../benchmarks/claims.py)); "similar" is within one point of accuracy. The '
        "report says that L2 has no effect on the validation loss; its figures are accuracies. It "
        "tells neither how pixels were scaled nor the size of batches; here pixels are "
        "standardised and batches hold 128."
    )
    if result["whole"]:
        return times
    shows = (
        f"and with {n} seeds no difference can be told from chance (p is at least "
        f"{smallest_p(n):.2g})"
        if smallest_p(n) >= ALPHA
        else f"and it has {n} seeds only"
    )
    less = (
        "**This is the quick form, which shows less than `make reproduce`.** Its trainings end "
        f"early, when the schedule has hardly begun, it tries fewer rates, {shows}."
    )
    return f"{less}\n\n{times}"


def _comparison(name: str, found: Facts) -> str:
    goal = f"{100 * found['target']:.0f} %"
    head = ["", "rate", "best accuracy", "at the end", "at equal time"]
    head += [f"epochs to {goal}", f"steps to {goal}", f"time to {goal}"]
    first = found["arms"][0]["to_target"]["seconds"]
    rows = []
    for arm in found["arms"]:
        seconds = arm["to_target"]["seconds"]
        ratio = "" if None in (first, seconds) else f"{seconds['mean'] / first['mean']:.2f} ×"
        steps = arm["to_target"]["steps"]
        rate = f"{arm['tuned']['lr']:g}" if arm["tuned"] else "0.008"
        moments = [percent(arm[at]) for at in ("best", "end", "at_equal_time")]
        told = "—" if steps is None else f"{steps['mean']:,.0f}"
        rows.append([arm["name"], rate, *moments, reached(arm), told, ratio or "—"])
    sentences = "\n>\n".join(f"> {sentence}" for sentence in found["verdict"])
    notes = "\n".join(f"- {note}" for note in found["warnings"] if "runs at once" not in note)
    parts = [f"### {HEADINGS[name]}", HOW[name], sentences, markdown(head, rows), notes]
    return "\n\n".join(part for part in parts if part)


def _rates(found: Facts) -> str:
    rows = []
    names = [arm["name"] for arm in found["arms"]]
    for lr in sorted({row["lr"] for row in found["tries"]}):
        row = [f"{lr:g}"]
        for name in names:
            mine = [r for r in found["tries"] if r["arm"] == name and r["lr"] == lr]
            starts = [r["start"] for r in mine if r["start"] is not None]
            best = [r["best"] for r in mine if r["best"] is not None]
            row.append(f"{len(starts)} of {len(mine)}")
            row.append(f"{sum(starts) / len(starts):.1f}" if starts else "—")
            row.append(percent(asdict(summarize(best)) if best else None))
        rows.append(row)
    head = ["rate"]
    for name in names:
        head += [f"{name}: reached", "epoch", "best accuracy"]
    return markdown(head, rows)
