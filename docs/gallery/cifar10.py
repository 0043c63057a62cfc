"""CIFAR-10: photographs, without convolutions

Three epochs on 45,000 photographs of 32 × 32 pixels take a few seconds, and the network tells ten
kinds of things apart, right four times in ten. Here are those that it is surest of. Look at the
colours: to a network that sees pixels and no shapes, much blue is a ship or an airplane.

Picture: ten columns of three small photographs, one column for each class, with the class above it
and what was wrongly taken for it named below.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

try:
    data = dr.load_data("cifar10")
except dr.NotAvailable as error:
    print(f"Skipped: {error}")
    raise SystemExit from None
rows = len(data.X) - data.validation_rows
X, y, X_val, y_val = data.X[:rows], data.y[:rows], data.X[rows:], data.y[rows:]

net = dr.Network([3072, 100, 100, 50, 10], weight_decay=0.02, schedule="linear")
net.train(X, y, X_val, y_val, epochs=3, lr=0.001, progress=False)
print(f"accuracy on {len(y_val)} photographs: {net.evaluate(X_val, y_val)['accuracy']:.2f}")

surest = np.argsort(-net.predict_proba(X_val), axis=0)[:3]
figure, places = plt.subplots(3, 10, figsize=(10, 4), layout="constrained")
for (row, label), axes in np.ndenumerate(places):
    found = surest[row, label]
    axes.imshow(X_val[found].reshape(3, 32, 32).transpose(1, 2, 0), interpolation="none")
    names = data.class_names[label], data.class_names[y_val[found]]
    axes.set(xticks=[], yticks=[], title="" if row else names[0])
    axes.set_xlabel("" if names[0] == names[1] else names[1], color="C1")
figure.savefig("cifar10.svg")
