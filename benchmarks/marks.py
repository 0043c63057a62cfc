"""The marks that a run is held to, and where others are faster, both computed from its figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contestants import BF16, NUMPY, OURS, REFERENCE, SCIKIT_LEARN, TORCH

Facts = dict[str, Any]
ALL_OURS = (OURS, BF16, REFERENCE)
TIMES_FASTEST_PEER = {
    "cifar10-32": 1.7,
    "cifar10-64": 2.3,
    "cifar10-256": 2.0,
    "mnist-128": 2.0,
    "digits-32": 2.0,
    "regression-256": 1.7,
    "table-512": 1.7,
}
BF16_TIMES_FASTEST_PEER = {"cifar10-64": 3.5, "cifar10-256": 4.5}


@dataclass(frozen=True)
class Mark:
    """A promise and what was measured.

    Attributes
    ----------
    what, unit : str
    measured, wanted : float
    at_most : bool
        Whether less is better.
    """

    what: str
    measured: float
    wanted: float
    unit: str = "×"
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the promise was kept."""
        if self.at_most:
            return self.measured <= self.wanted
        return self.measured >= self.wanted

    def row(self) -> str:
        """Of the table of marks."""
        sign = "≤" if self.at_most else "≥"
        kept = "yes" if self.met else "**no**"
        return f"| {self.what} | {sign} {self.wanted:g} {self.unit} | {self._measured()} | {kept} |"

    def _measured(self) -> str:
        return f"{self.measured:.3g} {self.unit}"

    def sentence(self) -> str:
        """Of a promise that was not kept."""
        sign = "at most" if self.at_most else "at least"
        return f"{self.what}: {self._measured()}, and {sign} {self.wanted:g} {self.unit} is wanted."


def seconds(contestants: Facts, name: str) -> float | None:
    """The median of a contestant; None if it was absent or failed."""
    return contestants.get(name, {}).get("seconds")


def peers(contestants: Facts) -> dict[str, float]:
    """The medians of all that are not deltarule, the fastest first."""
    times = {
        name: facts["seconds"]
        for name, facts in contestants.items()
        if name not in ALL_OURS and "seconds" in facts
    }
    return dict(sorted(times.items(), key=lambda pair: pair[1]))


def times_fastest(contestants: Facts, name: str = OURS) -> float | None:
    """How many times as fast as the fastest peer."""
    mine, theirs = seconds(contestants, name), peers(contestants)
    return next(iter(theirs.values())) / mine if mine and theirs else None


def times_as_fast(contestants: Facts, peer: str, name: str = OURS) -> float | None:
    """How many times as fast as one peer."""
    mine, theirs = seconds(contestants, name), seconds(contestants, peer)
    return theirs / mine if mine and theirs else None


def share_of_peak(facts: Facts, result: Facts, name: str = OURS) -> float | None:
    """Multiply-adds of an epoch over those that the processors could have done meanwhile."""
    mine, peak = seconds(facts["contestants"], name), result.get("peak", {}).get("float32")
    return facts["multiply_adds"] / mine / peak if mine and peak else None


def slowdowns(result: Facts) -> dict[str, float]:
    """Time beside a busy process over idle time, of everybody, least first."""
    found = result.get("contention")
    if not found or found["workload"] not in result["training"]:
        return {}
    idle = result["training"][found["workload"]]["contestants"]
    ratios = {
        name: facts["seconds"] / idle[name]["seconds"]
        for name, facts in found["contestants"].items()
        if "seconds" in facts and "seconds" in idle.get(name, {})
    }
    return dict(sorted(ratios.items(), key=lambda pair: pair[1]))


def accuracy_gap(facts: Facts) -> tuple[float, float]:
    """Mean accuracy of bf16 less that of float32, and two standard errors of that difference."""
    full, half = facts["full"], facts["bf16"]
    variance = sum(statistics.variance(values) / len(values) for values in (full, half))
    return statistics.mean(half) - statistics.mean(full), 2 * variance**0.5


def marks(result: Facts) -> list[Mark]:
    """All promises that this run can tell of."""
    return [mark for mark in _marks(result) if mark.measured is not None]


def _marks(result: Facts) -> Iterator[Mark]:
    training = result.get("training", {})
    for table, ours in ((TIMES_FASTEST_PEER, OURS), (BF16_TIMES_FASTEST_PEER, BF16)):
        for name, wanted in table.items():
            if name in training:
                ratio = times_fastest(training[name]["contestants"], ours)
                yield Mark(f"{ours}: as fast as the fastest peer, {name}", ratio, wanted)
    if "cifar10-64" in training:
        ratio = times_as_fast(training["cifar10-64"]["contestants"], SCIKIT_LEARN)
        yield Mark("as fast as scikit-learn, cifar10-64", ratio, 6.0)
    if "cifar10-256" in training:
        share = share_of_peak(training["cifar10-256"], result)
        yield Mark("share of the multiply-add peak, cifar10-256", share and 100 * share, 60, "%")
    if OURS in (slow := slowdowns(result)):
        yield Mark("slower beside one busy process", slow[OURS], 2.2, at_most=True)
    if start := result.get("starting"):
        told = "`deltarule train digits`, from a cold process"
        yield Mark(told, start["train_digits"], 1.5, "s", at_most=True)
    for name, facts in result.get("inference", {}).items():
        for peer, wanted in ((SCIKIT_LEARN, 8.0), (TORCH, 2.0)):
            ratio = times_as_fast(facts["row"], peer)
            yield Mark(f"one row as fast as {peer}, {name}", ratio, wanted)
        ratio = times_as_fast(facts["bulk"], NUMPY)
        yield Mark(f"10,000 rows as fast as NumPy's products, {name}", ratio, 1.0)
    if found := result.get("accuracy"):
        gap, noise = accuracy_gap(found)
        told = f"bf16 less accurate than float32 ({found['workload']}; two standard errors)"
        yield Mark(told, -100 * gap, round(100 * noise, 2), "points", at_most=True)


def losses(result: Facts) -> list[str]:
    """Every figure in which somebody beats deltarule, and every promise that was not kept."""
    found = [mark.sentence() for mark in marks(result) if not mark.met]
    for name, facts in result.get("training", {}).items():
        found += _faster(f"An epoch of {name}", facts["contestants"])
    for name, facts in result.get("inference", {}).items():
        found += _faster(f"Prediction of one row, {name}", facts["row"])
        found += _faster(f"Prediction of 10,000 rows, {name}", facts["bulk"])
    slow = slowdowns(result)
    found += [
        f"Beside a busy process {name} slows down less: {ratio:.2f} × against {slow[OURS]:.2f} ×."
        for name, ratio in slow.items()
        if OURS in slow and name not in ALL_OURS and ratio < slow[OURS]
    ]
    imports = result.get("starting", {}).get("imports", {})
    found += [
        f"Importing {name} is quicker: {taken:.2f} s against {imports[OURS]:.2f} s."
        for name, taken in imports.items()
        if OURS in imports and not name.startswith(OURS) and taken < imports[OURS]
    ]
    return found


def _faster(what: str, contestants: Facts) -> list[str]:
    mine = seconds(contestants, OURS)
    return [
        f"{what}: {name} is {mine / theirs:.2f} times as fast."
        for name, theirs in peers(contestants).items()
        if mine and theirs < mine
    ]
