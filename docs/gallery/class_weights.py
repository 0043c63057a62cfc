"""A rare class, and what its errors weigh

Five rows in a hundred are of the class that matters. Left alone, a network does well on the rest
and misses most of them; with `class_weight="balanced"` each class weighs the same. Look at the
border: it moves out into the crowd, and most rare points are found, at the price of false alarms.

Picture: two panels with the same grey crowd and few orange points; in the right one the shaded
region that is called rare is much larger.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

random = np.random.default_rng(0)
y = (random.random(1200) < 0.05).astype(int)
X = random.normal(size=(1200, 2)) + 1.5 * y[:, None]

axis = np.linspace(-4, 4.5, 150)
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
figure, places = plt.subplots(1, 2, figsize=(9, 4.3), layout="constrained", sharey=True)
for axes, weight in zip(places, (None, "balanced"), strict=True):
    model = dr.MLPClassifier((20,), class_weight=weight, schedule="linear", random_state=0)
    model.fit(X, y)
    found = model.predict(X) == 1
    recall, precision = found[y == 1].mean(), y[found].mean()
    print(f"class_weight={weight}: found {recall:.0%}, of the alarms right {precision:.0%}")
    region = model.predict_proba(grid)[:, 1].reshape(150, 150) > 0.5
    axes.contourf(axis, axis, region, levels=[0.5, 1], colors=["C1"], alpha=0.25)
    axes.scatter(*X[y == 0].T, s=2, color="0.55", label="common")
    axes.scatter(*X[y == 1].T, s=9, color="C1", label="rare")
    axes.set(title=f"class_weight={weight}: {recall:.0%} found", aspect="equal")
axes.legend(loc="lower right")
figure.savefig("class_weights.svg")
