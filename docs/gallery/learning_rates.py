"""A sweep over learning rates

The learning rate is the first thing to search. A sweep tries nine of them, each as a run in its own
folder with a report, and leaves a page about all of them; several processes may share the work.
Look at the shape: too small a rate learns too little in the time, too large a one jumps about.

Picture: the lowest validation loss over the learning rate, both axes logarithmic: a curve falls
from the left into a valley, where a star marks the best, and rises to the right.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

rates = np.geomspace(1e-4, 1, 9).round(5).tolist()
found = dr.sweep(
    "digits",
    {"lr": {"choices": rates}},
    sampler="grid",
    pruner="none",
    trials=len(rates),
    changes={"epochs": 5},
    progress=False,
)
print(f"best of {len(found.trials)}: lr {found.best.lr:g}, validation loss {found.best_value:.3f}")

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.loglog(rates, [trial["value"] for trial in found.trials], "o-")
axes.loglog(found.best.lr, found.best_value, "*", markersize=18, label=f"best: {found.best.lr:g}")
axes.set(xlabel="learning rate", ylabel="lowest validation loss")
axes.legend()
figure.savefig("learning_rates.svg")
