"""The whole gradient of a network as one vector, coloured by the view each entry belongs to."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, Dense
from deltarule.mathematics import activations, losses

SIZES = (6, 5, 4, 3)


def draw() -> Figure:
    layers = {}
    for i, (n_in, n_out) in enumerate(pairwise(SIZES), 1):
        layers[f"f{i}"] = Activation(activations.tanh if i > 1 else activations.identity)
        layers[f"layer {i}"] = Dense(n_in, n_out)
    chain = Chain(layers, np.float64)
    chain.initialize(seed=0)
    rng = np.random.default_rng(0)
    z, pullback = chain(rng.normal(size=(8, SIZES[0])))
    pullback(losses.cross_entropy(rng.integers(0, SIZES[-1], 8), z, None, 8.0)[1])
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.subplots()
    ends = np.cumsum([chain.layout.view(chain.theta, name).size for name in chain.layout])
    for name, end in zip(chain.layout, ends, strict=True):
        view = chain.layout.view(chain.grad, name).ravel()
        colour = f"C{int(name[6]) - 1}"
        matrix = name.endswith("W")
        place = np.arange(end - view.size, end)
        ax.bar(place, view, width=1.0, color=colour, alpha=1.0 if matrix else 0.55, linewidth=0)
        if matrix:
            ax.text(
                end - view.size / 2 - 0.5,
                1.02,
                f"∂W{name[6]}",
                color=colour,
                ha="center",
                va="bottom",
                transform=ax.get_xaxis_transform(),
            )
        ax.axvline(end - 0.5, color="C4", linewidth=0.5)
    first = chain.layout.matrices.stop
    ax.text(
        (first + ends[-1]) / 2,
        1.02,
        "∂b1 ∂b2 ∂b3",
        ha="center",
        va="bottom",
        transform=ax.get_xaxis_transform(),
    )
    ax.axhline(0, color="C4", linewidth=0.6)
    ax.set(xlabel="place in ∇", ylabel="entry of ∇", xlim=(-0.5, ends[-1] - 0.5))
    return figure
