"""What a comparison asks, complete, as a value and as a file."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.errors import DeltaruleError, FileRefused, InvalidInput
from ..ground.installing import UPGRADE
from ..network.inputs import brief
from ..runs.recipes import settled_recipe
from .arms import Arm, combinations, common_keys

__all__ = ["COMPARISON", "Question", "read_question"]

COMPARISON = "comparison.toml"
SCHEMA = 1


@dataclass(frozen=True)
class Question:
    """Which arms are compared, and by what.

    Attributes
    ----------
    arms : tuple of Arm
        The others are compared with the first.
    seeds, tune_seeds : tuples of int
        None in common.
    metric : str
        A column of the histories.
    reach : float or None
        The value of the metric whose first epoch is of interest.
    tune : dict
        Key of the recipe → the values of which each arm gets its own best; empty for none.
    level : float
        Of the intervals.
    fingerprint : str
        Of the data.
    command : str
        What asked.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    tune_seeds: tuple[int, ...]
    metric: str
    reach: float | None
    tune: dict[str, list[Any]]
    level: float
    fingerprint: str = ""
    data_name: str = ""
    n_train: int = 0
    n_val: int = 0
    command: str = ""

    @property
    def tries(self) -> list[dict[str, Any]]:
        """The combinations of values that each arm is tuned over; none where nothing is."""
        return combinations(self.tune) if self.tune else []

    def common(self) -> str:
        """What the arms have in common, as TOML."""
        import tomli_w

        tuned = {key.partition(".")[0] for key in self.tune}
        shared = common_keys([arm.recipe for arm in self.arms])
        kept = {k: v for k, v in shared.items() if v is not None and k not in tuned}
        return tomli_w.dumps(kept)

    def to_toml(self) -> str:
        """The whole question; `read_question` reads it back."""
        import tomli_w

        from .. import __version__

        facts: dict[str, Any] = {
            "schema": SCHEMA,
            "deltarule": __version__,
            "command": self.command,
            "seeds": list(self.seeds),
            "tune_seeds": list(self.tune_seeds),
            "metric": self.metric,
            "reach": "none" if self.reach is None else self.reach,
            "level": self.level,
            "data_name": self.data_name,
            "n_train": self.n_train,
            "n_val": self.n_val,
            "fingerprint": self.fingerprint,
            "tune": _worded(self.tune),
            "arms": [
                {
                    "name": arm.name,
                    "folder": arm.folder,
                    "changes": _worded(arm.changes),
                    "recipe": {
                        k: v for k, v in dataclasses.asdict(arm.recipe).items() if v is not None
                    },
                }
                for arm in self.arms
            ],
        }
        try:
            return tomli_w.dumps(facts)
        except TypeError:
            raise InvalidInput(
                "The question is kept in a file, so values must be words, numbers, lists or "
                f"mappings; here is {brief([arm.changes for arm in self.arms])}."
            ) from None

    def differences(self, other: Question) -> list[str]:
        """In what another question differs, one phrase each."""
        found = []
        for name in ("metric", "reach", "seeds", "tune", "tune_seeds", "level"):
            mine, others = getattr(self, name), getattr(other, name)
            if mine != others:
                found.append(f"{name} was {_phrase(mine)} and is {_phrase(others)}")
        if self.fingerprint != other.fingerprint:
            found.append("the data have changed")
        names = [[arm.name for arm in question.arms] for question in (self, other)]
        if names[0] != names[1]:
            found.append(f"the arms were {_phrase(names[0])} and are {_phrase(names[1])}")
            return found
        for arm, one in zip(self.arms, other.arms, strict=True):
            had, has = dataclasses.asdict(arm.recipe), dataclasses.asdict(one.recipe)
            found += [
                f"{key} of {arm.name} was {_phrase(had[key])} and is {_phrase(has[key])}"
                for key in had
                if had[key] != has[key] and key != "description"
            ]
        return found


def _phrase(value: Any) -> str:
    return brief(list(value) if isinstance(value, tuple) else value)


def _worded(value: Any) -> Any:
    """TOML has no word for nothing: "none", which recipes take for it."""
    if isinstance(value, Mapping):
        return {key: _worded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_worded(inner) for inner in value]
    return "none" if value is None else value


def _unworded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unworded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unworded(inner) for inner in value]
    return None if value == "none" else value


def read_question(path: Path) -> Question:
    """The question of a comparison's folder.

    Raises
    ------
    FileRefused
        If the file is damaged, or of a newer version.
    """
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        if facts["schema"] > SCHEMA:
            raise FileRefused(f"{path} is of a newer version ({facts['deltarule']}); {UPGRADE}.")
        arms = tuple(
            Arm(a["name"], a["folder"], _unworded(a["changes"]), settled_recipe(a["recipe"]))
            for a in facts["arms"]
        )
        names = ("metric", "data_name", "n_train", "n_val", "fingerprint", "level", "command")
        return Question(
            arms=arms,
            seeds=tuple(facts["seeds"]),
            tune_seeds=tuple(facts["tune_seeds"]),
            reach=_unworded(facts["reach"]),
            tune=_unworded(facts["tune"]),
            **{name: facts[name] for name in names},
        )
    except FileRefused:
        raise
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, DeltaruleError) as error:
        raise FileRefused(f"{path} is damaged: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise FileRefused(
            f"{path} is damaged: it lacks {error}, or holds something else in its place. Compare "
            "again, into another folder."
        ) from None
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror or error}.") from None
