"""What a look at a few training rows tells of each layer, beside the training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning.probes import MOST_ROWS, Probe
from deltarule.learning.training import Training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
QUIET: dict[str, Any] = {"progress": False, "epochs": 4, "batch_size": 32, "lr": 0.01}
HARD: dict[str, Any] = {
    "dropout": 0.3,
    "normalization": "batch",
    "l2": 0.01,
    "weight_decay": 0.1,
    "schedule": "linear",
}


def network(**settings: Any) -> dr.Network:
    """A small network with two hidden layers."""
    return dr.Network([6, 12, 8, 3], seed=1, **settings)


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize("settings", [{}, HARD, {"optimizer": "sgd", "activation": "tanh"}])
@pytest.mark.parametrize("training", [{}, {"average": 0.9, "clip_norm": 0.5}])
def test_it_changes_no_bit(engine: str, settings: dict[str, Any], training: dict[str, Any]) -> None:
    """With a probe the weights, statistics and every other number are those without."""
    plain, probed = network(**settings), network(**settings)
    first = plain.train(X, Y, X[:50], Y[:50], **QUIET, **training, engine=engine)
    second = probed.train(
        X, Y, X[:50], Y[:50], **QUIET, **training, engine=engine, callbacks=[Probe()]
    )
    assert plain.chain.theta.tobytes() == probed.chain.theta.tobytes()
    assert plain.chain.statistics.tobytes() == probed.chain.statistics.tobytes()
    assert first.weights_sha256 == second.weights_sha256
    assert first.engine == second.engine
    for name in set(first.epochs[0]) - {"seconds"}:
        assert first[name] == second[name]
    assert "ratio_dense1" not in first.epochs[0]


def test_the_ratio_is_that_of_the_next_step() -> None:
    """Of full batches of all rows, ‖ΔW‖/‖W‖ is what the next step then does."""
    thetas: list[np.ndarray] = []

    def keep(training: Training) -> None:
        thetas.append(training.chain.theta.copy())

    few, labels = X[:64], Y[:64]
    net = network(weight_decay=0.1, l2=0.01)
    history = net.train(
        few, labels, **{**QUIET, "batch_size": 64}, callbacks=[Probe(), keep], engine="reference"
    )
    for epoch in range(3):
        for name in ("dense1", "dense2", "dense3"):
            before, after = (
                net.chain.layout.view(t, f"{name}.W") for t in thetas[epoch : epoch + 2]
            )
            ratio = np.linalg.norm(after - before) / np.linalg.norm(before)
            assert history[f"ratio_{name}"][epoch] == pytest.approx(ratio, rel=1e-3)


def test_the_rate_is_that_of_the_record() -> None:
    """The ratio follows the recorded rate, so that a schedule's end at 0 does not make it 0."""
    settings: dict[str, Any] = {**QUIET, "epochs": 2, "lr": 1e-6}  # so that nothing else changes
    found = [
        network(schedule=schedule).train(X, Y, **settings, callbacks=[Probe()])
        for schedule in (None, "linear")
    ]
    for epoch in range(2):
        plain, scheduled = (history.epochs[epoch] for history in found)
        expected = plain["ratio_dense1"] * scheduled["lr"] / plain["lr"]
        assert scheduled["ratio_dense1"] == pytest.approx(expected, rel=0.01)


def test_units_that_no_row_reaches_are_dead() -> None:
    """The share of a layer's units that are 0 on every row that is looked at."""
    net = network()
    net.parameters["dense1.b"][:9] = -1e3
    history = net.train(X, Y, **QUIET, callbacks=[Probe()], monitor=None)
    hidden = np.maximum(X @ net.parameters["dense1.W"] + net.parameters["dense1.b"], 0)
    assert history["dead_dense1"] == [0.75] * 4
    assert (hidden.max(0) == 0).mean() == 0.75
    assert "dead_dense3" not in history.epochs[0]


def test_what_saturates_is_not_called_dead() -> None:
    """Sigmoid and tanh have ratios but no share of dead units, leaky units are never dead."""
    record = network(activation=["tanh", "leaky_relu"]).train(X, Y, **QUIET, callbacks=[Probe()])
    assert "dead_dense1" not in record.epochs[0]
    assert record["dead_dense2"] == [0.0] * 4


def test_few_rows_say_nothing_of_units() -> None:
    """Of fewer than 32 rows a healthy unit may see none on its side: no share is written."""
    history = network().train(X[:20], Y[:20], **QUIET, callbacks=[Probe()])
    assert "ratio_dense1" in history.epochs[0]
    assert "dead_dense1" not in history.epochs[0]


def test_rows_without_weight_are_not_looked_at() -> None:
    """Only rows that count are chosen, at most 128, a function of the seed."""
    weight = np.zeros(400)
    weight[300:] = 1.0
    seen: list[np.ndarray] = []

    class Watched(Probe):
        def on_epoch(self, training: Training) -> None:
            assert self._order is not None
            seen.append(self._order)

    for rows in (weight, None):
        network().train(X, Y, **QUIET, sample_weight=rows, callbacks=[Watched()])
    assert (seen[0] >= 300).all()
    assert len(seen[0]) == 100
    assert len(seen[-1]) == MOST_ROWS
    assert (seen[-1] == seen[-2]).all()


def test_going_on_gives_the_same_numbers(tmp_path: Path) -> None:
    """A training that stopped within an epoch and went on has the same columns to the bit."""
    whole = network(**HARD).train(X, Y, X[:50], Y[:50], **QUIET, callbacks=[Probe()])

    class Stop(dr.Callback):
        every_step = False

        def on_step(self, training: Training) -> None:
            if training.t >= 30:
                raise KeyboardInterrupt

    folder = tmp_path / "checkpoints"
    half: dict[str, Any] = {"checkpoints": folder, "checkpoint_every": "1 epochs"}
    with pytest.raises(KeyboardInterrupt):
        network(**HARD).train(X, Y, X[:50], Y[:50], **QUIET, **half, callbacks=[Probe(), Stop()])
    again = network(**HARD)
    history = again.train(X, Y, X[:50], Y[:50], **QUIET, resume=folder, callbacks=[Probe()])
    for name in set(whole.epochs[0]) - {"seconds"}:
        assert whole[name] == history[name]


def test_tables_in_text_do_not_drown(capsys: pytest.CaptureFixture[str]) -> None:
    """The columns are in the history, its dictionary and its frame, not in printed lines."""
    history = network().train(X, Y, **{**QUIET, "progress": True}, callbacks=[Probe()])
    printed = capsys.readouterr().err + str(history)
    assert "train_loss" in printed
    assert "ratio_" not in printed
    assert "dead_" not in printed
    assert "ratio_dense1" in history.to_dict()


def test_records_from_before_there_was_a_probe() -> None:
    """Where some records have the columns and others not, what is missing is not a number."""
    history = network().train(X, Y, **QUIET, callbacks=[Probe()])
    del history.epochs[0]["ratio_dense1"]
    column = history["ratio_dense1"]
    assert math.isnan(column[0])
    assert column[1:] == [record["ratio_dense1"] for record in history.epochs[1:]]
