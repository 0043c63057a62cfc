"""Confidence against what is right, before and after the temperature is fitted."""

import numpy as np
from matplotlib.figure import Figure

import deltarule as dr
from deltarule.mathematics import calibration, losses

TRAIN, FIT = 300, 500


def draw() -> Figure:
    data = dr.load_data("digits")
    x, y = np.asarray(data.X, float) / 16.0, np.asarray(data.y, int)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    x = x[order] + 0.35 * rng.normal(size=x.shape)  # hard to read, so that mistakes are made
    y = y[order]
    net = dr.Network([64, 64, 10], optimizer="adam", seed=0)
    net.train(x[:TRAIN], y[:TRAIN], epochs=60, batch_size=32, lr=0.01, progress=False)
    z = net.scores(x)
    held_out, new = slice(TRAIN, TRAIN + FIT), slice(TRAIN + FIT, None)
    temperature = calibration.fit_temperature(y[held_out], z[held_out])
    figure = Figure(figsize=(5.6, 3.9), layout="constrained")
    for ax, T, title in zip(
        figure.subplots(1, 2, sharey=True),
        (1.0, temperature),
        ("as trained", "T = {:.2f}"),
        strict=True,
    ):
        p = losses.softmax(z[new] / T)
        w, sure, right = calibration.reliability(y[new], p, bins=8)
        seen = w > 0
        error = calibration.expected_calibration_error(y[new], p, bins=8)
        ax.plot([0, 1], [0, 1], ":", color="C4", linewidth=1)
        ax.plot(sure[seen] / w[seen], right[seen] / w[seen], "o-", markersize=5)
        ax.vlines(sure[seen] / w[seen], right[seen] / w[seen], sure[seen] / w[seen], color="C1")
        ax.set(title=f"{title.format(T)}\nECE {error:.3f}", xlim=(0, 1), ylim=(0, 1), aspect=1)
        ax.set_xlabel("confidence")
    figure.axes[0].set_ylabel("share that is right")
    return figure
