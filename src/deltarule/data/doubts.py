"""What a table, its target, or rows to predict look like they got wrong: whole sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput
from .dataset import Table, as_number
from .disguises import disguised, mostly_numbers
from .tables import MAX_CATEGORIES, TableEncoder, TextColumn
from .targets import guess_task

__all__ = ["doubts_of_classes", "doubts_of_columns", "require_classes", "unknown_texts"]

NAMED_AT_MOST = 5
# So few classes may be as many as there are rows: somebody tries a table of ten lines.
FEW_CLASSES = 20
MANY_CLASSES = 50
ROWS_OF_A_CLASS = 10
IF_QUANTITIES = "if they are quantities, say --task regression"


def doubts_of_columns(table: Table, rows: Array) -> list[str]:
    """What the columns to learn from, of which `rows` train, look like they got wrong."""
    told: list[str] = []
    crowded: dict[str, int] = {}
    empty: list[str] = []
    alike: dict[tuple[str, str], list[str]] = {}
    first: dict[str, tuple[str, str]] = {}
    for name in table:
        values = table[name]
        if values.dtype.kind != "O":
            if np.isnan(values[rows]).all():
                empty.append(name)
            continue
        counts = Counter(values)
        found = disguised(counts)
        if found is not None:
            kind = found[0].partition(",")[0]
            looks, remedy = first.setdefault(kind, found)
            alike.setdefault((looks, remedy), []).append(name)
        elif slip := mostly_numbers(counts):
            told.append(
                f"The column {name!r} is taken as text because of {_values(*slip)}; "
                "the others are numbers."
            )
        else:
            known = len(counts) - (None in counts)
            if known > MAX_CATEGORIES:
                crowded[name] = known
    for (looks, remedy), names in alike.items():
        columns, look, are = ("columns", "look", "are") if len(names) > 1 else _ONE
        told.append(
            f"The {columns} {_some(names)} {look} like {looks}, and {are} taken as text: {remedy}."
        )
    if crowded:
        columns, hold, _ = ("columns", "hold", "") if len(crowded) > 1 else ("column", "holds", "")
        each = [f"{name!r} ({number:,})" for name, number in crowded.items()]
        told.append(
            f"The {columns} {_listed(each)} {hold} more than {MAX_CATEGORIES} different texts, of "
            f"which the {MAX_CATEGORIES} most frequent are told apart; the others count as missing."
        )
    if empty:
        columns, are, say = ("columns", "are", "say") if len(empty) > 1 else _ONE_EMPTY
        told.append(
            f"The {columns} {_some(empty)} {are} empty in all rows that are learned from, and "
            f"{say} nothing."
        )
    return told


_ONE = ("column", "looks", "is")
_ONE_EMPTY = ("column", "is", "says")


def _values(number: int, example: str) -> str:
    """3 values such as 'x'."""
    return f"the value {example!r}" if number == 1 else f"{number:,} values such as {example!r}"


def _some(names: list[str]) -> str:
    return _listed([repr(name) for name in names])


def _listed(words: list[str]) -> str:
    """'a', 'b' and 7 more."""
    shown, more = words[:NAMED_AT_MOST], len(words) - NAMED_AT_MOST
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def require_classes(classes: Array, y: Array, target: str) -> None:
    """Refuse targets of which hardly any value stands in two rows: they are no classes.

    Parameters
    ----------
    classes : array
        The different values of `y`, int64 or str.
    target : str
        What they are, for a sentence to begin with.

    Raises
    ------
    InvalidInput
    """
    k, n = len(classes), len(y)
    if k <= max(FEW_CLASSES, n // 2):
        return
    told = f"{target} has {k:,} different values in {n:,} rows, too many for classes"
    if y.dtype.kind in "iu":
        raise InvalidInput(f"{told}; {IF_QUANTITIES}.")
    if (like := disguised(y)) is not None:
        raise InvalidInput(f"{told}. They look like {like[0]}: {like[1]}.")
    raise InvalidInput(
        f"{told}: most, such as {str(classes[0])[:40]!r}, stand in one row only, of which nothing "
        "can be learned. Choose another target."
    )


def doubts_of_classes(y: Array, target: str) -> list[str]:
    """What targets that are to be classes, int64 or str, look like they got wrong."""
    numbers = y.dtype.kind in "iu"
    classes = np.unique(y)
    k, n = len(classes), len(y)
    if k <= FEW_CLASSES:
        return []
    like = None if numbers else disguised(y)
    if like is not None:
        looks, remedy = like
        return [f"{target} looks like {looks}, and is taken as {k:,} classes; else {remedy}."]
    slip = None if numbers else mostly_numbers(y)
    if slip is not None:
        return [
            f"{target} is taken as {k:,} classes because of {_values(*slip)}; the others "
            "are numbers. To predict numbers, mend or remove these rows."
        ]
    if k <= MANY_CLASSES:
        return []
    if numbers and guess_task(y) == "regression":
        end = IF_QUANTITIES
    elif n < ROWS_OF_A_CLASS * k:
        end = "little can be learned of so few"
    else:
        return []
    return [f"{target} is taken as {k:,} classes, of {n / k:,.1f} rows each on average; {end}."]


def unknown_texts(encoder: TableEncoder, table: Table) -> list[str]:
    """In which columns of how many rows texts stand that the encoding has no category for."""
    told = []
    for column in encoder.columns:
        values = table[column.name]
        if not isinstance(column, TextColumn) or not len(values):
            continue
        numbers = values.dtype.kind == "f"
        known = {as_number(c) if numbers else c for c in column.categories}
        counts = Counter(_known(values))
        unknown = {value: n for value, n in counts.items() if value not in known}
        if unknown:
            most = max(unknown, key=lambda value: unknown[value])
            example = f"{most:.15g}" if numbers else str(most)[:40]
            seen = "did not see"
            if len(column.categories) == MAX_CATEGORIES:
                seen = f"did not see, or not among the {MAX_CATEGORIES} most frequent"
            told.append(
                f"The column {column.name!r} holds, in {sum(unknown.values()):,} of "
                f"{len(values):,} rows, texts that the training {seen}, such as {example!r}; "
                "they count as missing."
            )
    return told


def _known(values: Array) -> Iterable[object]:
    if values.dtype.kind == "f":
        return (value for value in values.tolist() if value == value)
    return (value for value in values if value is not None)
