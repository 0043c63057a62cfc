"""The gradient checker at the learner's door, and a standing set of networks to run it on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.arrays import quiet
from ..ground.contracts import Array, LabelsLike, RowsLike, WeightsLike
from ..ground.errors import InvalidInput, Problems, names_in
from ..ground.randomness import StepNoise, derive, normals, uniforms
from ..learning.gradients import GradientReport, Problem, check_problem
from ..learning.step import l2
from ..mathematics import activations, losses
from .inputs import brief, check_number
from .network import Network

__all__ = ["Case", "check_gradients", "standard_cases"]


@quiet
def check_gradients(
    network: Network,
    X: RowsLike,
    y: LabelsLike,
    sample_weight: WeightsLike | None = None,
    *,
    training: bool = True,
    max_entries: int = 200,
) -> GradientReport:
    """Check every gradient of a network on some rows, in float64, at its present weights.

    Parameters
    ----------
    network : Network
    X, y, sample_weight
        As in `Network.train`; a handful of rows is enough.
    training : bool
        Whether dropout and batch statistics act as in training.
    max_entries : int
        At most so many entries of each array are compared.

    Returns
    -------
    GradientReport
        `passed`, `max_relative_error`, `checks`; prints as a table.  Complex steps
        (Squire and Trapp 1998) for every array, tolerance 1e-12; where an activation or the loss
        has kinks, also inner products and fourth-order differences away from them, 1e-9.

    Raises
    ------
    InvalidInput
        If the rows do not fit the network.
    """
    if not isinstance(network, Network):
        raise InvalidInput(f"check_gradients takes a Network, not {brief(network)}.")
    problems = Problems()
    check_number(problems, "max_entries", max_entries, low=1, integer=True)
    prepared = network.preprocessing.with_targets_of(y, problems)
    rows = prepared.checked_rows(X, y, sample_weight, problems)
    weight = None if rows.weight is None else rows.weight.astype(np.float64)
    chain = network.chain
    problem = Problem(
        chain=chain.over(chain.theta.astype(np.float64), chain.statistics.astype(np.float64)),
        objective=network.objective,
        x=rows.x(slice(None)).astype(np.float64),
        y=rows.y if rows.y.dtype.kind == "i" else rows.y.astype(np.float64),
        weight=weight,
        total=float(len(rows)) if weight is None else float(weight.sum()),
        penalty=l2(network.settings.l2),
        noise=StepNoise(network.settings.seed, 1, np.arange(len(rows))) if training else None,
        loss_kinks=getattr(network.settings.loss.function, "kinks", ()),
    )
    return check_problem(problem, max_entries=max_entries, seed=network.settings.seed)


@dataclass(frozen=True)
class Case:
    """One network of the standing set, with rows to check it on."""

    name: str
    network: Network
    X: Array
    y: Array
    weight: Array | None
    training: bool

    def check(self) -> GradientReport:
        """Check this network on these rows."""
        return check_gradients(
            self.network, self.X, self.y, self.weight, training=self.training, max_entries=40
        )


def standard_cases(seed: int = 0) -> Iterator[Case]:
    """Every activation with every loss, then normalisation, dropout, penalties and weights."""
    combinations: list[tuple[dict[str, Any], bool]] = [
        ({"activation": a, "loss": loss}, True)
        for a, loss in itertools.product(names_in(activations), names_in(losses))
    ]
    for normalization, training in (("batch", True), ("batch", False), ("layer", True)):
        combinations += [
            ({"activation": a, "normalization": normalization}, training)
            for a in ("tanh", "relu", "gelu")
        ]
    smooth: dict[str, Any] = {"activation": "silu", "l2": 0.1}
    combinations += [
        ({**smooth, "dropout": 0.4}, True),
        ({**smooth, "normalization": "batch", "dropout": 0.4}, True),
        ({**smooth, "loss": {"name": "cross_entropy", "label_smoothing": 0.2}}, True),
        ({**smooth, "loss": {"name": "huber", "delta": 0.3}}, True),
        ({**smooth, "loss": {"name": "quantile", "level": 0.9}}, True),
        ({**smooth, "loss": {"name": "quantile", "level": [0.1, 0.5, 0.9]}}, True),
        (
            {"activation": [{"name": "elu", "alpha": 0.5}, {"name": "leaky_relu", "slope": 0.2}]},
            True,
        ),
    ]
    for number, (settings, training) in enumerate(combinations):
        yield _case(settings, training, derive(seed, "case", number))


def _case(settings: dict[str, Any], training: bool, key: int) -> Case:
    n, sizes = 7, [5, 6, 4, 3]
    network = Network(sizes, dtype="float64", seed=key % 2**31, **settings)
    chain = network.chain
    chain.theta += 0.1 * normals(derive(key, "theta"), len(chain.theta))  # biases too
    chain.statistics += 0.1 * abs(normals(derive(key, "statistics"), len(chain.statistics)))
    X = normals(derive(key, "X"), n * sizes[0]).reshape(n, -1)
    loss = network.settings.loss
    if loss.name == "cross_entropy":
        shares = uniforms(derive(key, "y"), n * sizes[-1]).reshape(n, -1)
        y = shares / shares.sum(1, keepdims=True)
    else:
        y = 2.0 * uniforms(derive(key, "y"), n * sizes[-1]).reshape(n, -1)
        y = y / 2.0 if loss.name == "binary_cross_entropy" else y
    weight = 0.5 + uniforms(derive(key, "weight"), n)
    details = [f"{k}={_told(v)}" for k, v in settings.items()]
    mode = [] if training else ["evaluation mode"]
    return Case(", ".join([*details, *mode]), network, X, y, weight, training)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return "/".join(str(v) for v in value.values())
    return "+".join(map(_told, value)) if isinstance(value, list) else str(value)
