"""The networks that every contestant trains, and their rows.

CIFAR-10 and MNIST come from `deltarule.load_data`: from the folder given by `--data` (MNIST also
from its sub-folder `mnist`), else from where `deltarule datasets get` keeps them.  A workload whose
files are missing is left out.  The other rows need no files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import deltarule as dr
from deltarule.data.scaling import learn_scaling

Array = NDArray


@dataclass(frozen=True)
class Workload:
    """A network, its batch and its rows.

    Attributes
    ----------
    name : str
    sizes : tuple of int
    batch : int
    source : str
        A key of `SOURCES`.
    task : {"classification", "regression"}
    lr : float
        Of Adam with decoupled decay, constant: a schedule would cost some peers a call per step.
    data : str
        The folder with data sets; "" for the cache folder.
    kept : str
        A file with the standardised rows, made once for all peers.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    source: str
    task: str = "classification"
    lr: float = 1e-3
    weight_decay: float = 0.01
    data: str = ""
    kept: str = ""

    def rows(self) -> tuple[Array, Array]:
        """X as its source gives it, (n, features) uint8 or float32, and y, (n,)."""
        return SOURCES[self.source](self.data, self.sizes)

    def scaled_rows(self) -> tuple[Array, Array]:
        """X standardised, float32, and y, (n,) int64 or float32: what peers are given."""
        if self.kept:
            with np.load(self.kept) as found:
                return found["X"], found["y"]
        X, y = self.rows()
        return learn_scaling("feature", X)(X, np.float32), y

    def multiply_adds(self, n: int) -> int:
        """Of one epoch over n rows: forward, ∂W, and ∂x but for the first layer, which has none."""
        products = [a * b for a, b in pairwise(self.sizes)]
        return n * (3 * sum(products) - products[0])

    def available(self) -> str:
        """Why the rows cannot be had; "" where they can."""
        try:
            self.rows()
        except dr.DeltaruleError as error:
            return str(error)
        return ""


def _images(source: str, data: str, n: int) -> tuple[Array, Array]:
    nested = Path(data, source)
    found = dr.load_data(source, data_dir=(nested if nested.is_dir() else data) if data else None)
    return found.X[:n], found.y[:n].astype(np.int64)


@cache
def cifar10(data: str, sizes: tuple[int, ...]) -> tuple[Array, Array]:
    """The first 45,000 images, as the report trains on them."""
    return _images("cifar10", data, 45_000)


@cache
def mnist(data: str, sizes: tuple[int, ...]) -> tuple[Array, Array]:
    """All 60,000 images."""
    return _images("mnist", data, 60_000)


@cache
def digits(data: str, sizes: tuple[int, ...]) -> tuple[Array, Array]:
    """The embedded digits ten times over, or an epoch would be too short to be timed."""
    found = dr.load_data("digits")
    return np.tile(found.X, (10, 1)), np.tile(found.y.astype(np.int64), 10)


@cache
def synthetic_numbers(data: str, sizes: tuple[int, ...], n: int = 40_000) -> tuple[Array, Array]:
    """Normal rows; the target is a wave along one direction plus noise."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, sizes[0]), np.float32)
    wave = np.sin(X @ random.standard_normal(sizes[0]).astype(np.float32) / 2)
    return X, (wave + 0.1 * random.standard_normal(n)).astype(np.float32)


@cache
def synthetic_classes(data: str, sizes: tuple[int, ...], n: int = 40_000) -> tuple[Array, Array]:
    """Normal rows; the class is the greatest of some curved functions, as in a table of soils."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, sizes[0]), np.float32)
    bent = np.tanh(X @ random.standard_normal((sizes[0], 32)).astype(np.float32) / 4)
    return X, (bent @ random.standard_normal((32, sizes[-1]))).argmax(1)


SOURCES: dict[str, Callable[[str, tuple[int, ...]], tuple[Array, Array]]] = {
    "CIFAR-10": cifar10,
    "MNIST": mnist,
    "digits ×10": digits,
    "synthetic numbers": synthetic_numbers,
    "synthetic classes": synthetic_classes,
}

REPORT = (3072, 100, 100, 50, 10)
WORKLOADS = {
    w.name: w
    for w in (
        Workload("cifar10-32", REPORT, 32, "CIFAR-10"),
        Workload("cifar10-64", REPORT, 64, "CIFAR-10"),
        Workload("cifar10-256", REPORT, 256, "CIFAR-10"),
        Workload("mnist-128", (784, 256, 128, 10), 128, "MNIST"),
        Workload("digits-32", (64, 100, 100, 50, 10), 32, "digits ×10"),
        Workload("regression-256", (20, 256, 256, 1), 256, "synthetic numbers", "regression"),
        Workload("table-512", (54, 512, 512, 512, 7), 512, "synthetic classes"),
    )
}
QUICK = {
    w.name: w
    for w in (
        Workload("quick-classes", (16, 16, 8, 4), 64, "synthetic classes"),
        Workload("quick-numbers", (8, 16, 1), 64, "synthetic numbers", "regression"),
    )
}


def named(name: str, data: str = "", kept: str = "") -> Workload:
    """A workload by its name, told where its rows are."""
    return replace((WORKLOADS | QUICK)[name], data=data, kept=kept)
