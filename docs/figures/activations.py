"""The eleven activations and their derivatives."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics import activations


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 6.2), layout="constrained")
    axes = figure.subplots(4, 3, sharex=True, sharey=True).ravel()
    x = np.linspace(-4, 4, 401)
    for name, ax in zip(activations.__all__, axes, strict=False):
        y, pullback = getattr(activations, name)(x)
        ax.axhline(0, color="C4", linewidth=0.6)
        ax.axvline(0, color="C4", linewidth=0.6)
        ax.plot(x, y)
        slope = pullback(np.ones_like(x))
        slope[1:][abs(np.diff(slope)) > 0.1] = np.nan  # a jump is no line
        ax.plot(x, slope, linestyle="--")
        ax.set(title=name, ylim=(-2, 4))
    axes[-1].set_axis_off()
    axes[-1].plot([], [], label="f(x)")
    axes[-1].plot([], [], linestyle="--", label="f′(x)")
    axes[-1].legend(loc="center")
    axes[8].tick_params(labelbottom=True)
    return figure
