"""The exact test: all sums that the signs could have made, and those as far out as the data's."""

from itertools import product

import numpy as np
from matplotlib.figure import Figure

from deltarule.mathematics.statistics import sign_flip_p, smallest_p

# Differences of accuracy, in points, of two arms over eight seeds.
D = np.array([0.9, 0.4, 1.1, -0.3, 0.6, 0.8, -0.2, 0.7])


def draw() -> Figure:
    sums = np.array([np.dot(s, D) for s in product((-1, 1), repeat=len(D))])
    figure = Figure(figsize=(5.6, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1)
    edges = np.arange(-5.1, 5.2, 0.2)  # one bar for each sum
    far = abs(sums) >= abs(D.sum()) - 1e-9
    above.hist(
        [sums[~far], sums[far]], edges, stacked=True, label=["nearer to 0", "as far or farther"]
    )
    above.axvline(D.sum(), color="C3", linestyle="--", label="the data")
    above.set(xlabel="sum of the differences, signs as they fall", ylabel="choices of signs")
    above.set_title(f"p = {far.sum()}/{len(sums)} = {sign_flip_p(D):.3f}")
    above.legend(loc="upper left", fontsize=8.5)
    n = np.arange(2, 13)
    below.plot(n, [smallest_p(int(k)) for k in n], "o-", label="all differences of one sign")
    below.axhline(0.05, color="C4", linestyle=":")
    below.text(12, 0.055, "0.05", color="C4", ha="right", va="bottom")
    below.set(yscale="log", xlabel="seeds, n", title="the smallest p that n pairs can show")
    below.set_xticks(n)
    return figure
