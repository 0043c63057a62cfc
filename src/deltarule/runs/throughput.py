"""What more workers bring: throughput as measured, and a model of what was not."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..distributed.workers import Workers
from ..ground.contracts import Array
from ..ground.errors import NotAvailable
from ..ground.installing import extra
from ..learning.callbacks import Callback
from ..learning.forecast import Forecast
from ..learning.training import Training
from ..network.network import Network

__all__ = ["NETWORKS", "Scale", "measure_alone", "measure_together", "predict", "told"]

NETWORKS = {
    "small": (64, 128, 64, 10),
    "report": (3072, 100, 100, 50, 10),
    "wide": (784, 2048, 2048, 10),
}
"""From one that is lost in its overheads to one that is worth a second machine."""

BATCH, STEPS, EPOCHS = 512, 10, 3
FAR = (8, 64, 512)
"""Workers of which throughput is predicted."""


@dataclass(frozen=True)
class Scale:
    """How fast one network trains, measured with some workers.

    Attributes
    ----------
    parameters : int
    rows_per_second : float
        As measured, whole epochs.
    forecast : Forecast
        The parts of its step.
    latency, per_byte : float
        Seconds to exchange a vector between two workers: latency + bytes·per_byte.
    """

    parameters: int
    rows_per_second: float
    forecast: Forecast
    latency: float
    per_byte: float


class _Watch(Callback):
    """Measures the parts of a step, then the time of the whole."""

    def on_start(self, training: Training) -> None:
        workers = training.workers
        assert workers is not None
        self.found = training.forecast()
        tiny = np.zeros(1, np.float32)
        workers.tree_sum(tiny)
        times = []
        for _ in range(20):
            began = time.perf_counter()
            workers.tree_sum(tiny)
            times.append(time.perf_counter() - began)
        rounds = max(math.log2(workers.size), 1.0)
        self.latency = min(times) / rounds if workers.size > 1 else 0.0
        self.began = time.perf_counter()
        self.rates: list[float] = []

    def on_epoch(self, training: Training) -> None:
        now = time.perf_counter()
        self.rates.append(len(training.rows) / (now - self.began))
        self.began = now


def measure_together(workers: Workers) -> dict[str, dict[str, Any]] | None:
    """Train each of NETWORKS on random rows; the leading worker gets the figures, JSON-able."""
    told = {}
    for name, sizes in NETWORKS.items():
        X, y = _rows(sizes)
        network, watch = Network(sizes, scaling="unit"), _Watch()
        options: dict[str, Any] = {"epochs": EPOCHS, "batch_size": BATCH, "progress": False}
        network.train(X, y, metrics=[], callbacks=[watch], workers=workers, **options)
        if watch.found is not None:
            told[name] = {
                "parameters": network.n_parameters,
                "rows_per_second": max(watch.rates),
                "forecast": vars(watch.found),
                "latency": watch.latency,
            }
    return told if workers.leads else None


def _rows(sizes: tuple[int, ...]) -> tuple[Array, Array]:
    generator = np.random.default_rng(0)
    n = BATCH * STEPS
    X = generator.integers(0, 256, (n, sizes[0]), dtype=np.uint8)
    return X, np.arange(n) % sizes[-1]


def measure_alone(workers: tuple[int, ...] = (1, 2)) -> dict[int, dict[str, Scale]]:
    """Start torchrun with each of these numbers of workers on this machine, and read what it says.

    Returns
    -------
    dict
        Number of workers → name of the network → Scale.

    Raises
    ------
    NotAvailable
        If torch is not installed, or the workers failed; with what they said.
    """
    try:
        import torch.distributed.run  # noqa: F401
    except ImportError:
        raise NotAvailable(f"The bench of several workers needs torch: {extra('torch')}.") from None
    found = {}
    for size in workers:
        words = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
        words += ["-m", "deltarule", "bench", "scale", "--json", "--quiet"]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            last = [line for line in done.stderr.splitlines() if line.startswith("deltarule:")]
            raise NotAvailable(
                f"{size} workers failed: {last[0] if last else done.stderr[-300:]!s}"
            )
        told = json.loads(done.stdout.splitlines()[-1])["measured"]
        found[size] = {name: _scale(facts) for name, facts in told.items()}
    return found


def _scale(facts: dict[str, Any]) -> Scale:
    forecast = Forecast(**facts["forecast"])
    size = 4 * facts["parameters"]
    per_byte = max(forecast.round - facts["latency"], 0.0) / size
    return Scale(
        facts["parameters"], facts["rows_per_second"], forecast, facts["latency"], per_byte
    )


def predict(
    one: Scale,
    workers: int,
    latency: float,
    per_byte: float,
    rows_each: int | None = None,
) -> float:
    """Rows per second of so many workers, by T(w) = rows/w·c + update + ⌈log₂ w⌉·(α + β·bytes).

    Parameters
    ----------
    one : Scale
        Measured with one worker: gives c, the time of a row, and that of the update.
    latency, per_byte : float
        α and β of the network between the workers.
    rows_each : int, optional
        Rows of each worker, where the batch grows with the workers; by default it stays.
    """
    found = one.forecast
    row = found.shards * found.shard / found.rows
    batch = found.rows if rows_each is None else rows_each * workers
    rounds = math.ceil(math.log2(workers))
    seconds = batch / workers * row + found.update
    seconds += rounds * (latency + per_byte * 4 * one.parameters)
    return batch / seconds


def told(
    found: dict[int, dict[str, Scale]], latency: float | None, per_byte: float | None
) -> tuple[str, dict[str, Any]]:
    """What was measured and what follows, as a table and as facts."""
    facts: dict[str, Any] = {}
    lines = [
        "Rows per second, and how many times as many as one worker; * by the model",
        f"{'network':<8} {'parameters':>11} {'batch':<13}"
        + "".join(f"{f'{w} workers' if w > 1 else '1 worker':>21}" for w in (*found, *FAR)),
    ]
    for name in NETWORKS:
        one, two = found[1][name], found[2][name]
        alpha = two.latency if latency is None else latency
        beta = two.per_byte if per_byte is None else per_byte
        of_network: dict[str, Any] = {"parameters": one.parameters, "latency": alpha}
        of_network["seconds_per_byte"] = beta
        for what, each in (("the same", None), (f"{BATCH} a worker", BATCH)):
            rates = {w: scales[name].rows_per_second for w, scales in found.items()}
            if each is not None:
                rates = {1: rates[1], 2: predict(one, 2, alpha, beta, each)}
            rates |= {w: predict(one, w, alpha, beta, each) for w in FAR}
            modelled = {w for w in rates if w in FAR or (each is not None and w > 1)}
            cells = [_cell(rate, rate / rates[1], w in modelled) for w, rate in rates.items()]
            parameters = f"{one.parameters:,}" if each is None else ""
            lines.append(
                f"{name if each is None else '':<8} {parameters:>11} {what:<13}" + "".join(cells)
            )
            of_network[what] = {str(w): rate for w, rate in rates.items()}
        of_network["predicted_2"] = predict(one, 2, two.latency, two.per_byte)
        facts[name] = of_network
    return "\n".join(lines), {"rows_per_second": facts}


def _cell(rate: float, ratio: float, modelled: bool) -> str:
    times = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
    return f"{f'{rate:,.0f} ({times}×)' + ('*' if modelled else ''):>21}"
