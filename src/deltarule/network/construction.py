"""From settings to layers (Dense, normalisation, activation, dropout) and to their optimizer."""

from __future__ import annotations

import itertools

from ..ground.contracts import Layer
from ..machine.chain import Chain
from ..machine.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from ..machine.optimizer import Optimizer
from .settings import Settings

__all__ = ["build_chain", "build_layers", "build_optimizer"]

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
    """A chain of those layers, with its initial weights."""
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
