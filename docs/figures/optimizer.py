"""Weights whose gradients are pure noise, under decay and under a penalty."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import losses, optimizers

STEPS, STRENGTH = 2000, 0.3


def shrinking(size, penalty, decay):
    rng, theta = np.random.default_rng(0), np.ones(100)
    optimizer = Optimizer(
        optimizers.adam, theta, lr=1e-3, total=STEPS, weight_decay=decay, matrices=slice(0, 100)
    )
    for t in range(1, STEPS + 1):
        yield theta.mean()
        gradient = size * rng.normal(size=100) + losses.l2_penalty(theta, penalty)[1]
        optimizer.step(theta, gradient, t)


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.subplots()
    for label, size, penalty, decay, dash in (
        ("penalty, gradients of size 10", 10.0, STRENGTH, 0.0, "--"),
        ("penalty, gradients of size 1", 1.0, STRENGTH, 0.0, "-."),
        ("decay, gradients of size 10", 10.0, 0.0, STRENGTH, "-"),
        ("decay, gradients of size 1", 1.0, 0.0, STRENGTH, ":"),
    ):
        way = list(shrinking(size, penalty, decay))
        ax.plot(np.arange(STEPS)[::10], way[::10], linestyle=dash, label=label)
    ax.set(xlabel="steps of Adam", ylabel="mean weight", ylim=(0.4, 1.05))
    ax.legend(loc="lower left")
    return figure
