"""Layers: the docstring is the theorem, the body the last line of its proof.              (L0)

A layer is a frozen value that holds configuration only.  Called on its parameter views p and an
input x, (n, n_in), it returns its value and its pullback, which carries g = ∂L/∂y back to ∂L/∂x
and writes the parameter gradients into p.d<name>.  `noise` given means training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..ground.arrays import namespace, sqrt, sum_rows, sum_units
from ..ground.contracts import Array, Noise, Pullback, Views
from ..mathematics.initializers import he

__all__ = ["Activation", "BatchNorm", "Dense", "Dropout", "LayerNorm"]

NOTHING: Mapping[str, tuple[int, ...]] = {}


class WithoutParameters:
    """For layers that learn nothing."""

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        """None."""
        return NOTHING

    @property
    def statistics(self) -> Mapping[str, tuple[int, ...]]:
        """None."""
        return NOTHING

    def initialize(self, p: Views, key: int) -> None:
        """There is nothing to write."""


@dataclass(frozen=True)
class Dense:
    """y = x W + b   ⇒   ∂W = xᵀ g,   ∂b = 1ᵀ g,   ∂x = g Wᵀ                              (L1)

    W is (n_in, n_out), b is (n_out,).  Without `bias` there is no b: before a batch
    normalisation, which subtracts it again, its gradient is zero.
    Rumelhart, Hinton and Williams 1986.
    """

    n_in: int
    n_out: int
    initializer: Callable[[int, int, int], Array] = he
    bias: bool = True

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        matrix = {"W": (self.n_in, self.n_out)}
        return {**matrix, "b": (self.n_out,)} if self.bias else matrix

    statistics = NOTHING

    def initialize(self, p: Views, key: int) -> None:
        p.W[...] = self.initializer(key, self.n_in, self.n_out)
        if self.bias:
            p.b[...] = 0.0

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        y = x @ p.W
        if self.bias:
            y += p.b

        def pullback(g: Array, to_input: bool = True) -> Array | None:
            namespace(g).matmul(x.T, g, out=p.dW)
            if self.bias:
                p.db[...] = sum_rows(g)
            return g @ p.W.T if to_input else None

        return y, pullback


@dataclass(frozen=True)
class Activation(WithoutParameters):
    """y = f(x)   ⇒   ∂x = g·f′(x), elementwise                                          (L2)

    f is one of `activations`, or your own function x → (y, pullback).
    """

    function: Callable[..., tuple[Array, Callable[[Array], Array]]]

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        y, to_x = self.function(x)
        return y, lambda g, to_input=True: to_x(g)


@dataclass(frozen=True)
class Dropout(WithoutParameters):
    """y = x·k/(1 − r), k = 0 with probability r, else 1   ⇒   ∂x = g·k/(1 − r)            (L3)

    Inverted: E[y] = x, so that outside training y = x.  Srivastava et al. 2014.
    """

    rate: float

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        if noise is None:
            return x, lambda g, to_input=True: g
        scale = noise.keep(x.shape, self.rate, like=x) / (1.0 - self.rate)
        return x * scale, lambda g, to_input=True: g * scale


@dataclass(frozen=True)
class LayerNorm:
    """x̂ = (x − μ)/√(σ² + ε), y = γ·x̂ + β, with μ and σ² of each row                       (L4)
    ⇒   ∂γ = 1ᵀ(g·x̂),   ∂β = 1ᵀ g,   ∂x = (h − mean h − x̂·mean(h·x̂))/√(σ² + ε),   h = g·γ

    Ba, Kiros and Hinton 2016.
    """

    size: int
    epsilon: float = 1e-5

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        return {"scale": (self.size,), "shift": (self.size,)}

    statistics = NOTHING

    def initialize(self, p: Views, key: int) -> None:
        p.scale[...] = 1.0
        p.shift[...] = 0.0

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        centred = x - sum_units(x) / self.size
        spread = sqrt(sum_units(centred * centred) / self.size + self.epsilon)
        normal = centred / spread

        def pullback(g: Array, to_input: bool = True) -> Array | None:
            p.dscale[...] = sum_rows(g * normal)
            p.dshift[...] = sum_rows(g)
            if not to_input:
                return None
            h = g * p.scale
            along = sum_units(h * normal) / self.size
            return (h - sum_units(h) / self.size - normal * along) / spread

        return normal * p.scale + p.shift, pullback


@dataclass(frozen=True)
class BatchNorm:
    """x̂ = (x − μ)/√(σ² + ε), y = γ·x̂ + β, with μ and σ² of each unit over the batch       (L5)
    ⇒   ∂γ = 1ᵀ(g·x̂),   ∂β = 1ᵀ g,   ∂x = (h − mean h − x̂·mean(h·x̂))/√(σ² + ε),   h = g·γ

    The means of the gradient run over the rows here.  Outside training μ and σ² are running
    statistics, s ← s + m(ŝ − s), constants to the gradient: ∂x = h/√(σ² + ε).  As in PyTorch, ŝ
    holds the unbiased variance.  Ioffe and Szegedy 2015.
    """

    size: int
    epsilon: float = 1e-5
    momentum: float = 0.1

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        return {"scale": (self.size,), "shift": (self.size,)}

    @property
    def statistics(self) -> Mapping[str, tuple[int, ...]]:
        return {"mean": (self.size,), "variance": (self.size,)}

    def initialize(self, p: Views, key: int) -> None:
        p.scale[...] = p.variance[...] = 1.0
        p.shift[...] = p.mean[...] = 0.0

    def __call__(self, p: Views, x: Array, noise: Noise | None = None) -> tuple[Array, Pullback]:
        if noise is None:
            spread = sqrt(p.variance + self.epsilon)
            normal = (x - p.mean) / spread
        else:
            n = len(x)
            mean = sum_rows(x) / n
            centred = x - mean
            variance = sum_rows(centred * centred) / n
            spread = sqrt(variance + self.epsilon)
            normal = centred / spread
            unbiased = variance * (n / max(n - 1, 1))
            pace = self.momentum * noise.share if n > 1 else 0.0  # one row has no variance
            p.dmean[...] = pace * (mean - p.mean)
            p.dvariance[...] = pace * (unbiased - p.variance)

        def pullback(g: Array, to_input: bool = True) -> Array | None:
            p.dscale[...] = sum_rows(g * normal)
            p.dshift[...] = sum_rows(g)
            if not to_input:
                return None
            h = g * p.scale
            if noise is not None:
                along = sum_rows(h * normal) / n
                h = h - sum_rows(h) / n - normal * along
            return h / spread

        return normal * p.scale + p.shift, pullback
