"""From the arguments of `Network.train`, checked, to a training that is ready to run."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..data.selection import Input, in_pieces, is_mapped
from ..distributed.workers import Workers
from ..ground.devices import find_device
from ..ground.errors import InvalidInput, Problems
from ..learning.callbacks import progress_callback
from ..learning.plan import Plan, steps_in
from ..learning.probing import unfit_for_tensors
from ..learning.stepping import judge_engine
from ..learning.training import Training
from ..machine.chain import Chain
from .construction import build_optimizer
from .inputs import check_flag
from .judging import callbacks_for, check_plan, judge_for, monitor_for
from .memory import RowsInfo, training_memory
from .preprocessing import Preprocessing
from .resuming import checkpoints_for, identity_of
from .sharing import check_workers
from .starting import start_at_mean
from .targets import require_two_classes

__all__ = ["OF_PLAN", "assemble", "rows_info"]

OF_SHARING = ("shards", "sharded_optimizer")
OF_PLAN = (
    "epochs",
    "batch_size",
    "clip_norm",
    "average",
    "restore_best",
    "engine",
    "precision",
    "device",
    "on_divergence",
)


def assemble(
    chain: Chain, preprocessing: Preprocessing, seed: int, given: Mapping[str, Any]
) -> tuple[Preprocessing, Training]:
    """Check everything that a training is given; learn the scaling of its rows and targets.

    Parameters
    ----------
    seed : int
        Of this training's orders and dropout.
    given : mapping
        The arguments of `Network.train` by name.

    Returns
    -------
    preprocessing : Preprocessing
        Having learned from the training rows what was not known.
    training : Training

    Raises
    ------
    InvalidInput
        Naming every problem at once, before anything has changed.
    NotAvailable
        If engine="fast" is asked for and the compiled core is not there, or a device that is not.
    """
    problems = Problems()
    s = preprocessing.settings
    prepared = preprocessing.with_targets_of(given["y"], problems)
    array, targets, weight = prepared.pair(given["X"], given["y"], given["sample_weight"], problems)
    require_two_classes(prepared.targets, targets, problems)
    has_validation, complete = _validation_given(given, problems)
    if complete:
        array_val, targets_val, weight_val = prepared.pair(
            given["X_val"], given["y_val"], given["sample_weight_val"], problems, "_val"
        )
    workers = given["workers"]
    check_workers(problems, given, None if array is None else len(array))
    shared = {name: given[name] for name in OF_SHARING} if workers is not None else {}
    plan = Plan(seed=seed, l2=s.l2, **shared, **{name: given[name] for name in OF_PLAN})
    if isinstance(workers, Workers) and plan.device == "cuda":
        plan = replace(plan, device=f"cuda:{workers.place}")
    lr, patience, min_delta = (given[name] for name in ("lr", "patience", "min_delta"))
    check_plan(problems, plan, s, lr=lr, patience=patience, min_delta=min_delta)
    check_flag(problems, "progress", given["progress"])
    judge = judge_for(prepared.targets, given["metrics"], problems)
    watcher = monitor_for(given["monitor"], judge, has_validation, patience, min_delta, problems)
    callbacks = callbacks_for(given["callbacks"], problems)
    checkpoints = checkpoints_for(given, problems)
    rule, options = s.optimizer.function, s.optimizer.options
    try:
        description = judge_engine(
            plan.engine, plan.precision, chain, s.loss.bound, rule, options, callbacks, plan.device
        )
    except InvalidInput as error:
        problems.take(error)
    problems.raise_if_any()
    assert array is not None
    assert targets is not None
    if plan.device is not None:
        find_device(plan.device)
        for sentence in unfit_for_tensors(
            chain.layers, s.loss.bound, rule, options, targets, s.sizes[-1]
        ):
            problems.add(sentence)
        problems.raise_if_any()
    found = rows_info(array, array_val if has_validation else None)
    training_memory(
        s,
        chain.layers,
        description,
        plan,
        found,
        monitored=watcher is not None,
        checkpoints=checkpoints.write is not None,
        network_is_there=True,
    ).require()
    prepared = prepared.with_scaling_of(array)
    rows = prepared.rows(array, targets, weight)
    if preprocessing.scaling is None:
        start_at_mean(chain, s, rows)
    rows_val = None
    if has_validation:
        assert array_val is not None
        assert targets_val is not None
        rows_val = prepared.rows(array_val, targets_val, weight_val)
    training = Training(
        chain,
        s.loss.bound,
        build_optimizer(s, chain, lr, steps_in(len(rows), plan)),
        rows,
        rows_val,
        plan,
        judge,
        watcher,
        [*callbacks, *progress_callback(given["progress"])],
        workers=workers,
    )
    watched = {name: given[name] for name in ("patience", "min_delta")}
    watched["monitor"] = watcher.name if watcher else None
    training.identity = functools.partial(identity_of, s, training, float(lr), watched)
    if checkpoints.write is not None:
        checkpoints.attach(training, training.identity())
    return prepared, training


def rows_info(X: Input, X_val: Input | None) -> RowsInfo:
    """What the memory of a training depends on of its rows, (n, n_features) both."""
    sizes = {True: 0, False: 0}
    for rows in (X, X_val):
        if rows is not None:
            sizes[is_mapped(rows)] += rows.size * rows.dtype.itemsize
    return RowsInfo(
        n_train=len(X),
        n_val=0 if X_val is None else len(X_val),
        in_memory=sizes[False],
        on_disk=sizes[True],
        piece=max(sizes.values()) if in_pieces(X) else 0,
    )


def _validation_given(given: Mapping[str, Any], problems: Problems) -> tuple[bool, bool]:
    """Whether there are validation rows, and whether all of them; half is a problem."""
    parts = {name: given[name] for name in ("X_val", "y_val")}
    some = any(part is not None for part in parts.values())
    missing = " and ".join(name for name, part in parts.items() if part is None)
    if missing and (some or given["sample_weight_val"] is not None):
        problems.add(
            "X_val and y_val belong together, and sample_weight_val to them, but "
            f"{missing} {'is' if some else 'are'} missing."
        )
    return some, not missing
