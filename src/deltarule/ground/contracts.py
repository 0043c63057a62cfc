"""The letters, and the shapes that everything fits.

The letters, fixed here once:

    x       input of a function or layer, (n, n_in)
    y       output of a function or layer; at a loss, the target
    z       scores: what the last layer returns, (n, n_out)
    g       incoming gradient, ∂L/∂y, of the shape of y
    p       the parameters of one layer: p.W and p.b, and p.dW and p.db for their gradients
    theta   θ, all parameters of a network, one flat vector (n_parameters,)
    grad    ∇, the gradient of the loss with respect to θ, one flat vector
    t       the step, counted from 1
    lr      η, the learning rate

Rows are samples: x is (n_samples, n_features).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Activation",
    "Array",
    "Batch",
    "Initializer",
    "LabelsLike",
    "Layer",
    "Loss",
    "Noise",
    "Objective",
    "PieceLike",
    "Pullback",
    "Reduce",
    "RowsLike",
    "Schedule",
    "Shaped",
    "Views",
    "WeightsLike",
]

Array = NDArray[Any]
"""A NumPy array, or a torch tensor where the torch engine runs the same code."""

Reduce = Callable[[Array, Array], Array]
"""reduce(L, outgoing) → L: sums the loss, and a flat vector in place, over all shards of a batch:
the only communication of training."""

Views = SimpleNamespace
"""A layer's windows on the flat vectors: p.W, p.b of θ, p.dW, p.db of ∇."""

Schedule = Callable[[float, float], float]
"""schedule(done, total) → the factor of the learning rate after `done` of `total` steps."""

Objective = Callable[[Array, Array, "Array | None", float], tuple[Array, Array]]
"""objective(y, z, weight, total) → (L, ∂L/∂z): a loss whose options are bound."""


class Shaped(Protocol):
    """A data frame, a column of one, a sparse matrix, a table: of whichever library."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows first."""
        ...


RowsLike: TypeAlias = ArrayLike | Shaped | Mapping[str, Any]
"""What a user may pass as X; columns by name where the network has an encoder."""

LabelsLike: TypeAlias = ArrayLike | Shaped
"""What a user may pass as y, or as a list of classes."""

WeightsLike: TypeAlias = ArrayLike | Shaped
"""What a user may pass as the weights of rows."""

PieceLike: TypeAlias = str | Mapping[str, Any] | Callable[..., Any]
"""A piece of a network by its name, by {"name": …} with options, or a function of one's own."""


class Pullback(Protocol):
    """Carries ∂L/∂y back to ∂L/∂x and writes the parameter gradients on its way.

    With `to_input=False` only the parameter gradients are wanted and None may come back: the
    lowest layer's ∂L/∂x is a third of its work and nobody reads it while training.
    """

    def __call__(self, g: Array, to_input: bool = True) -> Array | None: ...


class Activation(Protocol):
    """activation(x) → (y, pullback): an elementwise function and its derivative.

    `kinks` are the points where it has no derivative; the docstring states the subgradient.
    """

    kinks: tuple[float, ...]

    def __call__(self, x: Array) -> tuple[Array, Callable[[Array], Array]]: ...


class Loss(Protocol):
    """loss(y, z, weight, total, **options) → (L, ∂L/∂z), of the same function.

    L = Σᵢ wᵢ ℓ(yᵢ, zᵢ) / total, where `total` is the weight of the *global* batch, so that the
    losses and gradients of shards add up exactly.  `weight` None means that every row weighs 1.
    """

    def __call__(
        self, y: Array, z: Array, weight: Array | None, total: float, **options: Any
    ) -> tuple[Array, Array]: ...


class Initializer(Protocol):
    """initializer(key, n_in, n_out) → W, (n_in, n_out), float64; a function of its arguments."""

    def __call__(self, key: int, n_in: int, n_out: int) -> Array: ...


class Noise(Protocol):
    """What a layer needs to know of a training step; that it is given means training.

    `share` is the part of the global batch's rows that this batch holds: increments of running
    statistics are multiplied by it, so that those of shards add up.
    """

    @property
    def share(self) -> float:
        """len(rows) / rows of the global batch."""
        ...

    def keep(self, shape: tuple[int, ...], rate: float, like: Array) -> Array:
        """A 0/1 array in which each entry is 0 with probability `rate`."""
        ...

    def of_layer(self, index: int) -> Noise:
        """The noise of one layer."""
        ...


class Layer(Protocol):
    """Configuration only, a frozen value; called, it returns its value and its pullback.

    A training call (noise given) of a layer with running statistics also writes their increments
    into p.d<name>, which lies behind ∇ and travels in the same reduction.
    """

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the parameters, by name."""
        ...

    @property
    def statistics(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the running statistics, by name."""
        ...

    def initialize(self, p: Views, key: int) -> None:
        """Write the initial parameters and statistics into their views."""
        ...

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        """The value, and its pullback: the closure is the cache."""
        ...


@dataclass(frozen=True)
class Batch:
    """One mini-batch, ready for the step.

    Attributes
    ----------
    x : array, (n, n_features)
    y : array, (n,) integer labels, or (n, n_outputs) targets
    weight : array, (n,), or None
        Sample weights.
    total : float
        The weight of the global batch, by which the loss divides.
    noise : Noise or None
        What the step's randomness is a function of; None in evaluation.
    """

    x: Array
    y: Array
    weight: Array | None
    total: float
    noise: Noise | None = None
