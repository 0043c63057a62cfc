"""What can be measured of a network at the end of its training, without changing anything."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.batches import Rows, total_weight
from ..ground.contracts import Array, Batch, Objective
from ..ground.randomness import StepNoise, derive, permutation
from ..machine.chain import Chain
from ..machine.layers import Activation, BatchNorm, LayerNorm
from ..machine.optimizer import Optimizer
from ..mathematics import activations, losses
from .plan import Plan
from .step import Penalty, train_step

__all__ = [
    "BOUNDED",
    "ENOUGH_ROWS",
    "Inputs",
    "LayerHealth",
    "Measurements",
    "bare",
    "layer_steps",
    "measure",
    "mover_of",
    "unit_shares",
]

# What a unit's slope must reach on some row if it is to learn from any: ReLU's is 0 or 1.
LEAST_SLOPE = 1e-3
# Of fewer rows a healthy ReLU may see none on its side.
ENOUGH_ROWS = 32
# A sigmoid or tanh beyond this share of its range on so many rows hardly has a slope left.
OF_RANGE, OF_ROWS = 0.97, 0.99
BOUNDED = {activations.sigmoid: (0.5, 0.5), activations.tanh: (0.0, 1.0)}  # middle, half the range
IN_TABLE = tuple(getattr(activations, name) for name in activations.__all__)


@dataclass(frozen=True)
class LayerHealth:
    """One dense layer and the units of the activation above it.

    Attributes
    ----------
    name : str
    update_ratio : float
        ‖ΔW‖/‖W‖ of one step at the base learning rate; inf where W is zero and moves.
    gradient_norm : float
        ‖∂W‖ of that step's batch, as the optimizer sees it: with penalty, clipped.
    dead : float
        The share of its units that pass no gradient on any row, or, of an activation of one's own,
        that give the same value for every row.
    saturated : float
        The share of its sigmoid or tanh units that are near an end of their range on nearly all
        rows.
    """

    name: str
    update_ratio: float
    gradient_norm: float
    dead: float = 0.0
    saturated: float = 0.0


@dataclass(frozen=True)
class Inputs:
    """Mean, standard deviation and reach (largest distance from the mean) of each scaled feature.

    `normalised` tells whether a normalisation follows the first dense layer.
    """

    mean: Array
    std: Array
    reach: Array
    normalised: bool


@dataclass(frozen=True)
class Measurements:
    """Numbers of some training rows, from which a diagnosis is made.

    Attributes
    ----------
    n : int
        How many rows were looked at.
    layers : tuple of LayerHealth
    inputs : Inputs
    loss : float
        Of the rows at the present weights, without penalty.
    constant_loss, zero_loss, initial_loss : float
        Of about the best answer that is the same for all rows, of scores that are all 0, and of
        initial weights, which need not be those that this training began with.
    penalty : float
    spread : float
        Standard deviation over the rows of the scores, the largest of any output, in units of the
        targets' where they are numbers.
    decisions : tuple of float, or None
        The share of the rows that get the commonest class, and that of the commonest target; None
        for numbers.
    """

    n: int
    layers: tuple[LayerHealth, ...]
    inputs: Inputs
    loss: float
    constant_loss: float
    zero_loss: float
    initial_loss: float
    penalty: float
    spread: float
    decisions: tuple[float, float] | None


def measure(
    chain: Chain,
    objective: Objective,
    optimizer: Optimizer,
    rows: Rows,
    plan: Plan,
    *,
    t: int,
    penalty: Penalty | None,
    most_rows: int,
) -> Measurements:
    """Look at up to `most_rows` training rows that count, and at step t with a batch of them."""
    index = np.arange(len(rows)) if rows.weight is None else np.flatnonzero(rows.weight > 0)
    order = index[permutation(derive(plan.seed, "diagnosis"), len(index))][:most_rows]
    # A memory of zeros has seen no step: its bias correction is that of the first.
    at = t if optimizer.state.any() else 1
    mover = mover_of(optimizer, optimizer.lr)
    steps = layer_steps(chain, objective, mover, rows, plan, order, at, penalty)
    twin = chain.over(chain.theta.copy(), chain.statistics.copy())
    x, y, weight = rows.x(order), rows.y[order], rows.weight_of(order)
    total = total_weight(weight, len(order)) or 1.0
    units = unit_shares(twin, x) if len(order) >= ENOUGH_ROWS else {}
    z = twin(x)[0]
    loss = getattr(objective, "func", objective)
    constant = np.broadcast_to(_constant_scores(y, z.shape[1], loss), z.shape).astype(z.dtype)
    wide = x.astype(np.float64)
    mean = wide.mean(0)
    return Measurements(
        n=len(order),
        layers=tuple(
            LayerHealth(name, *numbers, *units.get(name, (0.0, 0.0)))
            for name, numbers in steps.items()
        ),
        inputs=Inputs(mean, wide.std(0), abs(wide - mean).max(0), _normalised(chain)),
        loss=float(objective(y, z, weight, total)[0]),
        constant_loss=float(objective(y, constant, weight, total)[0]),
        zero_loss=float(objective(y, np.zeros_like(z), weight, total)[0]),
        initial_loss=float(objective(y, _initial(chain, plan)(x)[0], weight, total)[0]),
        penalty=float(penalty(twin)) if penalty else 0.0,
        spread=_spread(y, z, loss),
        decisions=_decisions(y, z, loss),
    )


def _initial(chain: Chain, plan: Plan) -> Chain:
    fresh = chain.over(np.zeros_like(chain.theta), np.zeros_like(chain.statistics))
    fresh.initialize(plan.seed)
    return fresh


def mover_of(optimizer: Optimizer, lr: float) -> Optimizer:
    """An optimizer with a memory of its own, at a fixed rate; only the scratch is shared."""
    mover = copy.copy(optimizer)
    mover.lr, mover.schedule, mover.state = lr, None, optimizer.state.copy()
    mover.rule = copy.deepcopy(optimizer.rule)  # one of the user's own may remember, too
    return mover


def layer_steps(
    chain: Chain,
    objective: Objective,
    mover: Optimizer,
    rows: Rows,
    plan: Plan,
    order: Array,
    t: int,
    penalty: Penalty | None,
) -> dict[str, tuple[float, float]]:
    """‖ΔW‖/‖W‖ and ‖∂W‖ of each matrix, of step t with a batch of `order`, taken by a copy.

    The chain stays as it is; what the mover remembers changes.
    """
    twin = chain.over(chain.theta.copy(), chain.statistics.copy())
    index = order[: plan.batch_size]
    weight = rows.weight_of(index)
    total = total_weight(weight, len(index)) or 1.0
    noise = StepNoise(plan.seed, t, np.arange(len(index)))
    batch = Batch(rows.x(index), rows.y[index], weight, total, noise)
    train_step(twin, objective, mover, batch, t, penalty=penalty, clip=plan.clip_norm)
    found = {}
    for name, layer in chain.layers.items():
        if "W" in layer.parameters:
            before = chain.layout.view(chain.theta, f"{name}.W")
            moved = _norm(chain.layout.view(twin.theta, f"{name}.W") - before)
            size = _norm(before)
            ratio = moved / size if size else (np.inf if moved else 0.0)
            found[name] = (ratio, _norm(chain.layout.view(twin.grad, f"{name}.W")))
    return found


def _norm(a: Array) -> float:
    return float(np.linalg.norm(a.astype(np.float64)))


def unit_shares(chain: Chain, x: Array) -> dict[str, tuple[float, float]]:
    """The shares of dead and of saturated units, by the dense layer below them."""
    found: dict[str, tuple[float, float]] = {}
    below = ""
    for link in chain.forward(x):
        layer = chain.layers[link.name]
        if "W" in layer.parameters:
            below = link.name
        elif isinstance(layer, Activation) and below:
            found[below] = _shares(layer.function, link.value, link.pullback)
    return found


def bare(function: Any) -> Any:
    """The activation without its options."""
    return function.func if isinstance(function, functools.partial) else function


def _shares(function: Any, y: Array, pullback: Callable[..., Any]) -> tuple[float, float]:
    known = bare(function)
    if known in BOUNDED:
        middle, half = BOUNDED[known]
        beyond = (abs(y - middle) > OF_RANGE * half).mean(0) >= OF_ROWS
        return 0.0, float(beyond.mean())
    if known in IN_TABLE:
        return float((abs(pullback(np.ones_like(y))).max(0) < LEAST_SLOPE).mean()), 0.0
    # It need not be elementwise, so its pullback of ones need not be its slope.
    same = np.ptp(y, axis=0) <= 1e-6 * abs(y).max(0)
    return float(same.mean()), 0.0


def _normalised(chain: Chain) -> bool:
    """Whether the first layer with a matrix is followed by a normalisation."""
    layers = list(chain.layers.values())
    first = next((i for i, layer in enumerate(layers) if "W" in layer.parameters), len(layers))
    return any(isinstance(layer, BatchNorm | LayerNorm) for layer in layers[first + 1 : first + 2])


def _is_classification(y: Array, loss: Any) -> bool:
    return y.ndim == 1 or getattr(loss, "task", "regression") == "classification"


def _constant_scores(y: Array, k: int, loss: Any) -> Array:
    """About the best scores that are the same for all rows, (k,), by the loss's link."""
    classes = y.ndim == 1
    share = np.bincount(y, minlength=k)[:k] / len(y) if classes else y.mean(0, dtype=np.float64)
    if share.shape != (k,):  # targets of one's own loss, of which nothing is known
        return np.zeros(k)
    link = getattr(loss, "link", None)
    tiny = 1e-3 / len(y)
    if classes or link is losses.softmax:
        return np.log(np.maximum(share, tiny))
    if link is losses.sigmoid_link:
        p = np.clip(share, tiny, 1.0 - tiny)
        return np.log(p / (1.0 - p))
    if link is losses.exp_link:
        return np.log(np.maximum(share, tiny))
    return share


def _spread(y: Array, z: Array, loss: Any) -> float:
    spread = z.astype(np.float64).std(0)
    if not _is_classification(y, loss):
        if y.shape != z.shape:
            return np.inf
        of_targets = y.astype(np.float64).std(0)
        if getattr(loss, "link", None) is losses.exp_link:
            of_targets = of_targets / np.maximum(abs(y.mean(0)), np.finfo(np.float64).tiny)
        varies = of_targets > 0
        if not varies.any():  # nothing to tell apart
            return np.inf
        spread = spread[varies] / of_targets[varies]
    return float(spread.max())


def _decisions(y: Array, z: Array, loss: Any) -> tuple[float, float] | None:
    if not _is_classification(y, loss):
        return None
    if y.ndim == 1 or getattr(loss, "link", None) is losses.softmax:
        said, true = z.argmax(1), y if y.ndim == 1 else y.argmax(1)
    else:
        said, true = np.packbits(z > 0, axis=1), np.packbits(y >= 0.5, axis=1)
    return _commonest(said), _commonest(true)


def _commonest(labels: Array) -> float:
    counts = np.unique(labels, axis=0, return_counts=True)[1]
    return float(counts.max() / counts.sum())
