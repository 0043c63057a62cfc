"""What the size of the first weights does to a signal, and to its directions."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics import activations, initializers

LAYERS, UNITS = 20, 200


def sizes(initializer, activation):
    x = np.random.default_rng(0).normal(size=(50, UNITS))
    yield (x**2).mean()
    for key in range(LAYERS):
        x = activation(x @ initializer(key, UNITS, UNITS))[0]
        yield (x**2).mean()


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1)
    relu, selu = activations.relu, activations.selu
    above.plot(list(sizes(initializers.he, relu)), label="he, ReLU")
    above.plot(list(sizes(initializers.lecun, selu)), linestyle="--", label="lecun, SELU")
    above.plot(list(sizes(initializers.lecun, relu)), linestyle=":", label="lecun, ReLU")
    above.plot(list(sizes(initializers.he, selu)), linestyle="-.", label="he, SELU")
    above.set(yscale="log", xlabel="layers passed", title="mean square of the signal")
    above.set_xticks(range(0, LAYERS + 1, 5))
    above.legend()
    for label, rule, depth, dash in (
        ("lecun, 1 layer", initializers.lecun, 1, "-"),
        ("lecun, 5 layers", initializers.lecun, 5, "--"),
        ("orthogonal, 5 layers", initializers.orthogonal, 5, "-."),
    ):
        product = np.eye(UNITS)
        for key in range(depth):
            product = product @ rule(key, UNITS, UNITS)
        values = np.linalg.svd(product, compute_uv=False)
        below.plot(np.arange(1, UNITS + 1), values, linestyle=dash, label=label)
    below.set(yscale="log", ylim=(1e-6, 30), xlabel="number of the direction, largest first")
    below.set_title("how much a direction is stretched (singular values)")
    below.legend()
    return figure
