"""How often the report's network dies in its first steps, and which layer goes.

    python benchmarks/dead_units.py DIR [--seeds 20] [--steps 200]

DIR holds CIFAR-10.  A unit is dead if it is zero for every one of 1,000 validation images; a
network is dead if a hidden layer has no unit left, so that it answers the same to every image.
For every arm and seed the report's network, [3072, 100, 100, 50, 10] with Adam at learning rate
0.008, takes its first steps on the first 45,000 training images.
"""

from __future__ import annotations

import argparse

import numpy as np

import deltarule as dr

ARMS: dict[str, dict] = {
    f"{scaling}, batch {batch}": {"scaling": scaling, "batch_size": batch}
    for scaling in ("unit", "feature")
    for batch in (32, 64, 128, 256)
}
ARMS |= {
    "unit, batch 64, lr 0.001": {"scaling": "unit", "batch_size": 64, "lr": 0.001},
    "feature, batch 64, lr 0.001": {"scaling": "feature", "batch_size": 64, "lr": 0.001},
    "feature, batch 64, warm-up over 200 steps": {
        "scaling": "feature",
        "batch_size": 64,
        "schedule": {"name": "warmup", "length": 200},
    },
}


class Watch(dr.Callback):
    """Notes the share of dead units of every hidden layer after some steps, then stops."""

    def __init__(self, X: np.ndarray, after: tuple[int, ...]) -> None:
        self.X, self.after = X, after
        self.dead: dict[int, list[float]] = {}

    def on_step(self, training) -> None:
        """Look at the hidden layers."""
        if training.t in self.after:
            links = training.chain.forward(training.rows.scaling(self.X, np.float32))
            hidden = [link.value for link in links if not link.name.startswith("dense")]
            self.dead[training.t] = [float((value <= 0).all(0).mean()) for value in hidden]
        if training.t == max(self.after):
            raise StopIteration


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    data = dr.load_data("cifar10", data_dir=args.folder)
    X, y, held = data.X[:45_000], data.y[:45_000], data.X[45_000:46_000]
    head = f"dead networks of {args.seeds} | dead units by layer after step 1 | step {args.steps}"
    print(f"| arm | {head} |\n|---|---:|---:|---:|")
    for name, arm in ARMS.items():
        settings = {"lr": 0.008, "lr_decay": 1e-4, "weight_decay": 0.02, **arm}
        batch, lr = settings.pop("batch_size"), settings.pop("lr")
        first, last = [], []
        for seed in range(args.seeds):
            net = dr.Network([3072, 100, 100, 50, 10], seed=seed, **settings)
            watch = Watch(held, (1, args.steps))
            try:
                net.train(
                    X, y, epochs=2, batch_size=batch, lr=lr, progress=False, callbacks=[watch]
                )
            except StopIteration:
                first.append(watch.dead[1])
                last.append(watch.dead[args.steps])
        dead = sum(max(layers) == 1.0 for layers in last)
        shown = [
            ", ".join(f"{100 * share:.0f} %" for share in np.mean(layers, axis=0))
            for layers in (first, last)
        ]
        print(f"| {name} | {dead} | {shown[0]} | {shown[1]} |", flush=True)


if __name__ == "__main__":
    main()
