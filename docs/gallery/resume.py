"""Killed, resumed, and nothing lost

A process that trains is killed by the hardest signal there is, kill -9, in the middle of its work.
Another goes on from the last checkpoint and ends with the same bits as a training that was never
disturbed. Look at the curve: there is no seam.

Picture: a falling curve of the training loss over twenty epochs; from the twelfth on, where the
process was killed, the circles of the one that went on lie exactly on it.
"""

import os
from multiprocessing import get_context

import matplotlib.pyplot as plt

import deltarule as dr


def train(killed_in=None, **options):
    def after_each_epoch(training):
        epochs.append(training.epoch)
        if training.epoch == killed_in:
            os.kill(os.getpid(), 9)

    epochs, data = [], dr.load_data("digits")
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
    plt.semilogy(whole["epoch"], whole["train_loss"], label="never disturbed")
    plt.semilogy(later, resumed["train_loss"][-len(later) :], "o", label="after the kill")
    plt.legend(title="training loss over epochs")
    plt.savefig("resume.svg")
