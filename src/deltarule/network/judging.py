"""What a training is given besides rows: its numbers, metrics, monitor and callbacks, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..ground.devices import device_problem
from ..ground.errors import InvalidInput, Problems, choose, did_you_mean
from ..learning.callbacks import Callback, as_callback
from ..learning.evaluation import Judge
from ..learning.monitor import Monitor
from ..learning.plan import ENGINES, POLICIES, PRECISIONS, Plan
from ..mathematics import metrics as metric_table
from .inputs import brief, check_flag, check_number, check_one_of
from .settings import Settings
from .targets import Targets

__all__ = [
    "DEFAULT_METRICS",
    "callbacks_for",
    "check_engine",
    "check_plan",
    "judge_for",
    "metrics_of_run",
    "monitor_for",
]

DEFAULT_METRICS = {"classification": "accuracy", "regression": "r2"}
OF_EVERY_RUN = {"classification": "accuracy", "regression": "root_mean_squared_error"}


def metrics_of_run(task: str, chosen: Iterable[str] | None) -> list[str]:
    """What a run records: what was asked for or the task's default, and what scripts count on."""
    asked = [DEFAULT_METRICS[task]] if chosen is None else list(chosen)
    return list(dict.fromkeys([*asked, OF_EVERY_RUN[task]]))


def check_plan(
    problems: Problems,
    plan: Plan,
    settings: Settings,
    *,
    lr: float,
    patience: int | None,
    min_delta: float,
) -> None:
    """Check the numbers that a training is given."""
    check_number(problems, "epochs", plan.epochs, low=1, integer=True)
    if check_number(problems, "batch_size", plan.batch_size, low=1, integer=True):
        problems.require(
            plan.batch_size > 1 or settings.normalization != "batch",
            "batch_size=1 leaves batch normalisation without a variance; take larger batches, or "
            'normalization="layer".',
        )
    if check_number(problems, "lr", lr, low=0, above=True) and lr * settings.weight_decay >= 1:
        problems.add(
            f"lr × weight_decay is {lr * settings.weight_decay:g}; from 1 on, a step would turn "
            "the weights around. Lower one of them."
        )
    check_number(problems, "average", plan.average, low=0, high=1, below=True)
    check_flag(problems, "restore_best", plan.restore_best)
    check_number(problems, "min_delta", min_delta, low=0)
    if plan.clip_norm is not None:
        check_number(problems, "clip_norm", plan.clip_norm, low=0, above=True)
    if patience is not None:
        check_number(problems, "patience", patience, low=1, integer=True)
    check_engine(problems, plan.engine, plan.precision, plan.device, settings.dtype)
    check_one_of(problems, "on_divergence", plan.on_divergence, POLICIES)


def check_engine(
    problems: Problems,
    engine: object,
    precision: object,
    device: object = None,
    dtype: object = "float32",
) -> None:
    """Check the words that choose who takes the steps, where, and how exactly."""
    check_one_of(problems, "engine", engine, ENGINES)
    check_one_of(problems, "precision", precision, PRECISIONS)
    problems.require(
        engine != "reference" or precision != "bf16" or device is not None,
        'precision="bf16" is the fast engine\'s, and engine="reference" was asked for; leave one '
        "of them out.",
    )
    if wrong := device_problem(device, dtype):
        problems.add(wrong)
    elif device is not None:
        problems.require(
            engine != "fast",
            f'engine="fast" is the compiled engine, on the CPU, and device="{device}" takes '
            "PyTorch's tensors; leave one of them out.",
        )
        problems.require(
            precision != "bf16" or dtype != "float64",
            'With precision="bf16" the weights are float32, and dtype="float64" was asked for; '
            "leave one of them out.",
        )


def judge_for(
    targets: Targets, metrics: Iterable[str | Callable[..., float]] | None, problems: Problems
) -> Judge:
    """The metrics asked for, or the task's default, as a Judge; problems are collected."""
    chosen: dict[str, Any] = {}
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    if metrics is not None and not isinstance(metrics, list | tuple):
        problems.add(f"metrics must be a list of names or functions, not {brief(metrics)}.")
        metrics = None
    for given in [DEFAULT_METRICS[targets.task]] if metrics is None else metrics:
        if callable(given):
            name = getattr(given, "__name__", "metric")
            chosen[f"{name}_{len(chosen) + 1}" if name in chosen else name] = given
            continue
        try:
            chosen[given] = choose(given, metric_table, "metric")
        except InvalidInput as error:
            problems.take(error)
            continue
        problems.require(
            chosen[given].task == targets.task,
            f"The metric {given} is for {chosen[given].task}; this network is for {targets.task}.",
        )
    return Judge(chosen, targets.point, targets.restore, targets.probabilities)


def monitor_for(
    name: str | None,
    judge: Judge,
    has_validation: bool,
    patience: int | None,
    min_delta: float,
    problems: Problems,
) -> Monitor | None:
    """What watches for the best epoch; None where nothing is to be watched."""
    directions = {
        "loss": False,
        **{name: getattr(f, "greater_is_better", True) for name, f in judge.metrics.items()},
    }
    parts = ("train", "val") if has_validation else ("train",)
    known = {f"{part}_{what}": up for part in parts for what, up in directions.items()}
    if name is None and not has_validation:
        problems.require(
            patience is None,
            'patience needs validation rows (X_val, y_val), or monitor="train_loss".',
        )
        return None
    name = "val_loss" if name is None else name
    if not isinstance(name, str) or name not in known:
        without = "" if has_validation else " (there are no validation rows)"
        problems.add(
            f"Unknown monitor {brief(name)}{without}.{did_you_mean(name, known)} "
            f"Known are: {', '.join(known)}."
        )
        return None
    return Monitor(name, known[name], patience, min_delta)


def callbacks_for(given: Any, problems: Problems) -> list[Callback]:
    """Callbacks and functions, one or several, as a list of Callbacks; problems are collected."""
    one = isinstance(given, Callback) or callable(given)
    if not one and not isinstance(given, list | tuple):
        problems.add(f"callbacks must be a list of functions or Callbacks, not {brief(given)}.")
        return []
    chosen = []
    for callback in [given] if one else given:
        if isinstance(callback, type) and issubclass(callback, Callback):
            name = callback.__name__
            problems.add(f"callbacks holds the class {name}; make one of it: {name}().")
        elif isinstance(callback, Callback) or callable(callback):
            chosen.append(as_callback(callback))
        else:
            problems.add(f"callbacks holds {brief(callback)}, neither a function nor a Callback.")
    return chosen
