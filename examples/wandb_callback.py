"""A training in Weights & Biases: its plan as configuration, each epoch's values as charts.

pip install deltarule wandb
wandb login                       # or WANDB_MODE=offline, without an account
python wandb_callback.py
"""

import dataclasses

import wandb

import deltarule as dr


class WandbCallback(dr.Callback):
    """Logs to a run of `wandb.init`."""

    def __init__(self, run):
        self.run = run

    def on_start(self, training):
        self.run.config.update(dataclasses.asdict(training.plan))

    def on_epoch(self, training):
        record = dict(training.history.epochs[-1])
        step = record.pop("step")
        self.run.log(record, step=step)


def main():
    data = dr.load_data("digits")
    X, y, X_val, y_val = data.X[:1400], data.y[:1400], data.X[1400:], data.y[1400:]
    net = dr.Network([64, 50, 10], scaling="feature", schedule="linear")
    with wandb.init(project="digits") as run:  # a training that fails marks the run as failed
        net.train(X, y, X_val, y_val, epochs=10, lr=0.002, callbacks=[WandbCallback(run)])


if __name__ == "__main__":
    main()
