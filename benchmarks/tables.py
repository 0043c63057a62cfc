"""A run's figures as Markdown: the one table, and the page around it."""

from __future__ import annotations

import statistics
from typing import Any

from contestants import BF16, OURS, REFERENCE, SCIKIT_LEARN
from marks import (
    accuracy_gap,
    losses,
    marks,
    peers,
    seconds,
    share_of_peak,
    slowdowns,
    times_as_fast,
    times_fastest,
)

Facts = dict[str, Any]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def milliseconds(value: float | None) -> str:
    """With three digits that mean something."""
    if value is None:
        return ""
    return f"{1e3 * value:,.0f}" if value >= 0.1 else f"{1e3 * value:.3g}"


def ratio(value: float | None) -> str:
    """2.31 ×"""
    return "" if value is None else f"{value:.2f} ×"


def training_table(result: Facts) -> str:
    """Milliseconds of an epoch, medians, and first the ratios that count."""
    training = result["training"]
    names = list(dict.fromkeys(n for facts in training.values() for n in facts["contestants"]))
    others = [name for name in names if name not in (OURS, BF16, REFERENCE)]
    more = [name for name in (BF16, REFERENCE) if name in names]
    head = ["ms for an epoch", "rows", OURS, "× the fastest peer", "× scikit-learn", "bf16 ×"]
    head += ["share of peak", *more, *others, "layers"]
    rows = []
    for name, facts in training.items():
        found = facts["contestants"]
        share = share_of_peak(facts, result)
        rows.append(
            [
                name,
                f"{facts['rows']:,}",
                milliseconds(seconds(found, OURS)),
                ratio(times_fastest(found)),
                ratio(times_as_fast(found, SCIKIT_LEARN)),
                ratio(times_fastest(found, BF16)),
                "" if share is None else f"{100 * share:.0f} %",
                *(milliseconds(seconds(found, one)) for one in (*more, *others)),
                str(list(facts["sizes"])),
            ]
        )
    return markdown(head, rows)


def first_epoch_table(result: Facts) -> str:
    """Seconds of the first epoch, where compilation happens."""
    training = result["training"]
    names = list(dict.fromkeys(n for facts in training.values() for n in facts["contestants"]))
    rows = [
        [name, *(_first(facts["contestants"].get(one, {})) for one in names)]
        for name, facts in training.items()
    ]
    return markdown(["s for the first epoch", *names], rows)


def _first(facts: Facts) -> str:
    return f"{facts['first']:.2f}" if "first" in facts else ""


def contention_table(result: Facts) -> str:
    """How much slower everybody is beside one busy process."""
    rows = [
        [name, milliseconds(seconds(result["contention"]["contestants"], name)), ratio(slow)]
        for name, slow in slowdowns(result).items()
    ]
    return markdown([f"{result['contention']['workload']}", "ms for an epoch", "of idle"], rows)


def inference_table(result: Facts) -> str:
    """Microseconds of one row, milliseconds of many."""
    names = list(dict.fromkeys(n for facts in result["inference"].values() for n in facts["row"]))
    rows = []
    for name, facts in result["inference"].items():
        one = [seconds(facts["row"], n) for n in names]
        many = [seconds(facts["bulk"], n) for n in names]
        rows.append([f"{name}, one row, µs", *("" if s is None else f"{1e6 * s:.1f}" for s in one)])
        rows.append([f"{name}, 10,000 rows, ms", *map(milliseconds, many)])
    return markdown(["prediction", *names], rows)


def starting_table(result: Facts) -> str:
    """Seconds of imports, above those of bare Python."""
    start = result["starting"]
    rows = [[name, f"{taken:.2f}"] for name, taken in start["imports"].items()]
    return markdown(["import", "s"], rows)


def machine_line(machine: Facts) -> str:
    """The machine in one sentence."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    extras = f" ({', '.join(machine['instructions'])})" if machine["instructions"] else ""
    return (
        f"{machine['processor']}{extras}, {machine['processors']} processors, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}; {packages}."
    )


def page(result: Facts, speedrun: str = "") -> str:
    """`docs/benchmarks.md`."""
    machine, how = result["machine"], result["how"]
    parts = [
        "# Benchmarks",
        "Written by `make bench` from its figures, [benchmarks.json](benchmarks.json); nothing "
        "here is written by hand.",
        f"**{machine['date']}**, {how['threads']} threads for everybody, medians of "
        f"{how['rounds']} rounds in which all take turns. {machine_line(machine)} "
        f"{_quiet(result)}",
        "![Time of an epoch as a multiple of deltarule's](images/benchmarks.svg)",
        "## Training",
        "Every contestant trains the same layers on the same rows with Adam and decoupled decay, "
        "in its best form and in its own process: JAX scans a whole epoch in one compiled call; "
        "PyTorch has fused AdamW and resident tensors; scikit-learn float32 and no checks; Keras "
        "runs on JAX. deltarule takes pixels as bytes and standardises them as it goes, the "
        "others are given standardised float32. The first epoch is left out.",
        training_table(result),
    ]
    if peak := result.get("peak"):
        parts.append(
            f"The peak is {peak['float32'] / 1e9:.0f} thousand million multiply-adds a second in "
            "float32, measured in registers in the same run. An epoch's are counted from the "
            "shapes: forward, weight gradient, and input gradient but for the first layer."
        )
    parts += ["The first epoch, with whatever is compiled in it:", first_epoch_table(result)]
    if result.get("contention"):
        parts += ["## Beside a busy process", contention_table(result)]
    if result.get("inference"):
        parts += [
            "## Prediction",
            "`predict_proba` with all its checks, from rows as their source gives them; "
            "scikit-learn without its check of finiteness; PyTorch's eager module with softmax "
            "under inference mode; NumPy's bare products. Those three are given standardised "
            "float32.",
            inference_table(result),
        ]
    if start := result.get("starting"):
        parts += [
            "## Starting",
            f"`deltarule train digits` took {start['train_digits']:.2f} s, the start of Python "
            f"({start['python']:.2f} s) included. Imports, above those of bare Python:",
            starting_table(result),
        ]
    if found := result.get("accuracy"):
        gap, noise = accuracy_gap(found)
        full, half = (statistics.mean(found[kind]) for kind in ("full", "bf16"))
        parts += [
            "## Accuracy of bf16",
            f"{found['workload']}, {found['epochs']} epochs, {len(found['full'])} seeds, "
            f"validation on {found['held_out']:,} rows held out: {100 * full:.2f} % in float32, "
            f"{100 * half:.2f} % in bf16. The difference is {100 * gap:+.2f} points, two standard "
            f"errors of it are {100 * noise:.2f}.",
        ]
    if speedrun:
        parts += ["## Seconds to an accuracy", speedrun]
    parts += [
        "## Marks",
        markdown_marks(result),
        "## Where we lose",
        "\n".join(f"- {line}" for line in losses(result)) or "Nowhere, in this run.",
    ]
    if absent := result["absent"] | _failures(result):
        told = "; ".join(f"{name} ({why.rstrip('.')})" for name, why in absent.items())
        parts.append(f"Did not take part: {told}.")
    return "\n\n".join(parts) + "\n"


def _failures(result: Facts) -> Facts:
    """The last words of who failed."""
    return {
        f"{name} on {work}": facts["failed"].splitlines()[-1]
        for work, found in result["training"].items()
        for name, facts in found["contestants"].items()
        if "failed" in facts
    }


def markdown_marks(result: Facts) -> str:
    """The promises."""
    rows = [mark.row() for mark in marks(result)]
    return "\n".join(["| mark | wanted | measured | kept |", "|---|---:|---:|---|", *rows])


def _quiet(result: Facts) -> str:
    """How busy others were."""
    turns = [
        facts["others"]
        for work in result["training"].values()
        for facts in work["contestants"].values()
        if "others" in facts
    ]
    before = result["how"]["others_before"]
    fallen = ""
    if "peak_after" in result:
        share = result["peak_after"]["float32"] / result["peak"]["float32"]
        fallen = f" The multiply-add peak after the run was {100 * share:.0f} % of that before."
    return (
        f"Before the run other processes kept {before:.2f} processors busy; in the most disturbed "
        f"turn of training, {max(turns, default=0.0):.2f}.{fallen}"
    )


__all__ = ["markdown", "milliseconds", "page", "peers", "training_table"]
