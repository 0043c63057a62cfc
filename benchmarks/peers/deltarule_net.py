"""deltarule as a user calls it: `Network.train` on the rows as their source gives them."""

from __future__ import annotations

from collections.abc import Callable

from workloads import Array, Workload

import deltarule as dr


def network(work: Workload, X: Array) -> dr.Network:
    """The workload's network; pixels are standardised inside, other rows are so already."""
    return dr.Network(
        work.sizes,
        loss="squared_error" if work.task == "regression" else "cross_entropy",
        weight_decay=work.weight_decay,
        scaling="feature" if X.dtype.kind == "u" else "none",
        standardize_targets=False,
    )


class Ticks(dr.Callback):
    """Ends each epoch."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self.tick = tick

    def on_start(self, training) -> None:
        """Everything is ready."""
        self.tick()

    def on_epoch(self, training) -> None:
        """An epoch is over, its loss and accuracy are known."""
        self.tick()


def train(work: Workload, tick: Callable[[], None], **options: str) -> None:
    """Epochs for ever; `tick` ends each."""
    X, y = work.rows()
    network(work, X).train(
        X,
        y,
        epochs=10**6,
        batch_size=work.batch,
        lr=work.lr,
        progress=False,
        callbacks=[Ticks(tick)],
        **options,
    )


def predictor(work: Workload, **options: str) -> tuple[Callable[[Array], Array], Array]:
    """X → probabilities, and rows as their source gives them."""
    X, y = work.rows()
    net = network(work, X)
    net.prepare(X, y)
    return net.predict_proba, X
