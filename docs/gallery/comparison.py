"""Is it better, or was it luck?

A comparison gives both recipes the same seeds, so that each difference is between two runs that
share their rows, their order and their first weights. Then it says what the differences show, and
no more. Look at the lines: all of them fall, and six of six are the fewest that are evidence.

Picture: six lines, one for each seed, from the accuracy with ReLU on the left to that with sigmoid
on the right; every one of them falls.
"""

import matplotlib.pyplot as plt

import deltarule as dr

found = dr.compare(
    "digits",
    vary={"activation": ["relu", "sigmoid"]},
    seeds=6,
    changes={"epochs": 5},
    progress=False,
)
print(*found.verdict, sep="\n")

figure, axes = plt.subplots(figsize=(5.6, 4), layout="constrained")
relu, sigmoid = (arm["runs"] for arm in found.arms.values())
for one, other in zip(relu, sigmoid, strict=True):
    axes.plot(list(found.arms), [one["best"], other["best"]], "o-", label=f"seed {one['seed']}")
axes.set(ylabel="accuracy on rows held out", xlim=(-0.2, 1.6))
axes.legend()
figure.savefig("comparison.svg")
