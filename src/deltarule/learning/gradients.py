"""The gradient checker: every entry of ∇ against a derivative found without it.            (G0)

- Complex step: f′(x) = Im f(x + ih)/h + O(h²), with h = 1e−30.                            (G1)
  Nothing is subtracted, so nothing cancels: exact to rounding.  Squire and Trapp 1998.
- Inner product: ⟨∇f, v⟩ = Im f(x + ihv)/h for a random direction v.                        (G2)
- Differences: f′(x) = [−f(x + 2h) + 8f(x + h) − 8f(x − h) + f(x − 2h)]/(12h) + O(h⁴).       (G3)
  Made only of real numbers and values of f; used where a function has kinks, and only at
  entries whose perturbation crosses none.

The error of an array is ‖g − ĝ‖₂/max(‖g‖₂, ‖ĝ‖₂).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..ground.arrays import real
from ..ground.contracts import Array, Noise, Objective
from ..ground.randomness import derive, normals, permutation
from ..machine.chain import Chain
from ..machine.layers import Activation
from .step import Penalty

__all__ = ["Check", "GradientReport", "Problem", "check_problem"]

COMPLEX_STEP = 1e-30
DIFFERENCE_STEP = 1e-3
TOLERANCES = {"complex step": 1e-12, "inner product": 1e-12, "differences": 1e-9}


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
        How many entries (or directions) were compared.
    error, tolerance : float
    """

    array: str
    method: str
    entries: int
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance (NaN is not)."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """All checks of one network; prints as a table.

    Attributes
    ----------
    checks : tuple of Check
    """

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every array passed by every method."""
        return bool(self.checks) and all(check.passed for check in self.checks)

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
            mark = "" if c.passed else "  FAILED"
            lines.append(
                f"{c.array:<20} {c.method:<14} {c.entries:>7}  {c.error:>9.2e}  "
                f"{c.tolerance:>7.0e}{mark}"
            )
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

    def value(self, chain: Chain, x: Array) -> Array:
        """L + P at the chain's θ."""
        z, _ = chain(x, self.noise)
        value = self.objective(self.y, z, self.weight, self.total)[0]
        return value + self.penalty(chain) if self.penalty else value

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

    def has_kinks(self) -> bool:
        """Whether any part has a point without a derivative."""
        return bool(self.loss_kinks) or any(_kinks(f) for f in self.chain.layers.values())

    def branches(self, chain: Chain, x: Array) -> list[Array]:
        """On which side of its kinks every kinked function's argument lies."""
        sides = []
        argument = x
        for link in chain.forward(x, self.noise):
            sides += [argument > kink for kink in _kinks(chain.layers[link.name])]
            argument = link.value
        sides += [argument - self.y > kink for kink in self.loss_kinks]
        return sides


def _kinks(layer: object) -> tuple[float, ...]:
    if not isinstance(layer, Activation):
        return ()
    function = getattr(layer.function, "func", layer.function)  # the function of a partial
    return getattr(function, "kinks", ())


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
    gradient = problem.gradient()
    checks = []
    for place, (name, g) in enumerate(gradient.items()):
        order = permutation(derive(seed, "entries", place), g.size)[:max_entries]
        exact = np.array([_along(problem, name, index, None) for index in order])
        checks.append(_compare(name, "complex step", g.ravel()[order], exact))
        if problem.has_kinks():
            v = normals(derive(seed, "direction", place), g.size)
            along = _along(problem, name, slice(None), v)
            checks.append(
                _compare(name, "inner product", np.array([g.ravel() @ v]), np.array([along]))
            )
            pairs = list(_differences(problem, name, g, order))
            ours, theirs = (np.array([p[i] for p in pairs]) for i in (0, 1))
            checks.append(_compare(name, "differences", ours, theirs))
    return GradientReport(tuple(checks))


def _compare(name: str, method: str, ours: Array, theirs: Array) -> Check:
    scale = max(float(np.linalg.norm(ours)), float(np.linalg.norm(theirs)))
    error = float(np.linalg.norm(ours - theirs)) / scale if scale else 0.0
    return Check(name, method, len(ours), error, TOLERANCES[method])


def _moved(
    problem: Problem, name: str, dtype: type, move: Callable[[Array], None]
) -> tuple[Chain, Array]:
    """The chain and the input in `dtype`, with one array moved."""
    base = problem.chain
    chain = base.over(base.theta.astype(dtype), base.statistics.astype(dtype))
    x: Array = problem.x.astype(dtype)
    array = x if name == "input" else chain.layout.view(chain.theta, name)
    move(array.reshape(-1))
    return chain, x


def _along(problem: Problem, name: str, index: int | slice, v: Array | None) -> float:
    """Im f(a + ihv)/h: the derivative along one entry, or along the direction v."""

    def move(flat: Array) -> None:
        flat[index] += 1j * COMPLEX_STEP * (1.0 if v is None else v)

    value = problem.value(*_moved(problem, name, np.complex128, move))
    return float(value.imag) / COMPLEX_STEP


def _differences(
    problem: Problem, name: str, g: Array, order: Array
) -> Iterator[tuple[float, float]]:
    """(gᵢ, its fourth-order difference) for the entries whose perturbation crosses no kink."""
    here = problem.branches(problem.chain, problem.x)
    for index in order:
        h = DIFFERENCE_STEP
        values = []
        for steps in (-2, -1, 1, 2):

            def move(flat: Array, by: float = steps * h, at: int = index) -> None:
                flat[at] += by

            chain, x = _moved(problem, name, np.float64, move)
            there = problem.branches(chain, x)
            if any((a != b).any() for a, b in zip(here, there, strict=True)):
                break
            values.append(float(real(problem.value(chain, x))))
        else:
            low2, low1, high1, high2 = values
            yield g.ravel()[index], (low2 - 8 * low1 + 8 * high1 - high2) / (12 * h)
