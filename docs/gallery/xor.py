"""XOR, the problem that needs a hidden layer

No straight line separates the corners where the two inputs differ from those where they agree, so
a network without a hidden layer cannot learn it. Four hidden units can. Look at the band that they
lay over the two corners whose inputs agree.

Picture: a square shaded by the predicted probability; a blue band, near 0, joins the corners (0, 0)
and (1, 1), and the corners (0, 1) and (1, 0), whose answer is 1, lie in red on either side of it.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
y = np.array([0, 1, 1, 0])

net = dr.Network([2, 4, 2], activation="tanh", seed=1)
history = net.train(X, y, epochs=300, batch_size=4, lr=0.05, progress=False)
print("loss", round(history["train_loss"][0], 2), "to", round(history["train_loss"][-1], 4))
print("predicted", net.predict(X), "true", y)

axis = np.linspace(-0.3, 1.3, 200)
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
one = net.predict_proba(grid)[:, 1].reshape(200, 200)

figure, axes = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
extent = (-0.3, 1.3, -0.3, 1.3)
shades = axes.imshow(one, origin="lower", extent=extent, vmin=0, vmax=1, cmap="RdYlBu_r")
for answer, marker in ((0, "o"), (1, "s")):
    axes.scatter(*X[y == answer].T, s=120, c="white", edgecolors="black", marker=marker, zorder=3)
axes.set(xlabel="first input", ylabel="second input")
figure.colorbar(shades, label="probability of 1", ticks=[0, 0.5, 1])
figure.savefig("xor.svg")
