"""How far the gradient of a batch lies from the gradient of all rows."""

import numpy as np
from matplotlib.figure import Figure

import deltarule as dr
from deltarule.ground.randomness import derive, permutation
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, Dense
from deltarule.mathematics import activations, losses

SIZES, DRAWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), 30


def draw() -> Figure:
    data = dr.load_data("digits")
    x, y = np.asarray(data.X, float) / 16.0, np.asarray(data.y, int)
    layers = {"one": Dense(64, 16), "f": Activation(activations.relu), "two": Dense(16, 10)}
    chain = Chain(layers, np.float64)
    chain.initialize(seed=0)

    def gradient(rows):
        z, pullback = chain(x[rows])
        pullback(losses.cross_entropy(y[rows], z, None, float(len(rows)))[1])
        return chain.grad.copy()

    every = np.arange(len(x))
    whole = gradient(every)
    apart = []
    for size in SIZES:
        drawn = [permutation(derive(0, "figure", size, i), len(x))[:size] for i in range(DRAWS)]
        squares = [((gradient(rows) - whole) ** 2).sum() for rows in drawn]
        apart.append(np.sqrt(np.mean(squares) / (whole @ whole)))
    one = np.mean([((gradient([i]) - whole) ** 2).sum() for i in every]) / (whole @ whole)
    n = np.array(SIZES)
    law = np.sqrt(one / n * (len(x) - n) / (len(x) - 1))
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.subplots()
    ax.plot(n, law, label="as derived: falls like 1/√n")
    ax.plot(n, apart, "o", label=f"measured, {DRAWS} batches each")
    ax.set(xscale="log", yscale="log", xlabel="rows in the batch, n")
    ax.set_ylabel("distance in units of ‖∇‖")
    ax.set_xticks(n, [str(i) for i in n], minor=False)
    ax.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "1", "2", "4", "8"])
    ax.minorticks_off()
    ax.legend()
    return figure
