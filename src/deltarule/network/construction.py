"""From settings to layers (Dense, normalisation, activation, dropout) and to their optimizer."""

from __future__ import annotations

import itertools

import numpy as np

from ..ground.contracts import Layer
from ..ground.memory import require_memory
from ..machine.chain import Chain
from ..machine.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from ..machine.optimizer import Optimizer
from .settings import Settings

__all__ = ["build_chain", "build_layers", "build_optimizer"]

# Of each weight: a random number in float64, and what it is scaled to.
DRAWN_BYTES = 16
NORMALIZATION_LAYERS = {"batch": BatchNorm, "layer": LayerNorm}


def build_layers(settings: Settings) -> dict[str, Layer]:
    """The named layers: 'dense1', 'batchnorm1', 'relu1', 'dropout1', 'dense2', …"""
    layers: dict[str, Layer] = {}
    initializer = settings.initializer.bound
    sizes = settings.sizes
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes), 1):
        last = i == len(sizes) - 1
        bias = last or settings.normalization != "batch"
        layers[f"dense{i}"] = Dense(n_in, n_out, initializer, bias)
        if last:
            break
        if settings.normalization:
            layers[f"{settings.normalization}norm{i}"] = NORMALIZATION_LAYERS[
                settings.normalization
            ](n_out)
        activation = settings.activation[i - 1] if settings.activation else None
        if activation:
            layers[f"{activation.name}{i}"] = Activation(activation.bound)
        if settings.dropout[i - 1]:
            layers[f"dropout{i}"] = Dropout(settings.dropout[i - 1])
    return layers


def build_chain(settings: Settings) -> Chain:
    """A chain of those layers, with its initial weights.

    Raises
    ------
    InvalidInput
        If θ, ∇ and what the largest matrix is drawn from would not fit into memory.
    """
    matrices = [a * b for a, b in itertools.pairwise(settings.sizes)]
    needed = 2 * np.dtype(settings.dtype).itemsize * sum(matrices) + DRAWN_BYTES * max(matrices)
    require_memory(needed, f"A network of {sum(matrices):,} weights", "make the layers smaller")
    chain = Chain(build_layers(settings), settings.dtype)
    chain.initialize(settings.seed)
    return chain


def build_optimizer(settings: Settings, chain: Chain, lr: float, total: int) -> Optimizer:
    """The settings' rule, schedule and decay, for a training of `total` steps."""
    return Optimizer(
        settings.optimizer.function,
        chain.theta,
        lr=float(lr),
        total=total,
        schedule=settings.factor(),
        weight_decay=settings.weight_decay,
        matrices=chain.layout.matrices,
        options=settings.optimizer.options,
    )
