"""Arms: the recipes that are compared, by name, and how they come about."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..ground.errors import InvalidInput, Problems
from ..network.inputs import brief
from ..runs.recipes import Recipe, find_recipe, parse_value, recipe_from

__all__ = [
    "Arm",
    "arms_of_grid",
    "arms_of_recipes",
    "combinations",
    "common_keys",
    "folder_name",
    "parse_variations",
    "plain_value",
    "split_values",
]

BRACKETS = {"[": "]", "{": "}", "(": ")"}
OF_NO_EFFECT = ("description", "checkpoint_every", "seed")
"""What two recipes may differ in and still make the same runs, seed by seed."""


@dataclass(frozen=True)
class Arm:
    """One of the recipes that are compared.

    Attributes
    ----------
    name : str
        As spoken.
    folder : str
        As a folder's name, which is safe on every system.
    changes : dict
        What it changes of the common recipe.
    recipe : Recipe
        Complete; its seed is that of the first run.
    """

    name: str
    folder: str
    changes: dict[str, Any]
    recipe: Recipe

    def same_runs(self, other: Arm) -> bool:
        """Whether both would make the same runs."""
        mine, others = (dataclasses.asdict(arm.recipe) for arm in (self, other))
        return all(mine[key] == others[key] for key in mine if key not in OF_NO_EFFECT)


# -- values on the command line ------------------------------------------------------------------


def split_values(text: str) -> list[str]:
    """The values of 'a,b' or 'a;b', in order.

    Where there is a semicolon, semicolons separate, so that the values may be lists: '100,50;200'.
    What stands within brackets or quotes is never cut: '[100,50],[200]' are two values.

    Raises
    ------
    InvalidInput
        If a bracket or a quote is not closed.
    """
    cuts: dict[str, list[int]] = {",": [], ";": []}
    expected: list[str] = []
    quote = ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in BRACKETS:
            expected.append(BRACKETS[character])
        elif expected and character == expected[-1]:
            expected.pop()
        elif character in cuts and not expected:
            cuts[character].append(place)
    if quote or expected:
        missing = quote or expected[-1]
        raise InvalidInput(f"The values {text!r:.80} lack a closing {missing}; add it.")
    places = [-1, *(cuts[";"] or cuts[","]), len(text)]
    return [text[a + 1 : b].strip() for a, b in itertools.pairwise(places)]


def parse_variations(
    assignments: Iterable[str], option: str, problems: Problems
) -> dict[str, list[Any]]:
    """The values of each key, of words such as 'optimizer=sgd,adam'; mistakes are collected."""
    found: dict[str, list[Any]] = {}
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        if not equals or not key or not text:
            problems.add(
                f"{option} takes KEY=VALUE,VALUE, such as lr=0.001,0.01, not {assignment!r:.80}."
            )
            continue
        if key in found:
            problems.add(f"{option} names {key} twice; give all of its values at once.")
            continue
        try:
            values = split_values(text)
        except InvalidInput as error:
            problems.take(error)
            continue
        if "" in values:
            problems.add(f"{option} {assignment!r:.80} holds an empty value; take it out.")
            continue
        found[key] = [parse_value(value) for value in values]
    return found


def plain_value(value: Any) -> Any:
    """A value as a recipe file can hold it: NumPy's numbers as Python's, tuples as lists."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(inner) for inner in value]
    return value


def combinations(variations: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every choice of one value for each key, the last key varying fastest."""
    return [
        dict(zip(variations, values, strict=True))
        for values in itertools.product(*variations.values())
    ]


# -- arms -----------------------------------------------------------------------------------------


def arms_of_recipes(
    given: Sequence[object], changes: Mapping[str, Any], names: Sequence[str], problems: Problems
) -> list[Arm]:
    """An arm for each recipe: a built-in one's name, a file, a mapping or a Recipe."""
    found: list[tuple[str, Recipe]] = []
    for one in given:
        try:
            base = _keys_of(one)
            found.append((_own_name(one), recipe_from(base, changes)))
        except InvalidInput as error:
            problems.take(error)
    if len(found) < len(given):
        return []
    shared = common_keys([recipe for _, recipe in found])
    own = [
        {k: v for k, v in dataclasses.asdict(r).items() if k not in (*shared, *OF_NO_EFFECT)}
        for _, r in found
    ]
    spoken = [name or _spoken(change) for (name, _), change in zip(found, own, strict=True)]
    return _named(own, [recipe for _, recipe in found], list(names) or spoken, problems)


def arms_of_grid(
    base: object,
    changes: Mapping[str, Any],
    variations: Mapping[str, Sequence[Any]],
    names: Sequence[str],
    problems: Problems,
) -> list[Arm]:
    """An arm for each combination of values, the first values being the first arm's."""
    keys, recipes, grid = _keys_of(base), [], combinations(variations)
    for choice in grid:
        try:
            recipes.append(recipe_from(keys, {**changes, **choice}))
        except InvalidInput as error:
            problems.take(error)
    if len(recipes) < len(grid):
        return []
    spoken = [_spoken(choice) for choice in grid]
    if len(set(spoken)) < len(spoken):
        spoken = [", ".join(f"{k}={_brief(v)}" for k, v in choice.items()) for choice in grid]
    return _named(grid, recipes, list(names) or spoken, problems)


def common_keys(recipes: Sequence[Recipe]) -> dict[str, Any]:
    """What all recipes agree on, besides their seeds and descriptions."""
    first, *others = (dataclasses.asdict(recipe) for recipe in recipes)
    return {
        key: value
        for key, value in first.items()
        if key not in ("description", "seed") and all(other[key] == value for other in others)
    }


def folder_name(name: str, taken: Iterable[str] = ()) -> str:
    """A name as a folder's: letters, digits, dots and dashes; none that is taken already."""
    stem = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:60] or "arm"
    used = {other.casefold() for other in taken}
    numbered = (f"{stem}-{number}" for number in itertools.count(2))
    return next(n for n in itertools.chain([stem], numbered) if n.casefold() not in used)


def _named(
    changes: Sequence[dict[str, Any]],
    recipes: Sequence[Recipe],
    names: Sequence[str],
    problems: Problems,
) -> list[Arm]:
    if len(names) != len(recipes):
        problems.add(f"There are {len(recipes)} arms and {len(names)} names; give one for each.")
        return []
    arms: list[Arm] = []
    for change, recipe, name in zip(changes, recipes, names, strict=True):
        spoken = " ".join(name.split()) if isinstance(name, str) else ""
        if not spoken:
            problems.add(f"The name of an arm must be a word or a few, not {brief(name)}.")
        for other in arms:
            problems.require(
                other.name != spoken,
                f"Two arms are called {spoken!r:.80}; give each its own with --name (names=).",
            )
        folder = folder_name(spoken, [arm.folder for arm in arms])
        arms.append(Arm(spoken, folder, dict(change), recipe))
    return arms


def _keys_of(given: object) -> dict[str, Any]:
    if isinstance(given, Recipe):
        return dataclasses.asdict(given)
    if isinstance(given, Mapping):
        return {str(key): plain_value(value) for key, value in given.items()}
    if isinstance(given, str | Path):
        return find_recipe(str(given))
    raise InvalidInput(
        "A recipe must be the name of a built-in one, a file, a mapping of keys or a Recipe, not "
        f"{brief(given)}."
    )


def _own_name(given: object) -> str:
    if not isinstance(given, str | Path):
        return ""
    path = Path(given)
    # A run's recipe is called recipe.toml, as all others: the run's name tells them apart.
    return path.absolute().parent.name if path.name == "recipe.toml" else path.stem


def _spoken(changes: Mapping[str, Any]) -> str:
    """What an arm is called for what it changes: 'adam, weight_decay 0.02'."""
    words = []
    for key, value in changes.items():
        if value is None or value == []:
            words.append(f"no {key}")
        elif isinstance(value, str):
            words.append(value)
        elif isinstance(value, Mapping) and isinstance(value.get("name"), str):
            options = [f"{k} {_brief(v)}" for k, v in value.items() if k != "name"]
            words.append(" ".join([value["name"], *options]))
        else:
            words.append(f"{key} {_brief(value)}")
    return ", ".join(words) or "as it is"


def _brief(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
