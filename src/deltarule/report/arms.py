"""The facts of a comparison, read so that nothing missing or strange in them stops a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .figures import ARMS, DASHES
from .histories import History
from .words import as_float, is_share, legible, metric_name, number

__all__ = [
    "MAX_DRAWN",
    "Arm",
    "Metric",
    "Run",
    "Summary",
    "Target",
    "arms_of",
    "drawn_arms",
    "in_words",
    "labels_of",
    "metric_of",
    "name_of",
    "summary_of",
]

MAX_DRAWN = 12  # arms in a picture
MAX_NAME, MAX_LABEL = 100, 44  # characters
MARKS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class Metric:
    """What is compared: a column of the histories, which way is better, whether it is a share."""

    column: str
    greater_is_better: bool
    share: bool

    @property
    def name(self) -> str:
        """As it is spoken of: 'validation accuracy'."""
        return metric_name(self.column)

    @property
    def scale(self) -> float:
        """What values are multiplied by to be shown."""
        return 100.0 if self.share else 1.0

    @property
    def label(self) -> str:
        """Of an axis."""
        return f"{self.name} (%)" if self.share else self.name


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation and interval of n values; NaN where there is none."""

    n: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """How many of the runs reached the target, and after how much."""

    reached: int
    of: int
    epochs: Summary | None
    steps: Summary | None
    seconds: Summary | None


@dataclass(frozen=True)
class Run:
    """One run of an arm; `numbers` holds seconds, best, end and the like."""

    seed: str
    status: str
    message: str
    history: History
    numbers: Mapping[str, Any]

    def number(self, name: str) -> float:
        """One of its numbers; NaN where it has none."""
        return as_float(self.numbers.get(name))


@dataclass(frozen=True)
class Arm:
    """One arm of a comparison: `place` is that among all, from 0; `key` is its name as
    given, `name` as shown, and `label` where there is little room.
    """

    place: int
    key: str
    name: str
    label: str
    changes: str
    tuned: str
    parameters: Any
    runs: tuple[Run, ...]
    at: Mapping[str, Summary | None]
    to_target: Target | None
    seconds: Summary | None

    @property
    def done(self) -> list[Run]:
        """The runs that came to their end."""
        return [run for run in self.runs if run.status == "done"]

    @property
    def style(self) -> dict[str, Any]:
        """Colour and dashes of its lines: 24 pairs, neighbours differ in both."""
        return {"color": self.colour, "ls": DASHES[(self.place + self.place // 6) % len(DASHES)]}

    @property
    def colour(self) -> str:
        """Of its lines and marks."""
        return ARMS[self.place % len(ARMS)]

    @property
    def mark(self) -> str:
        """The shape of its dots."""
        return MARKS[(self.place + self.place // 6) % len(MARKS)]


def labels_of(names: Sequence[str], most: int) -> list[str]:
    """The names in short; where two are the same then, their places tell them apart."""
    short = [in_short(name, most) for name in names]
    return [
        label if short.count(label) == 1 else f"{i}: {in_short(names[i - 1], most - 4)}"
        for i, label in enumerate(short, 1)
    ]


def in_short(name: str, most: int) -> str:
    """A long name by its two ends, which is where numbered names differ."""
    half = most // 2
    return name if len(name) <= most else f"{name[: half - 1].rstrip()}…{name[-half:].lstrip()}"


def metric_of(facts: Mapping[str, Any]) -> Metric:
    """The metric that is compared; the validation loss where none is named."""
    given = facts.get("metric") or {"name": "val_loss", "greater_is_better": False}
    column = str(given.get("name") or "val_loss")
    share = given.get("share")
    return Metric(
        column,
        bool(given.get("greater_is_better", "loss" not in column)),
        is_share(column) if share is None else bool(share),
    )


def summary_of(given: Any) -> Summary | None:
    """Numbers of a summary; None where it has no mean."""
    if not isinstance(given, Mapping) or not math.isfinite(as_float(given.get("mean"))):
        return None
    mean, sd, low, high = (as_float(given.get(k)) for k in ("mean", "sd", "low", "high"))
    n = as_float(given.get("n"))
    return Summary(int(n) if math.isfinite(n) else 0, mean, sd, low, high)


def arms_of(facts: Mapping[str, Any]) -> list[Arm]:
    """The arms, in order."""
    given = list(facts.get("arms") or [])
    keys = [str(arm.get("name", f"arm {i}")) for i, arm in enumerate(given, 1)]
    names = [name_of(key) for key in keys]
    labels = labels_of(names, MAX_LABEL)
    whole = zip(keys, names, labels, given, strict=True)
    return [_arm(i, *arm) for i, arm in enumerate(whole)]


def name_of(key: Any, most: int = MAX_NAME) -> str:
    """An arm's name as it is shown: of a very long one both ends."""
    return in_short(legible(key, 2000), most)


def _arm(place: int, key: str, name: str, label: str, given: Mapping[str, Any]) -> Arm:
    target = given.get("to_target")
    reached = None
    if isinstance(target, Mapping):
        reached = Target(
            int(target.get("reached") or 0),
            int(target.get("of") or 0),
            *(summary_of(target.get(k)) for k in ("epochs", "steps", "seconds")),
        )
    return Arm(
        place,
        key,
        name,
        label,
        in_words(given.get("changes")),
        in_words(given.get("tuned")),
        given.get("parameters"),
        tuple(_run(run) for run in given.get("runs") or []),
        {k: summary_of(given.get(k)) for k in ("best", "end", "at_equal_time")},
        reached,
        summary_of(given.get("seconds")),
    )


def _run(given: Mapping[str, Any]) -> Run:
    return Run(
        legible(given.get("seed", "?"), 20),
        legible(given.get("status", "done"), 20),
        legible(given.get("message") or "", 1000),
        [record for record in given.get("history") or [] if isinstance(record, Mapping)],
        given,
    )


def in_words(changes: Any) -> str:
    """'optimizer = adam, lr = 0.003'."""
    if not isinstance(changes, Mapping):
        return ""
    return ", ".join(f"{legible(key, 60)} = {_value(value)}" for key, value in changes.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        options = in_words({key: option for key, option in value.items() if key != "name"})
        return legible(value["name"], 80) + (f" ({options})" if options else "")
    if isinstance(value, float):
        return number(value, 6)
    return "none" if value is None else legible(value, 80)


def drawn_arms(arms: Sequence[Arm], metric: Metric, most: int = MAX_DRAWN) -> list[Arm]:
    """The arms that a picture shows: the first, which is what others are compared with, and the
    best of the rest; only those of which a run came to its end.
    """
    able = [arm for arm in arms if arm.done]
    sign = -1.0 if metric.greater_is_better else 1.0

    def order(arm: Arm) -> tuple[bool, float]:
        best = arm.at["best"]
        return arm.place != 0, sign * best.mean if best else math.inf

    return sorted(sorted(able, key=order)[:most], key=lambda arm: arm.place)
