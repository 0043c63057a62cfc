"""Digits, and the ones it gets wrong

1,797 handwritten digits of 8 × 8 pixels come with the package. A quarter of them is held out, and
the weights of the best epoch are kept. Look at the mistakes: most of them would be hard for a
person, too.

Picture: on the left the loss of training rows falls over twenty epochs and that of validation rows
levels off; on the right the eight most confident mistakes, with the true digit and the predicted.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

data = dr.load_data("digits")
X, y, X_val, y_val = data.X[:1350], data.y[:1350], data.X[1350:], data.y[1350:]

net = dr.Network([64, 100, 50, 10], dropout=0.1, schedule="cosine", scaling="unit")
history = net.train(X, y, X_val, y_val, epochs=20, lr=0.003, progress=False)
print(f"accuracy on {len(y_val)} digits held out: {net.evaluate(X_val, y_val)['accuracy']:.3f}")

predicted, sure = net.predict(X_val), net.predict_proba(X_val).max(axis=1)
wrong = np.flatnonzero(predicted != y_val)
wrong = wrong[np.argsort(-sure[wrong])][:8]

figure = plt.figure(figsize=(9, 3.6), layout="constrained")
curves, pictures = figure.subfigures(1, 2)
axes = curves.subplots()
axes.semilogy(history["epoch"], history["train_loss"], label="training")
axes.semilogy(history["epoch"], history["val_loss"], label="validation")
axes.set(xlabel="epoch", ylabel="loss", xticks=[1, 5, 10, 15, 20])
axes.legend()
for axes, row in zip(pictures.subplots(2, 4).flat, wrong, strict=False):
    axes.imshow(X_val[row].reshape(8, 8), cmap="gray_r")
    axes.set(title=f"{y_val[row]}, not {predicted[row]}", xticks=[], yticks=[])
figure.savefig("digits.svg")
