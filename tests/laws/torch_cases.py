"""The same training by the reference and on a device, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.data.batches import Rows
from deltarule.data.scaling import Scaling
from deltarule.ground.devices import torch
from deltarule.learning.plan import Plan
from deltarule.learning.stepping import ReferenceSteps
from deltarule.learning.torch_steps import TorchSteps
from deltarule.mathematics import losses
from deltarule.network.construction import build_optimizer
from deltarule.network.network import Network

N, BATCH, STEPS = 44, 8, 50  # the last batch of an epoch is short
SIZES = [6, 7, 5, 3]

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"dropout": [0.4, 0.2]},
    "batch norm": {"normalization": "batch", "dropout": 0.3},
    "layer norm": {"normalization": "layer"},
    "clip": {"clip_norm": 0.05},
    "l2": {"l2": 0.03},
    "weight decay": {"weight_decay": 0.1},
    "average": {"average": 0.99, "normalization": "batch"},
    "schedule": {"schedule": ["warmup", "cosine"], "lr_decay": 0.01},
    "weights": {"weighted": True, "dropout": 0.1},
    "bytes": {"bytes": True},
    "everything": {
        "dropout": 0.2,
        "normalization": "batch",
        "clip_norm": 0.5,
        "l2": 0.01,
        "weight_decay": 0.05,
        "average": 0.9,
        "schedule": "one_cycle",
        "weighted": True,
    },
}
OF_PLAN = ("clip_norm", "average", "l2", "precision")


def targets(loss: Any, rng: np.random.Generator, dtype: Any) -> np.ndarray:
    """What a loss takes, of N rows."""
    name = loss["name"] if isinstance(loss, dict) else loss
    if getattr(losses, name).task == "classification":
        if name == "cross_entropy":
            return rng.integers(SIZES[-1], size=N)
        return (rng.random((N, SIZES[-1])) < 0.5).astype(dtype)
    if name == "poisson":
        return rng.poisson(2.0, (N, SIZES[-1])).astype(dtype)
    return rng.normal(size=(N, SIZES[-1])).astype(dtype)


class Course:
    """One training, a step at a time, of which everything can be compared.

    Parameters
    ----------
    device : str or None
        None for the reference; "meta" for tensors without numbers, which can only be stepped.
    """

    def __init__(self, device: str | None, dtype: str = "float64", **given: Any) -> None:
        rng = np.random.default_rng(5)
        weighted, of_bytes = given.pop("weighted", False), given.pop("bytes", False)
        of_plan = {name: given.pop(name) for name in OF_PLAN if name in given}
        X: Any = rng.normal(size=(N, SIZES[0])).astype(dtype)
        scaling = Scaling("none", np.zeros(()), np.ones(()))
        if of_bytes:
            X = rng.integers(256, size=X.shape, dtype=np.uint8)
            scaling = Scaling("unit", np.array(3.0), np.array(1 / 249))
        loss = given.get("loss", "cross_entropy")
        net = Network(SIZES, dtype=dtype, seed=3, **{"activation": "tanh", **given})
        weight = rng.uniform(0.5, 2.0, N).astype(dtype) if weighted else None
        rows = Rows(X, targets(loss, rng, dtype), scaling, np.dtype(dtype), weight)
        self.chain = self.averaged = net.chain
        self.chain.theta += 0.1 * rng.normal(size=len(self.chain.theta)).astype(dtype)
        blank = device == "meta"
        plan = Plan(99, BATCH, 7, device="cpu" if blank else device, **of_plan)
        if plan.average:
            self.averaged = net.chain.over(net.chain.theta.copy(), net.chain.statistics.copy())
        small = given.get("optimizer") == "lion" or loss == "poisson"
        self.optimizer = build_optimizer(net.settings, net.chain, 1e-3 if small else 0.01, STEPS)
        parts = (self.chain, net.objective, self.optimizer, rows, self.averaged, plan)
        self.steps: Any
        if device is None:
            self.steps = ReferenceSteps(*parts)
        else:
            where = torch().device("meta") if blank else None
            self.steps = TorchSteps(*parts, every_step=True, device=where)
        self.order_rng = np.random.default_rng(11)
        self.order, self.batch, self.t = np.arange(0), np.arange(0), 0
        self.losses: list[float] = []

    def step(self) -> None:
        """Take the next step; a new order begins where the last has ended."""
        if not len(self.order):
            self.order = self.order_rng.permutation(N)
            self.steps.load()
        self.t, self.batch = self.t + 1, self.order[:BATCH]
        with np.errstate(all="ignore"):
            self.losses += self.steps.advance(self.order, self.t).tolist()
        self.order = self.order[BATCH:]

    def run(self, steps: int = STEPS) -> Course:
        """Take many."""
        for _ in range(steps):
            self.step()
        return self

    def become(self, other: Course) -> None:
        """Stand where another stands."""
        for mine, its in zip(self.arrays(), other.arrays(), strict=True):
            mine[...] = its
        self.order, self.t = other.order, other.t
        self.steps.load()

    def arrays(self) -> list[np.ndarray]:
        """What a step changes."""
        found = [self.chain.theta, self.chain.statistics, self.optimizer.state]
        if self.averaged is not self.chain:
            found += [self.averaged.theta, self.averaged.statistics]
        return found


def apart(one: Course, other: Course) -> float:
    """The greatest ‖Δ‖/‖·‖ of what two courses hold, and of their last batch's loss and scores."""
    pairs = [*zip(one.arrays(), other.arrays(), strict=True)]
    pairs += [(np.array(one.losses[-1:]), np.array(other.losses[-1:]))]
    pairs += [(one.steps.scores[one.batch], other.steps.scores[one.batch])]
    worst = 0.0
    for a, b in pairs:
        size = np.linalg.norm(b)
        worst = max(worst, float(np.linalg.norm(a - b) / size) if size else float(abs(a).sum()))
    return worst
