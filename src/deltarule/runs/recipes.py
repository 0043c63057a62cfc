"""Recipes: everything that a run depends on, as one flat, complete, readable value."""

from __future__ import annotations

import dataclasses
import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data.dataset import as_number
from ..data.pieces import MOST_PIECES, PIECES
from ..data.scaling import KINDS
from ..ground.errors import (
    DeltaruleError,
    FileRefused,
    InvalidInput,
    NotAvailable,
    Problems,
    did_you_mean,
    names_in,
)
from ..learning.checkpointing import every
from ..learning.plan import POLICIES
from ..mathematics import losses, metrics
from ..network.inputs import brief, check_flag, check_number, check_one_of
from ..network.judging import check_engine
from ..network.parts import part
from ..network.settings import settings_from
from ..network.sharing import check_shards

__all__ = ["Recipe", "builtin_recipes", "find_recipe", "parse_value", "recipe_from"]


def option(default: Any, help: str, example: str = "") -> Any:
    """A field of a recipe, with what the command line says of it."""
    metadata = {"help": help, "example": example}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """What a run depends on; every field is a key of a recipe file and of `--set`."""

    description: str = option("", "one line about the recipe")
    data: str = option("digits", "digits, cifar10, mnist, or a path")
    data_dir: str | None = option(None, "where to look for cifar10 and mnist", "DIR")
    target: str | None = option(None, "the column of a table to learn", "COLUMN")
    task: str | None = option(
        None, "classification or regression; by default the target decides", "TASK"
    )
    image_size: list[int] | None = option(None, "resize the images of a folder", "H,W")
    validation: float = option(
        0.2, "share (below 1) or number of rows held out to validate; 0 for none", "SHARE"
    )
    stratify: bool = option(True, "split each class in the same proportion")
    scaling: str = option("feature", f"of the input: {', '.join(KINDS)}", "KIND")
    pieces: Any = option(
        "auto",
        f"parts that each column of numbers of a table is cut into, 0 for none; {PIECES} by "
        "default, fewer for few rows",
        "N",
    )
    hidden_layer_sizes: list[int] = option([256, 128], "units of each hidden layer", "256,128")
    activation: Any = option("relu", "one name, or one for each hidden layer", "NAME")
    dropout: Any = option(0.0, "share of hidden units left out in a step", "RATE")
    normalization: str | None = option(None, "batch or layer", "KIND")
    class_weight: str = option(
        "none", "none, or balanced: each class weighs the same, however rare", "KIND"
    )
    loss: Any = option(
        "auto", "by default cross_entropy for classes, squared_error for numbers", "NAME"
    )
    initializer: str = option("he", "of the weights", "NAME")
    optimizer: Any = option("adam", "sgd, rmsprop, adam, nadam or lion", "NAME")
    lr: float = option(0.002, "learning rate, before the schedule", "RATE")
    lr_decay: float = option(0.0, "k of the factor e^(-k·t), at every step t", "K")
    schedule: Any = option("linear", "one name, or several that multiply", "NAME")
    weight_decay: float = option(0.2, "decoupled decay of the weight matrices", "λ")
    l2: float = option(0.0, "strength of the penalty (λ/2)‖W‖² in the loss", "λ")
    clip_norm: float | None = option(None, "the greatest length of the gradient", "NORM")
    average: float = option(0.0, "decay of a moving average of the weights, such as 0.999", "D")
    epochs: int = option(20, "passes over the training rows", "N")
    batch_size: int = option(64, "rows in a step", "N")
    monitor: str | None = option(
        None, "what makes an epoch the best; val_loss by default", "COLUMN"
    )
    patience: int | None = option(None, "stop after so many epochs without improvement", "N")
    min_delta: float = option(0.0, "the least improvement that patience counts", "X")
    metrics: list[str] | None = option(None, "accuracy or r2 by default", "NAME,…")
    dtype: str = option("float32", "float32 or float64", "TYPE")
    engine: str = option("auto", "auto (the fast engine where it can), reference or fast", "NAME")
    precision: str = option("full", "full, or bf16 for a faster fast engine or device", "NAME")
    device: str | None = option(
        None, "cpu, cuda, cuda:1 or mps, for PyTorch's tensors; none by default", "NAME"
    )
    shards: int = option(4, "parts of a batch, for several workers (torchrun): 1, 2, 4, …", "N")
    sharded_optimizer: bool = option(
        False, "each worker holds a slice of the optimizer's memory only"
    )
    on_divergence: str = option(
        "stop", "stop, rollback (with half the learning rate, at most 5 times) or raise", "NAME"
    )
    checkpoint_every: Any = option(
        "10 s", "seconds, or such as '500 steps' or '2 epochs'; and always at the end", "TIME"
    )
    seed: int = option(0, "all randomness is a function of it", "N")

    def to_toml(self) -> str:
        """The recipe as TOML; keys that are None are left out."""
        import tomli_w

        return tomli_w.dumps({k: v for k, v in dataclasses.asdict(self).items() if v is not None})

    def check(self) -> None:
        """Check all that can be checked without the data.

        Raises
        ------
        InvalidInput
            Naming every problem at once.
        """
        problems = Problems()
        sizes = self._hidden_sizes(problems)
        regression = self._check_loss(problems)
        try:
            given = {name: getattr(self, name) for name in SETTINGS}
            settings_from(
                {
                    **given,
                    "sizes": [1, *sizes, 2],
                    "loss": "squared_error" if regression else "cross_entropy",
                    "standardize_targets": "auto",
                    "classes": None,
                }
            )
        except InvalidInput as error:
            problems.take(error)
        self._check_data(problems)
        self._check_training(problems)
        problems.raise_if_any()

    def _check_data(self, problems: Problems) -> None:
        for name in ("description", "data", "data_dir", "target"):
            value, default = getattr(self, name), getattr(Recipe, name)
            problems.require(
                isinstance(value, str) or value is default,
                f"{name} must be text, not {brief(value)}.",
            )
        problems.require(self.data != "", "data is empty; give digits, cifar10, mnist, or a path.")
        tasks = ("classification", "regression")
        problems.require(
            self.task is None or self.task in tasks,
            f"Unknown task {brief(self.task)}.{did_you_mean(self.task, tasks)} Known are: "
            f"{', '.join(tasks)}.",
        )
        size: Any = self.image_size
        two = isinstance(size, list) and len(size) == 2
        problems.require(
            size is None or (two and all(type(n) is int and n > 0 for n in size)),
            f"image_size must be [height, width], two whole numbers at least 1, not {brief(size)}.",
        )
        if check_number(problems, "validation", self.validation, low=0, high=10**12):
            problems.require(
                self.validation < 1 or self.validation == int(self.validation),
                f"validation must be a share below 1 or a whole number of rows, not "
                f"{self.validation}.",
            )
        check_flag(problems, "stratify", self.stratify)
        check_one_of(problems, "class_weight", self.class_weight, CLASS_WEIGHTS)
        cut: object = self.pieces
        problems.require(
            cut == "auto" or (type(cut) is int and 0 <= cut <= MOST_PIECES),
            f"pieces must be auto, or a whole number from 0 (none) to {MOST_PIECES}, not "
            f"{brief(cut)}.",
        )

    def _check_training(self, problems: Problems) -> None:
        check_number(problems, "lr", self.lr, low=0, above=True)
        check_number(problems, "epochs", self.epochs, low=1, integer=True)
        check_number(problems, "batch_size", self.batch_size, low=1, integer=True)
        check_number(problems, "average", self.average, low=0, high=1, below=True)
        check_number(problems, "min_delta", self.min_delta, low=0)
        check_shards(problems, self.shards)
        check_flag(problems, "sharded_optimizer", self.sharded_optimizer)
        if self.clip_norm is not None:
            check_number(problems, "clip_norm", self.clip_norm, low=0, above=True)
        if self.patience is not None:
            check_number(problems, "patience", self.patience, low=1, integer=True)
        check_engine(problems, self.engine, self.precision, self.device, self.dtype)
        check_one_of(problems, "on_divergence", self.on_divergence, POLICIES)
        try:
            every(self.checkpoint_every)
        except InvalidInput as error:
            problems.take(error)
        problems.require(
            self.monitor is None or isinstance(self.monitor, str),
            f"monitor must be the name of a column, such as val_loss, not {brief(self.monitor)}.",
        )
        chosen: Any = [] if self.metrics is None else self.metrics
        known = names_in(metrics)
        for name in chosen if isinstance(chosen, list) else [chosen]:
            problems.require(
                isinstance(name, str) and name in known,
                f"Unknown metric {brief(name)}.{did_you_mean(name, known)} Known are: "
                f"{', '.join(known)}.",
            )

    def _hidden_sizes(self, problems: Problems) -> list[int]:
        """The sizes, each replaced by 1 where it is none, so that the rest can be checked."""
        given: object = self.hidden_layer_sizes
        if not isinstance(given, list):
            problems.add(
                f"hidden_layer_sizes must be a list such as [100, 50], not {brief(given)}."
            )
            return []
        return [
            size
            if check_number(
                problems, f"hidden_layer_sizes[{i}]", size, low=1, high=10**8, integer=True
            )
            else 1
            for i, size in enumerate(given)
        ]

    def _check_loss(self, problems: Problems) -> bool:
        """Whether the loss is one of regression; adds a problem if there is no such loss."""
        if self.loss == "auto":
            return False
        try:
            return bool(part(self.loss, losses, "loss").function.task == "regression")  # type: ignore[attr-defined]
        except InvalidInput as error:
            problems.take(error)
            return False


CLASS_WEIGHTS = ("none", "balanced")

SETTINGS = (
    "activation",
    "dropout",
    "normalization",
    "optimizer",
    "schedule",
    "lr_decay",
    "weight_decay",
    "l2",
    "initializer",
    "scaling",
    "dtype",
    "seed",
)
"""The fields that are arguments of `Network` by the same name."""

PARTS = ("activation", "loss", "initializer", "optimizer", "schedule")
"""The fields that may hold options: {name = "adam", beta1 = 0.95}, or optimizer.beta1."""

INSTEAD_OF_NONE: dict[str, Any] = {
    "schedule": [],
    "activation": "identity",
    "scaling": "none",
    "class_weight": "none",
    "pieces": 0,
}
"""What 'none' means for keys whose default is something: TOML has no word for nothing."""

TRAINING = (
    "epochs",
    "batch_size",
    "lr",
    "clip_norm",
    "average",
    "monitor",
    "patience",
    "min_delta",
    "metrics",
    "engine",
    "precision",
    "device",
    "shards",
    "sharded_optimizer",
    "on_divergence",
)
"""The fields that are arguments of `Network.train` by the same name."""


def builtin_recipes() -> dict[str, str]:
    """The recipes that come with the library: name → TOML."""
    folder = importlib.resources.files(__package__) / "recipes"
    return {
        Path(entry.name).stem: entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def find_recipe(name_or_file: str) -> dict[str, Any]:
    """The keys of a built-in recipe or of a TOML file.

    Raises
    ------
    NotAvailable
        If there is neither such a name nor such a file.
    FileRefused
        If the file is no TOML.
    """
    known = builtin_recipes()
    if name_or_file in known:
        return tomllib.loads(known[name_or_file])
    path = Path(name_or_file)
    try:
        if path.is_dir() and name_or_file:
            raise NotAvailable(f"{path} is a folder; name the recipe in it, {path}/recipe.toml.")
        if not path.is_file():
            raise NotAvailable(
                f"There is no recipe called {name_or_file!r:.300} and no such file."
                f"{did_you_mean(name_or_file, known)} Recipes are: {', '.join(known)}."
            )
        if path.stat().st_size > 1 << 20:
            raise FileRefused(
                f"{path} has {path.stat().st_size:,} bytes, too many for a recipe; name a file "
                "such as `deltarule recipes default` prints."
            )
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except DeltaruleError:
        raise
    except (ValueError, RecursionError) as error:  # of TOML, UTF-8, and numbers without end
        raise FileRefused(
            f"{path} is not a TOML file: {error}. Write lines such as lr = 0.01."
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise NotAvailable(f"{name_or_file!r:.300} cannot be read: {reason}.") from None


def recipe_from(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Recipe:
    """A checked recipe: the defaults, changed by `base`, changed by `changes`.

    A key with a dot sets an option of a part: {"optimizer.beta1": 0.95}.

    Raises
    ------
    InvalidInput
        Naming every unknown key and wrong value at once.
    """
    known = [f.name for f in dataclasses.fields(Recipe)]
    problems = Problems()
    merged: dict[str, Any] = {}
    for key, value in [*base.items(), *changes.items()]:
        whole, dot, inner = key.partition(".")
        if whole not in known:
            problems.add(
                f"A recipe has no key {brief(key)}.{did_you_mean(whole, known)} "
                f"Its keys are: {', '.join(known)}."
            )
        elif _beyond_numbers(value):
            problems.add(f"{key} holds a whole number that is too large for any use.")
        elif dot and (whole not in PARTS or not inner):
            problems.add(
                f"{whole} has no option {brief(inner)}; only {', '.join(PARTS)} have options, such "
                "as optimizer.beta1."
            )
        elif inner:
            present = merged.get(whole, getattr(Recipe, whole, None))
            bare = present if isinstance(present, Mapping) else {"name": present}
            merged[whole] = {**bare, inner: value}
        else:
            merged[whole] = value
    sizes = merged.get("hidden_layer_sizes")
    if type(sizes) is int:  # one layer
        merged["hidden_layer_sizes"] = [sizes]
    for key, instead in INSTEAD_OF_NONE.items():
        if key in merged and merged[key] is None:
            merged[key] = instead
    if isinstance(merged.get("metrics"), str):
        merged["metrics"] = [merged["metrics"]]
    recipe = Recipe(**merged)
    try:
        recipe.check()
    except InvalidInput as error:
        problems.take(error)
    problems.raise_if_any()
    return recipe


def settled_recipe(keys: Mapping[str, Any]) -> Recipe:
    """The recipe that a run wrote down; a key that came later is as it was before it came."""
    return recipe_from({"pieces": 0, **keys}, {})


def _beyond_numbers(value: Any) -> bool:
    """Whether there is a whole number in it that no float holds, and no message can print."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(map(_beyond_numbers, value))
    return isinstance(value, int) and abs(value) >= 2**1023


def parse_value(text: str) -> Any:
    """A value from the command line: TOML where it is TOML, else text; 'a,b' is a list."""
    plain = {"none": None, "null": None, "true": True, "false": False}
    if text.casefold() in plain:
        return plain[text.casefold()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        number = as_number(text)  # ".001", which TOML does not allow
        if number is not None:
            return number
        if "," in text and text[0] not in "[{\"'":
            return [parse_value(item.strip()) for item in text.split(",") if item.strip()]
        return text
