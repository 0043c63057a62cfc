"""The eight schedules over a run of 300 steps."""

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics import schedules

TOTAL = 300
OPTIONS = {"exponential": {"decay": 0.01}, "step": {"factor": 0.3}}


def draw() -> Figure:
    figure = Figure(figsize=(5.6, 5.6), layout="constrained")
    axes = figure.subplots(4, 2, sharex=True, sharey=True).ravel()
    done = np.arange(0, TOTAL + 1, 2)
    for name, ax in zip(schedules.__all__, axes, strict=True):
        factor = [getattr(schedules, name)(t, TOTAL, **OPTIONS.get(name, {})) for t in done]
        ax.fill_between(done, factor, alpha=0.2, linewidth=0)
        ax.plot(done, factor)
        ax.set(title=name, ylim=(0, 1.08))
    for ax in axes[-2:]:
        ax.set_xlabel("steps done")
    return figure
