"""Parts by name, by name with options, or as a function of one's own."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from ..ground.errors import InvalidInput, Problems, choose, did_you_mean
from ..ground.options import options_of
from .inputs import brief

__all__ = ["Part", "levels_of", "part"]

# What an option may be, by its name, wherever it occurs: (least, greatest, greatest included).
RANGES: dict[str, tuple[float, float, bool]] = {
    "label_smoothing": (0.0, 1.0, False),
    "momentum": (0.0, 1.0, False),
    "beta1": (0.0, 1.0, False),
    "beta2": (0.0, 1.0, False),
    "rho": (0.0, 1.0, False),
    "level": (0.0, 1.0, False),
    "delta": (0.0, float("inf"), False),
    "epsilon": (0.0, float("inf"), False),
    "alpha": (0.0, float("inf"), False),
    "momentum_decay": (0.0, float("inf"), False),
    "decay": (0.0, float("inf"), False),
    "every": (0.0, float("inf"), False),
    "factor": (0.0, 1.0, True),
    "end": (0.0, 1.0, True),
    "start": (0.0, 1.0, True),
    "length": (0.0, float("inf"), False),
    "warmup": (0.0, float("inf"), False),
    "peak": (0.0, float("inf"), False),
}
POSITIVE = ("level", "delta", "epsilon", "every")
# What may be several numbers, one for each output.
SEVERAL = ("level",)


# What these must return: a pair, of which beginners forget the second.
PAIRS = {
    "activation": "(y, pullback), its value and the function g → ∂x",
    "loss": "(L, ∂L/∂z), its value and its derivative by the scores",
}


@dataclass(frozen=True)
class _Own:
    """An activation or a loss of one's own, held to what it must return."""

    function: Callable[..., Any]
    name: str
    what: str

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where it has no derivative."""
        return getattr(self.function, "kinks", ())

    def __call__(self, *args: Any, **options: Any) -> Any:
        found = self.function(*args, **options)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise InvalidInput(
                f"The {self.what} {self.name} must return {PAIRS[self.what]}, not "
                f"{type(found).__name__}."
            )
        return found


@dataclass(frozen=True)
class Part:
    """A function of one of the tables (or one's own) with its options.

    Attributes
    ----------
    name : str
    options : dict
    function : callable
        Without the options; carries the attributes of its table.
    custom : bool
        Whether it stands in no table, so that a file can hold its name only.
    what : str
        What it was named as: "activation".
    """

    name: str
    options: dict[str, Any]
    function: Callable[..., Any]
    custom: bool = False
    what: str = field(default="", compare=False)

    @property
    def bound(self) -> Callable[..., Any]:
        """The function with its options; one's own is held to what it must return."""
        function = self.function
        if self.custom and self.what in PAIRS:
            function = _Own(function, self.name, self.what)
        return functools.partial(function, **self.options) if self.options else function

    def spec(self) -> str | dict[str, Any]:
        """What names this part in a file: 'adam' or {'name': 'adam', 'beta1': 0.95}.

        A function of one's own is marked as such: a name of the table must not stand in for it.
        """
        own = {"custom": True} if self.custom else {}
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()}
        return {"name": self.name, **own, **options} if own or options else self.name


def levels_of(loss: Part) -> tuple[float, ...] | None:
    """The levels of a loss of several quantiles, one for each output; None for other losses."""
    level = loss.options.get("level")
    return level if isinstance(level, tuple) else None


def part(spec: object, table: ModuleType, what: str) -> Part:
    """Find what a user named.

    Parameters
    ----------
    spec : str, mapping with "name" and options, callable, or Part
    table : module
        Where the names live.
    what : str
        For messages: "optimizer".

    Raises
    ------
    InvalidInput
        For an unknown name or option, or an option out of its range; all problems at once.
    """
    if isinstance(spec, Part):
        return spec
    if isinstance(spec, functools.partial):
        inner = part(spec.func, table, what)
        return _with_options(inner, {**inner.options, **spec.keywords}, what)
    if callable(spec):
        name = getattr(spec, "__name__", type(spec).__name__)
        return Part(name, {}, spec, getattr(table, name, None) is not spec, what)
    if isinstance(spec, Mapping):
        given = dict(spec)
        if "name" not in given:
            raise InvalidInput(
                f'{what} {brief(dict(spec))} lacks its name; write {{"name": …, option: value}}.'
            )
        return _with_options(part(given.pop("name"), table, what), given, what)
    return Part(str(spec), {}, choose(spec, table, what))


def _with_options(bare: Part, given: dict[str, Any], what: str) -> Part:
    problems = Problems()
    known = options_of(bare.function)
    given = {k: _plain(v, k in SEVERAL) for k, v in given.items()}
    for name, value in given.items():
        if name not in known:
            problems.add(
                f"{what} {bare.name!r} has no option {name!r}.{did_you_mean(name, known)} "
                f"It has {', '.join(known) or 'none'}."
            )
        elif isinstance(known[name], bool):
            problems.require(
                isinstance(value, bool),
                f"{bare.name}.{name} must be true or false, not {brief(value)}.",
            )
        else:
            label = f"{bare.name}.{name}"
            problems.require(
                not (isinstance(value, tuple) and not value),
                f"{label} is empty; give one number for each output.",
            )
            for number in value if isinstance(value, tuple) else (value,):
                _check_range(label, name, number, problems)
    problems.raise_if_any()
    return Part(bare.name, given, bare.function, bare.custom, bare.what)


def _plain(value: Any, several: bool) -> Any:
    """Numbers of NumPy as Python's, and a list of them, where there may be several, as a tuple."""
    if isinstance(value, np.generic) or (several and isinstance(value, np.ndarray)):
        value = value.tolist()
    if several and isinstance(value, list | tuple):
        return tuple(_plain(number, False) for number in value)
    return value


def _check_range(label: str, name: str, value: Any, problems: Problems) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(f"{label} must be a number, not {brief(value)}.")
        return
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        problems.add(f"{label} must be a finite number, not {brief(value)}.")
        return
    low, high, included = RANGES.get(name, (-float("inf"), float("inf"), False))
    above = number > low if name in POSITIVE else number >= low
    below = number <= high if included else number < high
    if not (above and below):
        left = "above" if name in POSITIVE else "at least"
        right = (
            "" if high == float("inf") else f" and {'at most' if included else 'below'} {high:g}"
        )
        problems.add(f"{label} must be {left} {low:g}{right}, not {brief(value)}.")
