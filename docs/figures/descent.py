"""The loss of the worked example as a function of one weight, and the way down."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, Dense
from deltarule.mathematics import activations, losses

X, Y = np.array([[2.0]]), np.array([[1.0]])
LR, STEPS = 0.01, 4


def at(w1):
    """The loss and its slope where the first weight is w1, by the machine."""
    layers = {"one": Dense(1, 1), "f": Activation(activations.relu), "two": Dense(1, 1)}
    chain = Chain(layers, np.float64)
    one, two = chain.views["one"], chain.views["two"]
    one.W[...], two.W[...], two.b[...] = w1, 3.0, -1.0
    z, pullback = chain(X)
    value, g = losses.squared_error(Y, z, None, 1.0)
    pullback(g)
    return float(value), float(one.dW[0, 0])


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    ax = figure.subplots()
    w = np.linspace(-0.3, 0.75, 400)
    ax.plot(w, [at(place)[0] for place in w], label="loss")
    place, places = 0.5, []
    value, slope = at(place)
    near = np.array([0.38, 0.66])
    ax.plot(near, value + slope * (near - place), "--", label=f"tangent at 0.5, slope {slope:g}")
    for _ in range(STEPS + 1):
        places.append((place, at(place)[0]))
        place -= LR * at(place)[1]
    ax.plot(*np.array(places).T, "o:", color="C3", markersize=5, label="four steps, η = 0.01")
    ax.set(xlabel="first weight  w₁", ylabel="loss  ℓ", ylim=(-0.9, 4.6))
    ax.legend(loc="lower left")
    return figure
