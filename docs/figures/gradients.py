"""The error of three ways to find a derivative, by the length of the step."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics import activations

AT = 0.7


def f(x):
    return activations.gelu(np.array([x]))[0][0]


def draw() -> Figure:
    truth = activations.gelu(np.array([AT]))[1](np.ones(1))[0]
    steps = np.logspace(-16, 0, 97)
    plain = [(f(AT + h) - f(AT)) / h for h in steps]
    fourth = [
        (f(AT - 2 * h) - f(AT + 2 * h) + 8 * (f(AT + h) - f(AT - h))) / (12 * h) for h in steps
    ]
    exact = [f(AT + 1j * h).imag / h for h in steps]
    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    ax = figure.subplots()
    for label, found, dash in (
        ("two values of f", plain, "-"),
        ("four values (G3)", fourth, "--"),
        ("complex step (G1)", exact, "-."),
    ):
        error = np.maximum(abs(np.array(found) - truth) / truth, 1e-17)
        ax.plot(steps, error, linestyle=dash, label=label)
    ax.axhline(np.finfo(float).eps, color="C4", linewidth=0.8)
    ax.text(1.0, 1.6 * np.finfo(float).eps, "machine precision", color="C4", ha="right")
    ax.set(xscale="log", yscale="log", xlabel="h", ylabel="relative error of f′", ylim=(5e-18, 10))
    ax.legend(loc="upper center")
    return figure
