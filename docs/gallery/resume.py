"""Killed, resumed, and nothing lost

A process that trains is killed by kill -9 in the middle of its work. Another goes on from the last
checkpoint, to the bits of a training that was never disturbed. Look at the curve: there is no seam.

Picture: falling loss and rising accuracy of twenty epochs; from the twelfth on circles lie on both.
"""

import os
from multiprocessing import get_context

import deltarule as dr


def train(killed_in=None, **options):
    epochs, data = [], dr.load_data("digits")

    def after_each_epoch(training):
        epochs.append(training.epoch)
        if training.epoch == killed_in:
            os.kill(os.getpid(), 9)

    net = dr.Network([64, 100, 10], dropout=0.2, scaling="unit")
    options |= {"callbacks": [after_each_epoch], "checkpoint_every": "50 steps"}
    return epochs, net.train(data.X, data.y, epochs=20, progress=False, **options)


if __name__ == "__main__":
    child = get_context("spawn").Process(target=train, args=(12,), kwargs={"checkpoints": "run"})
    child.start()
    child.join()
    (later, resumed), (_, whole) = train(resume="run"), train()
    print(f"exit code {child.exitcode}, resumed in epoch {later[0]}")
    print("same bits:", resumed.weights_sha256 == whole.weights_sha256)
    figure = whole.plot()
    for axes, name in zip(figure.axes, ("train_loss", "train_accuracy"), strict=True):
        axes.plot(later, resumed[name][-len(later) :], "o", label="after the kill")
        axes.legend()
    figure.savefig("resume.svg")
