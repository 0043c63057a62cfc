"""Losses of one residual, and their gradients."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics import losses

SHOWN = {
    "squared error": (losses.squared_error, {}, "-"),
    "half squared error": (losses.half_squared_error, {}, (0, (6, 1.5))),
    "absolute error": (losses.absolute_error, {}, (0, (4, 1.2, 1, 1.2))),
    "Huber, δ = 1": (losses.huber, {}, "--"),
    "quantile, τ = 0.9": (losses.quantile, {"level": 0.9}, ":"),
}


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    r = np.linspace(-3, 3, 601)
    zero = np.zeros((1, 1))
    for label, (loss, options, dash) in SHOWN.items():
        both = [loss(zero, np.array([[z]]), None, 1.0, **options) for z in r]
        above.plot(r, [value for value, _ in both], linestyle=dash, label=label)
        slope = np.array([g[0, 0] for _, g in both])
        slope[1:][abs(np.diff(slope)) > 0.5] = np.nan
        below.plot(r, slope, linestyle=dash)
    above.set(ylim=(0, 4), title="loss")
    below.set(ylim=(-3, 3), title="gradient", xlabel="residual  z − y")
    above.legend(loc="upper center")
    return figure
