"""A loss of your own, checked

Waiting longer than was said costs nine times as much as waiting less. A loss is a function that
returns its value of each row and its derivative; the library weighs the rows, and the gradient
checker compares the two to twelve digits. Look at the two curves: the careful one keeps most points
below it.

Picture: waiting times over the hour of the day, a curve through their middle, another far above.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr


@dr.losses.of_rows("regression")
def late_costs_more(y, z):
    r = z - y  # the prediction minus the truth
    c = np.where(r < 0, 9, 1)
    return c * r * r, 2 * c * r


random = np.random.default_rng(0)
hour = random.uniform(6, 22, (1500, 1))
wait = 10 + 6 * np.cos((hour[:, 0] - 8) * 0.8) + random.gamma(2, 2, 1500)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.scatter(hour, wait, s=5, color="0.55")
for loss in ("squared_error", late_costs_more):
    net = dr.Network([1, 64, 1], activation="tanh", loss=loss, scaling="feature")
    assert dr.check_gradients(net, hour[:9], wait[:9]).passed
    net.train(hour, wait, epochs=60, lr=0.02, progress=False)
    name = getattr(loss, "__name__", loss)
    print(f"{name}: {(wait <= net.predict(hour)).mean():.0%} of the points lie below")
    axes.plot(np.sort(hour, 0), net.predict(np.sort(hour, 0)), label=name)
axes.set(xlabel="hour", ylabel="minutes")
axes.legend()
figure.savefig("custom_loss.svg")
