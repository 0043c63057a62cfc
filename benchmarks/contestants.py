"""Who runs: the name in the tables, the module in `peers`, and what it is told."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass, field
from itertools import pairwise

from workloads import Workload

# Updating all parameters as one vector saves JAX calls where they are few, and costs it dearly
# where they are many; the compiled step of PyTorch must earn its compilation.
FEW_PARAMETERS = 200_000


@dataclass(frozen=True)
class Contestant:
    """One way to train and to predict.

    Attributes
    ----------
    name : str
        In the tables.
    module : str
        In the folder `peers`; it has `train`, `predictor` or both.
    package : str
        What must be importable.
    options : dict
        Keyword arguments of `train` and `predictor`.
    environment : dict
        Of its process, besides the numbers of threads.
    ours : bool
        Whether it is deltarule.
    only_small : bool
        Whether it competes only where parameters are few.
    """

    name: str
    module: str
    package: str
    options: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    ours: bool = False
    only_small: bool = False

    def why_absent(self) -> str:
        """What is missing; "" where nothing is."""
        missing = importlib.util.find_spec(self.package) is None
        return f"{self.package} is not installed" if missing else ""

    def suits(self, work: Workload) -> bool:
        """Whether it competes on a workload."""
        size = sum((a + 1) * b for a, b in pairwise(work.sizes))
        return not self.only_small or size < FEW_PARAMETERS


OURS = "deltarule"
BF16 = "deltarule, bf16"
REFERENCE = "deltarule, reference"
SCIKIT_LEARN = "scikit-learn"
TORCH = "PyTorch"
NUMPY = "NumPy"

TRAINERS = {
    c.name: c
    for c in (
        Contestant(OURS, "deltarule_net", "deltarule", {"engine": "fast"}, ours=True),
        Contestant(
            BF16, "deltarule_net", "deltarule", {"engine": "fast", "precision": "bf16"}, ours=True
        ),
        Contestant(REFERENCE, "deltarule_net", "deltarule", {"engine": "reference"}, ours=True),
        Contestant("JAX", "jax_scan", "optax"),
        Contestant("JAX, one vector", "jax_scan", "optax", {"variant": "flat"}, only_small=True),
        Contestant(TORCH, "torch_steps", "torch"),
        Contestant("PyTorch, compiled", "torch_steps", "torch", {"variant": "compiled"}),
        Contestant(SCIKIT_LEARN, "scikit_learn", "sklearn"),
        Contestant("Keras", "keras_fit", "keras", environment={"KERAS_BACKEND": "jax"}),
        Contestant("skorch", "skorch_net", "skorch"),
    )
}
PREDICTORS = {
    c.name: c
    for c in (
        Contestant(OURS, "deltarule_net", "deltarule", {"engine": "fast"}, ours=True),
        Contestant(SCIKIT_LEARN, "scikit_learn", "sklearn"),
        Contestant(TORCH, "torch_steps", "torch"),
        Contestant(NUMPY, "numpy_chain", "numpy"),
    )
}


def versions() -> dict[str, str]:
    """Of every package that takes part and is installed."""
    packages = ("deltarule", "numpy", "scipy", "scikit-learn", "torch", "jax", "jaxlib", "optax")
    found = {}
    for package in (*packages, "keras", "skorch"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
