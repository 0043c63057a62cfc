"""One array of scores, raw and normalised along either axis."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.ground.randomness import StepNoise
from deltarule.machine.chain import Chain
from deltarule.machine.layers import BatchNorm, LayerNorm

ROWS, UNITS = 10, 7


def through(layer, x):
    chain = Chain({"only": layer}, np.float64)
    chain.initialize(seed=0)
    return chain(x, StepNoise(0, 1, np.arange(ROWS)))[0]


def draw() -> Figure:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, UNITS))
    x[3] *= 4.0  # a loud row
    x[:, 5] += 3.0  # a unit far off
    figure = Figure(figsize=(5.6, 4.1), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    shown = {
        "raw": x,
        "LayerNorm:\neach row": through(LayerNorm(UNITS), x),
        "BatchNorm:\neach column": through(BatchNorm(UNITS), x),
    }
    for ax, (title, values) in zip(axes, shown.items(), strict=True):
        picture = ax.imshow(values, vmin=-4, vmax=4)
        ax.set(title=title, xlabel="unit", xticks=range(UNITS), yticks=range(ROWS))
        ax.tick_params(length=0, labelsize=8)
    axes[0].set_ylabel("row of the batch")
    figure.colorbar(picture, ax=axes, location="bottom", shrink=0.6)
    return figure
