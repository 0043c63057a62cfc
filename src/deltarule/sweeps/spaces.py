"""Where a sweep looks: the keys of a recipe that are searched, checked before anything is tried."""

from __future__ import annotations

import dataclasses
import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..ground.errors import FileRefused, InvalidInput, NotAvailable, Problems, did_you_mean
from ..network.inputs import brief, check_flag, check_number
from ..runs.recipes import PARTS, Recipe, recipe_from
from ..storage.atomic import as_path
from .domains import Choices, Domain, Layers, Span, Take

__all__ = ["Space", "read_space", "space_from"]

STANDING = (
    "description",
    "data",
    "data_dir",
    "target",
    "task",
    "image_size",
    "validation",
    "stratify",
    "monitor",
    "metrics",
    "checkpoint_every",
)
"""Keys that are the same for all trials; else their values could not be compared."""

LAYERS = "hidden_layer_sizes"
EXAMPLE = "lr = {low = 1e-4, high = 1e-2, log = true}"
FIELDS = ("low", "high", "log", "step", "choices")
MOST_LAYERS = 100
MOST_COMBINATIONS = 256


@dataclass(frozen=True)
class Space:
    """What is searched: a domain for each key.

    Attributes
    ----------
    domains : dict
        Key of a recipe → Span, Choices or Layers.
    given : dict
        The same as it was written, JSON-able.
    """

    domains: dict[str, Domain]
    given: dict[str, Any]

    def changes(self, take: Take) -> dict[str, Any]:
        """What a trial changes in the recipe, by the values that `take` takes."""
        return {key: domain.value(key, take) for key, domain in self.domains.items()}

    @property
    def count(self) -> int | None:
        """How many points the grid has; None where a number has no step."""
        counts = [domain.count for domain in self.domains.values()]
        return None if None in counts else math.prod(c for c in counts if c is not None)

    def without_step(self) -> list[str]:
        """The keys that have no grid."""
        return [key for key, domain in self.domains.items() if domain.count is None]

    def point(self, i: int) -> dict[str, Any]:
        """The parameters at a point of the grid."""
        found: dict[str, Any] = {}
        for key, domain in self.domains.items():
            i, digit = divmod(i, domain.count or 1)
            found |= domain.nth(key, digit)
        return found

    def corners(self) -> Iterator[dict[str, Any]]:
        """Every combination of extreme values, or, of too many, enough to see each value."""
        ends = {key: domain.corners() for key, domain in self.domains.items()}
        if math.prod(map(len, ends.values())) <= MOST_COMBINATIONS:
            for combination in itertools.product(*ends.values()):
                yield dict(zip(ends, combination, strict=True))
            return
        for i in range(max(map(len, ends.values()))):
            yield {key: values[i % len(values)] for key, values in ends.items()}
            yield {key: values[-1 - i % len(values)] for key, values in ends.items()}


def read_space(file: object) -> dict[str, Any]:
    """The content of a space file.

    Raises
    ------
    NotAvailable
        If it cannot be read.
    FileRefused
        If it is no TOML.
    """
    path = as_path(file)
    try:
        if path.is_file() and path.stat().st_size > 1 << 20:
            raise FileRefused(f"{path} has {path.stat().st_size:,} bytes, too many for a space.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileRefused(
            f"{path} is not a TOML file: {error}. Write lines such as {EXAMPLE}."
        ) from None
    except OSError as error:
        raise NotAvailable(
            f"The space {str(path)!r:.300} cannot be read: {error.strerror or error}. Name a TOML "
            f"file with lines such as {EXAMPLE}."
        ) from None


def space_from(given: Any, base: Mapping[str, Any]) -> Space:
    """A checked space for the recipe with the keys `base`.

    Parameters
    ----------
    given : mapping
        Key → {low, high, log, step}, {choices} or, for hidden_layer_sizes, {depth, width}.
    base : mapping
        The recipe's own keys; those that are not searched keep their values.

    Raises
    ------
    InvalidInput
        Naming every mistake at once, and every extreme value that the recipe refuses.
    """
    if not isinstance(given, Mapping) or not given:
        raise InvalidInput(f"A space has a key for each thing that is searched, such as {EXAMPLE}.")
    problems, domains = Problems(), {}
    plain = _plain(given)
    for key, fields in _flat(plain):
        domain = _domain(key, fields, problems)
        if domain is not None:
            domains[key] = domain
    for key, domain in domains.items():
        for value in domain.corners():
            try:
                recipe_from(base, {key: value})
            except InvalidInput as error:
                for sentence in error.sentences or (str(error),):
                    problems.add(f"{key} = {brief(value)} is in the space, but: {sentence}")
    problems.raise_if_any()
    return Space(domains, plain)


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, tuples as lists, so that all of it is JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Key and fields; options of a part may be written as TOML's tables are."""
    for key, fields in given.items():
        whole = isinstance(fields, Mapping) and bool(fields)
        if whole and key in PARTS and all(isinstance(v, Mapping) for v in fields.values()):
            yield from ((f"{key}.{inner}", deeper) for inner, deeper in fields.items())
        else:
            yield key, fields


def _domain(key: str, fields: Any, problems: Problems) -> Domain | None:
    known = {field.name: str(field.type) for field in dataclasses.fields(Recipe)}
    searched = [name for name in known if name not in STANDING]
    whole, dot, inner = key.partition(".")
    if whole not in known:
        problems.add(
            f"A recipe has no key {brief(key)}.{did_you_mean(whole, searched)} A space may have: "
            f"{', '.join(searched)}."
        )
        return None
    if whole in STANDING:
        problems.add(
            f"{whole} is the same for all trials, or they could not be compared; take it out of "
            f"the space, and give it as --set {whole}=… instead."
        )
        return None
    if dot and (whole not in PARTS or not inner):
        problems.add(f"{whole} has no options; only {', '.join(PARTS)} have, as optimizer.beta1.")
        return None
    if not isinstance(fields, Mapping):
        problems.add(
            f"{key} must be such as {{low = 1, high = 10}} or {{choices = [1, 10]}}, not "
            f"{brief(fields)}; a value that all trials share is given with --set, not in the space."
        )
        return None
    if key == LAYERS and {"depth", "width"} & set(fields):
        return _layers(fields, problems)
    kind = known[whole] if not dot else ""
    return _one(key, fields, kind, problems)


def _one(
    key: str, fields: Mapping[str, Any], kind: str, problems: Problems, known: Any = FIELDS
) -> Span | Choices | None:
    """A span or choices; None after a problem."""
    if not _only(key, fields, known, problems):
        return None
    if "choices" in fields:
        return _choices(key, fields, problems)
    return _span(key, fields, kind, problems)


def _only(key: str, fields: Mapping[str, Any], known: tuple[str, ...], problems: Problems) -> bool:
    strange = [name for name in fields if name not in known]
    for name in strange:
        problems.add(
            f"{key} has no field {brief(name)}.{did_you_mean(name, known)} Its fields are: "
            f"{', '.join(known)}."
        )
    return not strange


def _choices(key: str, fields: Mapping[str, Any], problems: Problems) -> Choices | None:
    others = [name for name in fields if name != "choices"]
    problems.require(
        not others, f"{key} has choices and {' and '.join(others)}; leave one of them out."
    )
    values = fields["choices"]
    if not isinstance(values, list) or not values:
        problems.add(
            f"{key}.choices must be a list of one value or more, such as [32, 64], not "
            f"{brief(values)}."
        )
        return None
    chosen = Choices(tuple(None if v in ("none", "null") else v for v in values))
    labels = chosen.labels
    twice = [v for i, v in enumerate(labels) if v in labels[:i]]
    problems.require(
        not twice, f"{key}.choices holds {brief((twice or [0])[0])} twice; once is enough."
    )
    return None if others or twice else chosen


def _span(key: str, fields: Mapping[str, Any], kind: str, problems: Problems) -> Span | None:
    missing = [name for name in ("low", "high") if name not in fields]
    if missing:
        problems.add(
            f"{key} lacks {' and '.join(missing)}; give it low and high, or choices, such as "
            f"{EXAMPLE}."
        )
        return None
    names = [name for name in ("low", "high", "step") if name in fields]
    only_whole = kind.startswith("int")
    fine = [check_number(problems, f"{key}.{n}", fields[n], integer=only_whole) for n in names]
    log = fields.get("log", False)
    if not all([*fine, check_flag(problems, f"{key}.log", log)]):
        return None
    low, high, step = fields["low"], fields["high"], fields.get("step")
    whole = only_whole or (all(type(fields[n]) is int for n in names) and "float" not in kind)
    told = Problems()
    told.require(low <= high, f"{key}.low is {low:g}, above its high, {high:g}; swap them.")
    told.require(
        not log or low > 0, f"{key}.low must be above 0 on a log scale, not {low:g}; raise it."
    )
    told.require(
        not log or step is None,
        f"{key} has log and step; leave one of them out, log = true or step.",
    )
    if step is not None and low <= high:
        told.require(
            0 < step <= high - low,
            f"{key}.step must be above 0 and at most high − low, {high - low:g}, not {step:g}.",
        )
    try:
        told.raise_if_any()
    except InvalidInput as error:
        problems.take(error)
        return None
    if whole:
        return Span(int(low), int(high), None if step is None else int(step), log, True)
    return Span(float(low), float(high), None if step is None else float(step), log)


def _layers(fields: Mapping[str, Any], problems: Problems) -> Layers | None:
    if not _only(LAYERS, fields, ("depth", "width"), problems):
        return None
    depth, width = fields.get("depth"), fields.get("width")
    ends: list[Any] = depth if isinstance(depth, list) else [depth, depth]
    if len(ends) != 2:
        problems.add(
            f"{LAYERS}.depth must be the fewest and the most layers, such as [1, 4], or a number, "
            f"not {brief(depth)}."
        )
        return None
    fine = [
        check_number(problems, f"{LAYERS}.depth", n, low=0, high=MOST_LAYERS, integer=True)
        for n in ends
    ]
    if all(fine) and not problems.require(
        ends[0] <= ends[1], f"{LAYERS}.depth is {brief(depth)}; the fewest layers come first."
    ):
        return None
    if not isinstance(width, Mapping):
        problems.add(
            f"{LAYERS}.width must be such as {{low = 16, high = 512, log = true}} or "
            f"{{choices = [32, 64]}}, not {brief(width)}."
        )
        return None
    domain = _one(f"{LAYERS}.width", width, "int", problems)
    return Layers(ends[0], ends[1], domain) if all(fine) and domain else None
