"""Signs of what may be wrong with a training, each from measurements, history, or both.

The limits are rules of thumb, set so that a training that went well gets no serious finding:
a step that moves a matrix by about a thousandth of its length is healthy (A. Karpathy, 2015,
"CS231n, Neural Networks Part 3"); units that no row reaches with a gradient learn nothing
(Maas, Hannun and Ng 2013 for ReLU; Glorot and Bengio 2010 for sigmoid and tanh); inputs far from
mean 0 and standard deviation 1 make the loss a narrow valley (LeCun, Bottou, Orr and Müller 1998,
"Efficient backprop").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .examination import Measurements
from .history import History
from .plan import Plan

__all__ = ["KINDS", "NAMES", "Course", "Finding", "Names", "find"]

KINDS = (
    "not_finite",
    "unscaled_inputs",
    "dead_units",
    "saturated_units",
    "exploding_updates",
    "vanishing_updates",
    "constant_predictions",
    "lr_too_high",
    "lr_too_low",
    "overfitting",
    "too_few_epochs",
)
OWN_NAMES = (
    *("lr", "epochs", "batch_size", "dropout", "weight_decay", "l2", "activation"),
    *("normalization", "initializer", "patience", "clip_norm"),
)
NAMES: dict[str, str | None] = {"scaling": 'scaling="feature"', **{n: n for n in OWN_NAMES}}

# Shares of the units of a layer.
HINT_DEAD, MANY_DEAD = 0.25, 0.5
HINT_SATURATED, MANY_SATURATED = 0.2, 0.5
# Of ‖ΔW‖/‖W‖, where about 1e-3 is healthy.
EXPLODING, LARGE, SWINGING, SMALL, TINY = 0.3, 0.03, 3e-3, 3e-5, 1e-5
# Of inputs: standard deviations and means, in units of what they should be.
WIDE, NARROW, FAR, RARE = 20.0, 1e-3, 10.0, 0.02
# Shares of the loss that a constant answer has.
CONVERGED, CLEAR, MUCH = 0.05, 0.2, 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that may be wrong.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    severity : {"serious", "hint"}
    cause, evidence, remedy : str
        Whole sentences: what is wrong, the numbers that show it, and what to do.
    """

    kind: str
    severity: str
    cause: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.cause} {self.evidence} {self.remedy}"


class Names(dict[str, str | None]):
    """Generic parameter names → what the caller's users write."""

    def options(self, **advice: str) -> str:
        """'lower lr, or set clip_norm': of each advice {} is the name, where there is one."""
        given = [text.format(self[name]) for name, text in advice.items() if self[name]]
        if not given:
            return "Change the data or the network."
        text = ", or ".join(given)
        return f"{text[0].upper()}{text[1:]}."


class Course:
    """The losses of the epochs, and in which units to read them."""

    def __init__(
        self, history: History, plan: Plan, found: Measurements, lr: float, has_val: bool
    ) -> None:
        self.history, self.plan, self.lr = history, plan, lr
        records = history.epochs
        self.train = np.array([record["train_loss"] for record in records], np.float64)
        self.train -= found.penalty
        known = has_val and bool(records) and "val_loss" in records[-1]
        self.val = np.array([r["val_loss"] for r in records], np.float64) if known else None
        self.constant = found.constant_loss
        # Losses may be negative, or 0 for a constant: what there was to learn is in their gaps.
        gaps = (abs(found.constant_loss), found.constant_loss - found.loss)
        self.scale = max([1e-12, *(gap for gap in gaps if math.isfinite(gap))])
        self.worst_guess = max(found.constant_loss, found.zero_loss, found.initial_loss)
        # The mean loss of few rows, and with dropout, changes from epoch to epoch anyway.
        self.noise = max(1.0, math.sqrt(1000 / max(found.n, 1)))

    @property
    def last(self) -> float:
        """The training loss at the end, in units of a constant answer's."""
        return float(self.train[-1] - self.constant) / self.scale + 1.0

    @property
    def kept(self) -> int:
        """Which epoch's weights the chain holds, from 0."""
        epochs = [record["epoch"] for record in self.history.epochs]
        restored = self.plan.restore_best and self.history.best_epoch in epochs
        return epochs.index(self.history.best_epoch) if restored else len(self.train) - 1  # type: ignore[arg-type]


def find(found: Measurements, course: Course, say: Names) -> Iterator[Finding]:
    """Every finding, each where what else was found does not explain it."""
    if not math.isfinite(found.loss):
        yield Finding(
            "not_finite",
            "serious",
            "The loss of the training rows is not finite.",
            f"It is {found.loss} over {found.n} rows.",
            say.options(lr="lower {}", scaling="scale the inputs: {}", clip_norm="set {} to 1"),
        )
        return
    inputs = list(_inputs(found, say))
    yield from inputs
    units = [*_units(found, "dead", say), *_units(found, "saturated", say)]
    yield from units
    constant = list(_constant(found, course, say))
    yield from constant
    if not len(course.train):
        yield Finding(
            "too_few_epochs",
            "serious",
            "No epoch was finished.",
            "The history is empty.",
            "Train again; if the training diverged, its error says at which step and why.",
        )
        return
    stuck = any(finding.severity == "serious" for finding in units)
    yield from _updates(found, course, say, stuck)
    blamed = any(finding.severity == "serious" for finding in inputs)
    high = list(_rate_too_high(found, course, say, stuck, blamed))
    low = [] if high or stuck else list(_rate_too_low(found, course, say))
    yield from (*high, *low)
    yield from _overfitting(course, say)
    if not high and not low and not any(f.severity == "serious" for f in constant):
        yield from _too_few_epochs(course, say)


# -- inputs, units, updates -----------------------------------------------------------------------


def _inputs(found: Measurements, say: Names) -> Iterator[Finding]:
    x = found.inputs
    varies = x.std > 1e-7 * abs(x.mean)
    if not varies.any():
        return
    ratio = np.where(varies, abs(x.mean) / np.where(varies, x.std, 1.0), 0.0)
    usual = float(np.median(x.std[varies]))
    wide = varies & (x.std > WIDE)
    far = varies & (ratio > FAR) & (abs(x.mean) > 1.0)
    # A feature that is nearly always 0 has a small deviation, too, but a long reach.
    narrow = varies & (x.std < NARROW) & (x.reach < 10 * NARROW)
    narrow &= narrow.sum() >= RARE * len(x.std)
    uneven = bool(wide.any()) and float(x.std.max()) > 1000 * usual
    serious = (wide.any() and (not x.normalised or uneven)) or (far & (abs(x.mean) > WIDE)).any()
    bad = wide | far | narrow
    if not bad.any():
        return
    badness = abs(np.log10(np.where(varies, x.std, 1.0))) + np.log10(np.maximum(ratio, 1.0))
    worst = int(np.argmax(np.where(bad, badness, -1.0)))
    yield Finding(
        "unscaled_inputs",
        "serious" if serious else "hint",
        "Some features are far from mean 0 and standard deviation 1, which makes learning slow or "
        "unstable.",
        f"It is {int(bad.sum())} of {len(bad)}; the worst is column {worst}, with mean "
        f"{x.mean[worst]:.3g} and standard deviation {x.std[worst]:.3g} as the network sees it.",
        say.options(scaling="scale the inputs: {}"),
    )


def _units(found: Measurements, state: str, say: Names) -> Iterator[Finding]:
    few, many = {"dead": (HINT_DEAD, MANY_DEAD), "saturated": (HINT_SATURATED, MANY_SATURATED)}[
        state
    ]
    worst = max(found.layers, key=lambda layer: getattr(layer, state), default=None)
    if worst is None or getattr(worst, state) < few:
        return
    share = getattr(worst, state)
    if state == "dead":
        cause = "Units are dead: no row activates them, so they pass nothing on and never learn."
        remedy = say.options(
            lr="lower {} (large steps kill units)",
            initializer="change {} or the biases that the training began with",
            activation='take {}="leaky_relu"',
        )
    else:
        cause = "Units are saturated: they stand near an end of their range, where slopes vanish."
        remedy = say.options(
            scaling="scale the inputs: {}", lr="lower {}", initializer='take {}="glorot"'
        )
    yield Finding(
        f"{state}_units",
        "serious" if share >= many else "hint",
        cause,
        f"Above {worst.name} it is {share:.0%} of the units, on {found.n} training rows.",
        remedy,
    )


def _updates(found: Measurements, course: Course, say: Names, stuck: bool) -> Iterator[Finding]:
    layers = [layer for layer in found.layers if math.isfinite(layer.update_ratio)]
    if not layers or course.last < CONVERGED:
        return
    most = max(layers, key=lambda layer: layer.update_ratio)
    least = min(layers, key=lambda layer: layer.update_ratio)
    if most.update_ratio > LARGE:
        yield Finding(
            "exploding_updates",
            "serious" if most.update_ratio > EXPLODING else "hint",
            "A single step changes a layer by much of its own size.",
            f"In {most.name} it is {most.update_ratio:.2g} of the weights' length, at the learning "
            f"rate {course.lr:.3g}; about 0.001 is healthy.",
            say.options(lr="lower {}", clip_norm="set {} to 1", batch_size="raise {}"),
        )
    # One layer that stands still while another learns; if all do, it is the rate.
    if not stuck and least.update_ratio < TINY and most.update_ratio > 30 * least.update_ratio:
        yield Finding(
            "vanishing_updates",
            "serious" if most.update_ratio > 100 * least.update_ratio else "hint",
            "A layer hardly moves while another learns: its gradient vanishes on the way down.",
            f"A step changes {least.name} by {least.update_ratio:.2g} of its length, "
            f"{most.name} by {most.update_ratio:.2g}; about 0.001 is healthy.",
            say.options(
                activation='take {}="relu"', normalization='set {}="batch"', initializer="change {}"
            ),
        )


# -- answers and the course of the loss -----------------------------------------------------------


def _constant(found: Measurements, course: Course, say: Names) -> Iterator[Finding]:
    same = found.spread < 1e-2
    said, true = found.decisions or (0.0, 1.0)
    if not same and not (said == 1.0 and true < 0.9):
        return
    what = (
        f"The scores of {found.n} rows have a standard deviation of {found.spread:.2g} only"
        if same
        else f"All of {found.n} rows get one class, which {true:.0%} of the targets have at most"
    )
    yield Finding(
        "constant_predictions",
        "serious" if same else "hint",
        "The network answers the same for all rows: it has learned nothing from the inputs.",
        f"{what}; its loss is {found.loss:.4g}, that of the best constant answer "
        f"{course.constant:.4g}.",
        say.options(lr="try another {}", scaling="scale the inputs: {}", epochs="raise {}"),
    )


def _rate_too_high(
    found: Measurements, course: Course, say: Names, stuck: bool, blamed: bool
) -> Iterator[Finding]:
    largest = max((layer.update_ratio for layer in found.layers), default=math.inf)
    if (largest < SWINGING and not stuck) or course.constant == 0.0:  # or nothing is to be learned
        return
    losses, scale = course.train, course.scale
    first, last = float(losses[0]), float(losses[-1])
    signs = []
    if last - float(losses.min()) > CLEAR * scale * course.noise:
        signs.append(f"The training loss rose from {losses.min():.4g} to {last:.4g}.")
    half = losses[len(losses) // 2 :]
    up = np.maximum(np.diff(half), 0.0)
    if len(half) >= 4 and (up > 0.05 * scale * course.noise).sum() * 4 >= len(up):
        signs.append(
            f"In the last {len(half)} epochs the training loss rose {int((up > 0).sum())} times, "
            f"by up to {up.max():.3g}."
        )
    if not blamed and last > course.constant - 0.7 * scale:
        if losses.max() > course.worst_guess + 2.0 * scale:
            signs.append(
                f"The training loss was {losses.max():.4g} in an epoch, far above the "
                f"{course.worst_guess:.4g} of guessing, and ended at {last:.4g}."
            )
        elif stuck and course.last > 0.3 and first > course.worst_guess + 0.1 * scale:
            signs.append(
                f"The loss began at {first:.4g}, above that of a constant answer, and ended at "
                f"{last:.4g} with units that no longer learn."
            )
    if signs:
        yield Finding(
            "lr_too_high",
            "serious",
            "The learning rate is probably too high.",
            f"{' '.join(signs)} The rate is {course.lr:.3g}.",
            say.options(
                lr=f"lower {{}} to about {course.lr / 10:.1g}",
                clip_norm="set {} to 1",
                batch_size="raise {}",
            ),
        )


def _rate_too_low(found: Measurements, course: Course, say: Names) -> Iterator[Finding]:
    ratios = [layer.update_ratio for layer in found.layers]
    largest = max(ratios, default=math.inf)
    if not 0.0 < largest < SMALL or course.last < MUCH:
        return
    losses = course.train
    fall, middle = float(losses[0] - losses[-1]), losses[len(losses) // 2]
    linear = len(losses) > 2 and float(middle - losses[-1]) > 0.3 * fall > 0.0
    nothing = fall < 0.02 * course.scale
    if linear or nothing:
        yield Finding(
            "lr_too_low",
            "serious" if largest < TINY and course.last > 0.8 else "hint",
            "The learning rate is probably too low: the weights hardly move.",
            f"A step changes no layer by more than {largest:.2g} of its length (about 0.001 is "
            f"healthy), and in {len(losses)} epochs the training loss went from {losses[0]:.4g} to "
            f"{losses[-1]:.4g}. The rate is {course.lr:.3g}.",
            say.options(lr=f"raise {{}} to about {_raised(course.lr, largest):.1g}"),
        )


def _raised(lr: float, ratio: float) -> float:
    return lr * min(1e-3 / ratio, 1e4)


def _overfitting(course: Course, say: Names) -> Iterator[Finding]:
    if course.val is None:
        return
    val, train, scale, kept = course.val, course.train, course.scale, course.kept
    best = int(np.argmin(val))
    rise, loss_of_kept = float(val[-1] - val[best]), float(val[kept] - val[best])
    rising = rise > 0.1 * max(abs(float(val[best])), 0.1 * scale) and train[-1] < train[best]
    useless = val[kept] > course.constant - 0.1 * scale and course.last < MUCH
    if not rising and not useless:
        return
    serious = useless or loss_of_kept > CLEAR * scale
    keeps = f" The weights of epoch {kept + 1} were kept." if kept < len(val) - 1 else ""
    yield Finding(
        "overfitting",
        "serious" if serious else "hint",
        "The network learns its training rows by heart.",
        f"The validation loss was lowest at epoch {best + 1} with {val[best]:.4g} and ended at "
        f"{val[-1]:.4g}, while the training loss ended at {train[-1]:.4g}.{keeps}",
        say.options(
            dropout="set {}, such as 0.3",
            weight_decay="raise {}",
            l2="raise {}",
            patience="stop earlier with {}",
        )[:-1]
        + ", or take more rows or a smaller network.",
    )


def _too_few_epochs(course: Course, say: Names) -> Iterator[Finding]:
    losses = course.train if course.val is None else course.val
    n, scale = len(losses), course.scale
    if course.history.stopped_early or int(np.argmin(losses)) != n - 1:
        return
    left = float(losses[-1] - course.constant) / scale + 1.0
    if n == 1:
        fall, enough = left, CLEAR
    else:
        back = min(3, n - 1)
        fall, enough = float(losses[-1 - back] - losses[-1]) / back / scale, 0.01
    if fall <= enough or left < CONVERGED:
        return
    which = "training" if course.val is None else "validation"
    course_of = (
        f"fell by {fall * scale:.3g} in each of the last epochs" if n > 1 else "has just begun"
    )
    yield Finding(
        "too_few_epochs",
        "serious" if fall > CONVERGED else "hint",
        "The training ended while it was still getting better.",
        f"After {n} epoch{'s' if n > 1 else ''} the {which} loss is {losses[-1]:.4g}, its lowest, "
        f"and {course_of}.",
        say.options(epochs="raise {}", lr="raise {}"),
    )
