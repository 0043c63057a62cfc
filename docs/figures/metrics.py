"""Three metrics of one screening, at every threshold."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics import metrics


def draw() -> Figure:
    rng = np.random.default_rng(0)
    sick = (np.arange(2000) < 100).astype(int)
    score = rng.normal(size=2000) + 1.8 * sick
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.subplots()
    threshold = np.linspace(-3, 5, 161)
    for metric, label, dash in (
        (metrics.accuracy, "accuracy", "-"),
        (metrics.balanced_accuracy, "balanced accuracy", "--"),
        (metrics.f1_macro, "F1, mean of both classes", "-."),
    ):
        value = np.array([metric(sick, (score > bound).astype(int)) for bound in threshold])
        (line,) = ax.plot(threshold, value, linestyle=dash, label=label)
        best = value.argmax()
        ax.plot(threshold[best], value[best], "o", color=line.get_color(), markersize=6)
    ax.set(ylim=(0, 1.02), xlabel="a score above … is called sick")
    ax.legend(loc="lower right")
    return figure
