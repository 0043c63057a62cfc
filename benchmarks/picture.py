"""A run's picture: how long an epoch takes, as a multiple of deltarule's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contestants import BF16, OURS, REFERENCE
from marks import peers, seconds

from deltarule.report.palette import LIGHT

PAPER, INK, GREY, ACCENT = LIGHT["card"], LIGHT["ink"], LIGHT["edge"], LIGHT["orange"]
COLOURS = {
    "JAX": LIGHT["blue"],
    "PyTorch": INK,
    "scikit-learn": LIGHT["green"],
    "Keras": LIGHT["plum"],
    "skorch": LIGHT["violet"],
}
MARKERS = {"JAX, one vector": "D", "PyTorch, compiled": "D"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the SVG, or whatever the ending says."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "deltarule", "font.size": 10})
    import matplotlib.pyplot as plt

    training = result["training"]
    figure, axes = plt.subplots(figsize=(8, 1.6 + 0.52 * len(training)), layout="constrained")
    figure.set_facecolor(PAPER)
    axes.set_facecolor(PAPER)
    shown: dict[str, Any] = {}
    for row, facts in enumerate(training.values()):
        found = facts["contestants"]
        mine = seconds(found, OURS)
        if not mine:
            continue
        times = peers(found)
        ratios = [taken / mine for taken in times.values()]
        if ratios:
            axes.hlines(row, 1.0, max(ratios), color=LIGHT["line"], linewidth=6, zorder=1)
        for name, taken in times.items():
            family = name.partition(",")[0]
            colour = COLOURS.get(family, GREY)
            marker = MARKERS.get(name, "o")
            shown[name] = axes.scatter(
                taken / mine, row, s=52, color=colour, marker=marker, edgecolor=PAPER, zorder=3
            )
        for name, marker in ((BF16, "<"), (REFERENCE, "s")):
            if taken := seconds(found, name):
                shown[name] = axes.scatter(
                    taken / mine, row, s=52, color=ACCENT, marker=marker, edgecolor=PAPER, zorder=4
                )
    axes.axvline(1.0, color=ACCENT, linewidth=2, zorder=2)
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 3, 5, 8, 12, 20]
    axes.set_xticks(ticks, [f"{tick:g}×" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(training)), list(training))
    axes.invert_yaxis()
    axes.grid(axis="x", color=LIGHT["line"], zorder=0)
    axes.tick_params(colors=INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(
        f"Time of an epoch, as a multiple of {OURS}'s (the line at 1×)",
        loc="left",
        color=INK,
        fontsize=11,
    )
    figure.legend(
        shown.values(),
        shown,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        labelcolor=INK,
        fontsize=9,
    )
    figure.savefig(path, facecolor=PAPER, dpi=150, metadata=_undated(path))
    plt.close(figure)


def _undated(path: Path) -> dict[str, Any]:
    """An SVG says when it was made, unless told not to; the page has the date."""
    return {"Date": None} if path.suffix == ".svg" else {}
