"""Calibration: does 90 % mean 90 %?

A network that knows its training rows by heart is too sure of itself. One number, the temperature,
is fitted on rows held out and divides the scores. Look at the line that comes back to the diagonal:
every prediction stays what it was, but now its probability can be believed.

Picture: the share of right answers over the confidence of the network; before, the points lie far
below the diagonal, after, they follow it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification

import deltarule as dr

X, y = make_classification(5000, 40, n_informative=8, n_classes=3, flip_y=0.1, random_state=0)
X, X_val, X_new = X[:300], X[300:1000], X[1000:]
y, y_val, y_new = y[:300], y[300:1000], y[1000:]

figure, axes = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
axes.plot([0.3, 1], [0.3, 1], ":", color="0.5")
for calibrate, label in ((False, "before"), (True, "after")):
    model = dr.MLPClassifier(
        (200,), calibrate=calibrate, schedule="linear", learning_rate_init=0.01, random_state=0
    ).fit(X, y, X_val=X_val, y_val=y_val)
    sure, right = model.predict_proba(X_new).max(axis=1), model.predict(X_new) == y_new
    print(f"{label}: mean confidence {sure.mean():.2f}, right {right.mean():.2f}")
    bins = np.digitize(sure, np.linspace(0.4, 1, 7)[:-1])
    points = [(sure[bins == b].mean(), right[bins == b].mean()) for b in np.unique(bins)]
    axes.plot(*np.transpose(points), "o-", label=label)
axes.set(xlabel="confidence", ylabel="share of right answers")
axes.legend()
figure.savefig("calibration.svg")
