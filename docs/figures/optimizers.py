"""Five rules in a long narrow valley."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import optimizers

CURVATURE = np.array([1.0, 30.0])
START, STEPS = (-4.0, 0.9), 60
SHOWN = (
    ("sgd", optimizers.sgd, 0.06, {}, "o"),
    ("sgd, momentum 0.9", optimizers.sgd, 0.006, {"momentum": 0.9}, "s"),
    ("rmsprop", optimizers.rmsprop, 0.02, {}, "^"),
    ("adam", optimizers.adam, 0.3, {}, "D"),
    ("lion", optimizers.lion, 0.07, {}, "v"),
)


def loss(theta):
    return 0.5 * (CURVATURE * theta**2).sum(-1)


def path(rule, lr, options):
    theta = np.array(START)
    optimizer = Optimizer(rule, theta, lr=lr, total=STEPS, options=options)
    yield theta.copy()
    for t in range(1, STEPS + 1):
        optimizer.step(theta, CURVATURE * theta, t)
        yield theta.copy()


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1)
    u, v = np.meshgrid(np.linspace(-4.6, 2, 200), np.linspace(-1.3, 1.3, 120))
    height = loss(np.stack([u, v], axis=-1))
    above.contour(u, v, height, levels=[0.1, 0.6, 2, 5, 10, 17], colors="C4", linewidths=0.6)
    for label, rule, lr, options, mark in SHOWN:
        way = np.array(list(path(rule, lr, options)))
        style = {"marker": mark, "markersize": 3, "markevery": 6, "linewidth": 1.2}
        above.plot(*way.T, label=label, **style)
        below.plot(loss(way), **style)
    above.set(title="the ways, from (−4, 0.9); the floor lies at (0, 0)", xlim=(-4.6, 2))
    below.set(yscale="log", xlabel="steps", title="loss", ylim=(1e-5, 100))
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
