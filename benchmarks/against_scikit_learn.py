"""Training time beside scikit-learn's MLPClassifier: the same layers, rule, batches and epochs.

    python benchmarks/against_scikit_learn.py [--cifar10 DIR] [--repeat 5]

Both train in float32 on the same standardised rows, without validation, in turn within one
process; the ratio of the medians is what counts.  Refuses a busy machine unless --anyway is given:
two busy thread pools ruin each other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import deltarule as dr
from deltarule.data.scaling import learn_scaling


def ours(X: np.ndarray, y: np.ndarray, hidden: list[int], batch: int, epochs: int) -> None:
    """Train with deltarule."""
    net = dr.Network([X.shape[1], *hidden, 10], scaling="none")
    net.train(X, y, epochs=epochs, batch_size=batch, lr=0.001, progress=False)


def theirs(X: np.ndarray, y: np.ndarray, hidden: list[int], batch: int, epochs: int) -> None:
    """Train with scikit-learn, its stopping rules off."""
    model = MLPClassifier(
        hidden,
        batch_size=batch,
        max_iter=epochs,
        learning_rate_init=0.001,
        alpha=0.0,
        tol=0.0,
        n_iter_no_change=10**6,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)


def seconds(train: Callable[..., None], *args: object) -> float:
    """The time of one training."""
    start = time.perf_counter()
    train(*args)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cifar10", metavar="DIR")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--anyway", action="store_true", help="on a busy machine, too")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    if load > 0.5 and not args.anyway:
        raise SystemExit(f"The machine is busy (load {load:.2f}); wait, or give --anyway.")
    digits = dr.load_data("digits")
    work = [("digits, [64, 100, 50, 10], batch 32", digits.X, digits.y, [100, 50], 32, 20)]
    if args.cifar10:
        cifar = dr.load_data("cifar10", data_dir=args.cifar10)
        for batch in (64, 256):
            name = f"CIFAR-10, [3072, 100, 100, 50, 10], batch {batch}"
            work.append((name, cifar.X[:45_000], cifar.y[:45_000], [100, 100, 50], batch, 2))
    print("| training | scikit-learn | deltarule | ratio |\n|---|---:|---:|---:|")
    for name, X, y, hidden, batch, epochs in work:
        scaled = learn_scaling("feature", X)(X, np.float32)
        times: dict[str, list[float]] = {"theirs": [], "ours": []}
        for _ in range(args.repeat):
            times["theirs"].append(seconds(theirs, scaled, y, hidden, batch, epochs))
            times["ours"].append(seconds(ours, scaled, y, hidden, batch, epochs))
        a, b = statistics.median(times["theirs"]), statistics.median(times["ours"])
        print(f"| {name}, {epochs} epochs | {a:.2f} s | {b:.2f} s | {a / b:.1f}× |", flush=True)


if __name__ == "__main__":
    main()
