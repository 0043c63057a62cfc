"""A table with text and gaps

Tables have words, numbers and holes. An encoder learns from the training rows what becomes of each:
a column for every word, the median for a gap and a column that says there was one. It is saved with
the network, which takes rows as they came. Look at the dotted line: here a gap is news of its own.

Picture: the chance that a plant survives over hours of sun; fern falls from high to low, cactus
rises from low to high, and a dotted line lies across low for plants whose sun nobody noted down.
"""

import matplotlib.pyplot as plt
import numpy as np

import deltarule as dr

random = np.random.default_rng(0)
plant = random.choice(["fern", "cactus", "ivy"], 1500)
sun = random.uniform(0, 10, 1500)
liking = np.select([plant == "fern", plant == "cactus"], [5 - sun, sun - 5], 2)
noted = random.random(1500) < 0.8  # those who forget to note the sun forget to water, too
alive = np.where(random.random(1500) < 1 / (1 + np.exp(-liking - 3 * noted + 3)), "yes", "no")
table = {"plant": plant, "sun": np.where(noted, sun, np.nan)}

encoder = dr.TableEncoder.fit(table)
net = dr.Network([len(encoder.feature_names), 16, 2], encoder=encoder, weight_decay=0.1)
net.train(table, alive, epochs=30, lr=0.003, progress=False)
print("columns inside:", ", ".join(encoder.feature_names))
print(net.predict({"plant": ["fern", "fern", None], "sun": [1, 9, None]}))

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
hours = np.linspace(0, 10, 50)
for number, name in enumerate(["fern", "cactus", "ivy"]):
    chance = net.predict_proba({"plant": [name] * 50, "sun": hours})[:, 1]
    axes.plot(hours, chance, color=f"C{number}", label=name)
    gap = net.predict_proba({"plant": [name], "sun": [None]})[0, 1]
    axes.axhline(gap, color=f"C{number}", linestyle=":")
axes.set(xlabel="hours of sun (dotted: not noted)", ylabel="chance to survive", ylim=(0, 1))
axes.legend()
figure.savefig("table.svg")
