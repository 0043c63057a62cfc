"""The gradient checker: every entry of ∇ against a derivative found without it.            (G0)

- Complex step: f′(x) = Im f(x + ih)/h + O(h²), with h = 1e−30.                            (G1)
  Nothing is subtracted, so nothing cancels: exact to rounding.  Squire and Trapp 1998.
- Inner product: ⟨∇f, v⟩ = Im f(x + ihv)/h for a random direction v.                        (G2)
- Differences: f′(x) = [−f(x + 2h) + 8f(x + h) − 8f(x − h) + f(x − 2h)]/(12h) + O(h⁴).       (G3)
  Made only of real numbers and values of f; used where a function has kinks, and only at
  entries whose perturbation crosses none.

The error of an array is ‖g − ĝ‖₂/max(‖g‖₂, ‖ĝ‖₂).  Only where that fails and ‖g − ĝ‖₂ ≤ s is it
‖g − ĝ‖₂·tolerance/s instead: the two agree to rounding.  s is what rounding can make of g: how far
g moves when θ and x move by a few ulp, and at least a few ulp of the length of all gradients with
random signs in ∂L/∂z, so that little cancels.  Without s a gradient that is 0 because its terms
cancel would have the relative error 1.  A wrong formula moves as little as the right one, so s
excuses none, and s is bounded.  For differences s is at least the rounding of f divided by h.

Differences try several h, because the right one depends on the scale of the input and of f, and
each entry is compared at the h that fits best.  That hides no mistake: the h differ in truncation
and in rounding only, and a wrong formula is off by the same amount at every one of them.

Where a residual lies on a kink of the loss, to rounding, the loss has no derivative to compare
with: such rows are left out, and the report counts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ground.arrays import real
from ..ground.contracts import Array, Noise, Objective
from ..ground.randomness import derive, normals, permutation
from ..machine.chain import Chain
from ..machine.layers import Activation
from .step import Penalty

__all__ = ["Check", "GradientReport", "Problem", "check_problem"]

COMPLEX_STEP = 1e-30
DIFFERENCE_STEPS = (1e-3, 1e-4, 1e-2, 1e-5, 1e-6)
TOLERANCES = {"complex step": 1e-12, "inner product": 1e-12, "differences": 1e-9}
ULP = float(np.finfo(np.float64).eps)
# A sum of some hundred terms, and a layer that magnifies, round by tens of ulp; f is one number,
# and its rounding counts once for each of the four values of a difference.
FEW, FEW_OF_VALUE = 64, 8
# What moves by more than this share of all gradients is no rounding: a formula that is not even
# a function of its arguments would excuse itself.
MOST = 1e-8


@dataclass(frozen=True)
class Check:
    """One array, compared by one method.

    Attributes
    ----------
    array : str
        "dense1.W", …, or "input" for ∂L/∂x.
    method : str
        "complex step", "inner product" or "differences".
    entries : int
        How many entries (or directions) were compared; 0 where kinks left none.
    error, tolerance : float
    still : bool
        Whether the other method saw f stand still, along all entries, where the pullbacks did not.
    """

    array: str
    method: str
    entries: int
    error: float
    tolerance: float
    still: bool = False

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance (NaN is not, and nothing compared is)."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """All checks of one network; prints as a table.

    Attributes
    ----------
    checks : tuple of Check
    left_out : int
        Rows that lie on a kink of the loss, where it has no derivative.
    """

    checks: tuple[Check, ...]
    left_out: int = 0

    @property
    def passed(self) -> bool:
        """Whether anything was compared, and every array passed by every method."""
        return any(c.entries for c in self.checks) and all(c.passed for c in self.checks)

    @property
    def max_relative_error(self) -> float:
        """The greatest error of the exact methods (complex step, inner product)."""
        return max((c.error for c in self.checks if c.method != "differences"), default=0.0)

    @property
    def max_difference_error(self) -> float:
        """The greatest error by differences, which are not exact."""
        return max((c.error for c in self.checks if c.method == "differences"), default=0.0)

    def __str__(self) -> str:
        lines = [f"{'array':<20} {'method':<14} {'entries':>7}  {'error':>9}  {'allowed':>7}"]
        for c in self.checks:
            start = f"{c.array:<20} {c.method:<14} {c.entries:>7}  "
            mark = "" if c.passed else "  FAILED"
            figures = f"{c.error:>9.2e}  {c.tolerance:>7.0e}{mark}"
            lines.append(start + (figures if c.entries else "not compared: kinks too near"))
        if self.left_out:
            lines.append(f"left out, on a kink of the loss: {self.left_out} row(s)")
        if any(c.still and not c.passed and c.method == "complex step" for c in self.checks):
            lines.append(
                "The complex step saw the loss stand still. Does a function of your own use np.abs "
                "or .real? They lose it; absolute and clip_real of deltarule.ground.arrays do not."
            )
        if not any(c.entries for c in self.checks):
            lines.append("nothing was compared")
        return "\n".join(lines)


@dataclass(frozen=True)
class Problem:
    """A scalar function of θ and x: L(chain(x)) + penalty.

    Attributes
    ----------
    chain : Chain
        In float64.
    objective, penalty
    x : float64 array, (n, n_features)
    y, weight, total
        What the objective takes.
    noise : Noise or None
        Given, the chain is checked as in training: dropout, batch statistics.
    loss_kinks : tuple of float
        Residuals z − y at which the loss has no derivative.
    """

    chain: Chain
    objective: Objective
    x: Array
    y: Array
    weight: Array | None
    total: float
    penalty: Penalty | None = None
    noise: Noise | None = None
    loss_kinks: tuple[float, ...] = ()

    def evaluate(self, chain: Chain, x: Array) -> tuple[Array, list[Array]]:
        """L + P at the chain's θ, and on which side of its kinks every argument lies."""
        sides = []
        z = x
        for link in chain.forward(x, self.noise):
            sides += [real(z) > kink for kink in _kinks(chain.layers[link.name])]
            z = link.value
        counted = slice(None) if self.weight is None else self.weight > 0
        sides += [(real(z) - self.y)[counted] > kink for kink in self.loss_kinks]
        value = self.objective(self.y, z, self.weight, self.total)[0]
        return (value + self.penalty(chain) if self.penalty else value), sides

    def value(self, chain: Chain, x: Array) -> Array:
        """L + P at the chain's θ."""
        return self.evaluate(chain, x)[0]

    def gradient(self) -> dict[str, Array]:
        """Every parameter's gradient and the input's, by the pullbacks."""
        z, pullback = self.chain(self.x, self.noise)
        _, g = self.objective(self.y, z, self.weight, self.total)
        to_input = pullback(g, to_input=True)
        assert to_input is not None
        if self.penalty:
            self.penalty(self.chain)
        named = self.chain.layout.views(self.chain.grad.copy())
        return {**named, "input": to_input}

    def rounding(self, key: int) -> tuple[float, dict[str, float]]:
        """What rounding can make of L and of every gradient (s, at the head of this file).

        No gradient is said to move where the move crosses a kink.
        """

        def near(values: Array, place: int) -> Array:
            noise = normals(derive(key, "rounding", place), values.size).reshape(values.shape)
            return values * (1.0 + FEW * ULP * noise)

        base = self.chain
        chain = base.over(near(base.theta, 0), near(base.statistics, 1))
        moved = replace(self, chain=chain, x=near(self.x, 2))
        before, here = self.evaluate(base, self.x)
        after, there = moved.evaluate(chain, moved.x)
        value = max(abs(float(after - before)) / FEW, ULP * abs(float(before)))
        z, pullback = self.chain(self.x, self.noise)
        _, g = self.objective(self.y, z, self.weight, self.total)
        to_input = pullback(g * np.sign(normals(derive(key, "signs"), g.size)).reshape(g.shape))
        whole = _length(base.grad, to_input)
        old, new = self.gradient(), moved.gradient()
        whole = max(whole, _length(*old.values()))
        moves = {name: _length(new[name] - g) for name, g in old.items()}
        if _crossed(here, there):
            moves = dict.fromkeys(old, 0.0)
        least, most = FEW * ULP * whole, MOST * whole
        return value, {name: min(max(least, move), most) for name, move in moves.items()}

    def has_kinks(self) -> bool:
        """Whether any part has a point without a derivative."""
        return bool(self.loss_kinks) or any(_kinks(f) for f in self.chain.layers.values())

    def off_the_kinks(self) -> tuple[Problem, int]:
        """The problem without the rows on a kink of the loss, and how many they are."""
        z, _ = self.chain(self.x, self.noise)
        on = np.zeros(len(z), bool)
        for kink in self.loss_kinks:
            near = FEW * ULP * (abs(z) + abs(self.y) + abs(kink))
            on |= (abs(z - self.y - kink) <= near).any(axis=1)
        if not on.any():
            return self, 0
        weight = np.ones(len(z)) if self.weight is None else self.weight
        return replace(self, weight=np.where(on, 0.0, weight)), int((on & (weight > 0)).sum())


def _kinks(layer: object) -> tuple[float, ...]:
    if not isinstance(layer, Activation):
        return ()
    function = getattr(layer.function, "func", layer.function)  # the function of a partial
    return getattr(function, "kinks", ())


def _length(*arrays: Array | None) -> float:
    return float(np.sqrt(sum(np.sum(a * a) for a in arrays if a is not None)))


def _crossed(here: list[Array], there: list[Array]) -> bool:
    return any((a != b).any() for a, b in zip(here, there, strict=True))


class _Probe:
    """Copies of θ and x in one dtype, of which one array is moved and moved back."""

    def __init__(self, problem: Problem, dtype: type) -> None:
        base = problem.chain
        self.problem = problem
        self.chain = base.over(base.theta.astype(dtype), base.statistics.astype(dtype))
        self.x: Array = np.array(problem.x, dtype, order="C")
        self.here = self.problem.evaluate(problem.chain, problem.x)[1]

    def __call__(self, name: str, at: int | slice, by: Array | complex) -> Array | None:
        """f with the entries moved; None if anything then lies on another side of a kink."""
        array = self.x if name == "input" else self.chain.layout.view(self.chain.theta, name)
        flat = array.reshape(-1)
        before = flat[at].copy()
        flat[at] = before + by
        value, sides = self.problem.evaluate(self.chain, self.x)
        flat[at] = before
        return None if _crossed(self.here, sides) else value


def check_problem(problem: Problem, *, max_entries: int = 200, seed: int = 0) -> GradientReport:
    """Check every gradient of a problem.

    Parameters
    ----------
    problem : Problem
    max_entries : int
        At most so many entries of each array are compared, chosen by the seed.

    Returns
    -------
    GradientReport
        Complex steps for every array; where there are kinks, an inner product and differences
        for each as well.
    """
    problem, left_out = problem.off_the_kinks()
    gradient = problem.gradient()
    if left_out and not any(g.any() for g in gradient.values()):
        return GradientReport((), left_out)  # all rows were: 0 = 0 would pass for a comparison
    of_value, of_gradient = problem.rounding(seed)
    step, move = _Probe(problem, np.complex128), _Probe(problem, np.float64)
    checks = []
    for place, (name, g) in enumerate(gradient.items()):
        order = permutation(derive(seed, "entries", place), g.size)[:max_entries]
        ours = g.reshape(-1)[order]
        exact = [_along(step, name, index, 1.0) for index in order]
        checks.append(_compare(name, "complex step", ours, exact, of_gradient[name]))
        if problem.has_kinks():
            v = normals(derive(seed, "direction", place), g.size)
            along = np.array([g.reshape(-1) @ v])
            theirs = [_along(step, name, slice(None), v)]
            checks.append(_compare(name, "inner product", along, theirs, of_gradient[name]))
            checks.append(_by_differences(move, name, ours, order, of_value, of_gradient[name]))
    return GradientReport(tuple(checks), left_out)


def _compare(
    name: str, method: str, ours: Array, theirs: Sequence[float | None], rounding: float
) -> Check:
    """Compare the entries that have a derivative found otherwise."""
    there = [i for i, value in enumerate(theirs) if value is not None]
    a, b = ours[there], np.array([theirs[i] for i in there], np.float64)
    scale = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    tolerance, apart = TOLERANCES[method], float(np.linalg.norm(a - b))
    error = apart / scale if there and scale else 0.0
    if not math.isfinite(scale):
        error = math.nan
    elif error > tolerance and apart <= rounding:
        error = apart * tolerance / rounding
    return Check(name, method, len(there), error, tolerance, bool(a.any() and not b.any()))


def _along(step: _Probe, name: str, at: int | slice, v: Array | float) -> float | None:
    """Im f(a + ihv)/h: the derivative along one entry, or along the direction v."""
    value = step(name, at, 1j * COMPLEX_STEP * v)
    return None if value is None else float(value.imag) / COMPLEX_STEP


def _by_differences(
    move: _Probe, name: str, ours: Array, order: Array, of_value: float, of_gradient: float
) -> Check:
    """Compare by differences, each entry at the h that fits best; few h where few are enough."""
    found: list[float | None] = [None] * len(order)
    of_entry = np.zeros(len(order))
    check = _compare(name, "differences", ours, found, of_gradient)
    for h in DIFFERENCE_STEPS:
        for i, index in enumerate(order):
            old = found[i]
            if old is None or not check.passed:
                new = _difference(move, name, index, h)
                if new is not None and (old is None or abs(ours[i] - new) < abs(ours[i] - old)):
                    found[i], of_entry[i] = new, FEW_OF_VALUE * of_value / h
        check = _compare(name, "differences", ours, found, max(of_gradient, _length(of_entry)))
        if check.passed and check.entries == len(order):
            break
    return check


def _difference(move: _Probe, name: str, index: int, h: float) -> float | None:
    """The fourth-order difference; None if a point lies on another side of a kink."""
    values = []
    for steps in (-2, -1, 1, 2):
        value = move(name, index, steps * h)
        if value is None:
            return None
        values.append(float(value))
    low2, low1, high1, high2 = values
    return ((low2 - high2) + 8 * (high1 - low1)) / (12 * h)
