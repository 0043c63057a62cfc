"""Quantiles: how far off may the prediction be?

One network with three outputs learns the 5 %, 50 % and 95 % quantile of y at every x, by the
pinball loss. The noise here grows with x, which a single ± could not say. Look at how the band
widens, and at the share of new points inside it: it should be 90 %.

Picture: a cloud of points that follows a wave and spreads out to the right, a line through its
middle, and a shaded band that widens with it.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

random = np.random.default_rng(0)
x = random.uniform(0, 6, (2000, 1)).astype(np.float32)
y = np.sin(2 * x[:, 0]) + (0.1 + 0.2 * x[:, 0]) * random.normal(size=2000)

loss = {"name": "quantile", "level": [0.05, 0.5, 0.95]}
net = dr.Network([1, 64, 64, 3], loss=loss, activation="tanh", scaling="unit", schedule="cosine")
net.train(x[:1600], y[:1600], epochs=100, lr=0.02, progress=False)

low, middle, high = net.predict(x[1600:]).T
inside = (low <= y[1600:]) & (y[1600:] <= high)
print(f"inside the band: {inside.mean():.1%} of 400 new points")

line = np.linspace(0, 6, 200, dtype=np.float32)[:, None]
low, middle, high = net.predict(line).T
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.scatter(x[1600:], y[1600:], s=8, color="C1", alpha=0.6, label="new points")
axes.fill_between(line[:, 0], low, high, color="C0", alpha=0.25, label="5 % to 95 %")
axes.plot(line, middle, color="C0", label="50 %")
axes.set(xlabel="x", ylabel="y")
axes.legend(loc="upper left")
figure.savefig("quantiles.svg")
