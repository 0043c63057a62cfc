"""The learner's door: what training, evaluation and prediction promise."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.ground.errors import names_in

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 4))
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
VALUES = X @ np.array([1.0, -2.0, 0.5, 0.0]) + 3.0
TRAIN, VAL = slice(0, 40), slice(40, N)


def trained(y: Any = Y, sizes: Any = (4, 8, 3), **options: Any) -> dr.Network:
    """A network trained for a few epochs; options of the constructor and of `train`."""
    of_training = {
        k: options.pop(k)
        for k in ("epochs", "batch_size", "lr", "callbacks", "progress", "average", "metrics")
        if k in options
    }
    net = dr.Network(list(sizes), **options)
    settings_ = {"epochs": 3, "batch_size": 16, "lr": 0.01, "progress": False, **of_training}
    net.train(X[TRAIN], y[TRAIN], X[VAL], y[VAL], **settings_)
    return net


def weights(net: dr.Network) -> bytes:
    """θ and the statistics."""
    return net.chain.theta.tobytes() + net.chain.statistics.tobytes()


def test_the_reports_network() -> None:
    """The line that the project began with constructs its network."""
    net = dr.Network([3072, 100, 100, 50, 10], optimizer="adam", lr_decay=0.0001, weight_decay=0.02)
    assert net.n_parameters == 322_960
    assert repr(net) == (
        "Network([3072, 100, 100, 50, 10], loss='cross_entropy', optimizer='adam', "
        "322,960 parameters, float32)"
    )


# -- training is a function of (seed, data) -------------------------------------------------------

RICH: dict[str, Any] = {
    "dropout": 0.2,
    "normalization": "batch",
    "schedule": "cosine",
    "weight_decay": 0.1,
    "l2": 0.01,
}


@pytest.mark.parametrize("options", [{}, RICH, {"dtype": "float64", "optimizer": "lion"}])
def test_twice_the_same(options: dict[str, Any]) -> None:
    """The same seed and data give the same bytes; another seed gives others."""
    first, second, other = (trained(seed=seed, **options) for seed in (1, 1, 2))
    assert weights(first) == weights(second)
    assert weights(first) != weights(other)
    assert first.history.weights_sha256 == second.history.weights_sha256
    columns = [name for name in first.history.to_dict() if name != "seconds"]
    for name in columns:
        assert first.history[name] == second.history[name]


@pytest.mark.parametrize(
    "watched",
    [
        {"progress": True},
        {"callbacks": [lambda training: training.chain.theta.sum()]},
        {"callbacks": [dr.Callback(), dr.Callback()], "metrics": ["f1_macro", "accuracy"]},
        {"metrics": []},
    ],
    ids=["progress", "function", "callbacks", "no metrics"],
)
def test_watching_changes_nothing(
    watched: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress, callbacks and metrics do not change a single bit."""
    assert weights(trained(**RICH, **watched)) == weights(trained(**RICH))
    capsys.readouterr()


def test_generators_of_numpy_are_not_touched() -> None:
    """A training neither uses nor moves NumPy's global generator."""
    np.random.seed(5)
    state = np.random.get_state()[1].tobytes()  # type: ignore[union-attr]
    first = trained(**RICH)
    assert np.random.get_state()[1].tobytes() == state  # type: ignore[union-attr]
    np.random.seed(6)
    assert weights(trained(**RICH)) == weights(first)


def test_training_goes_on() -> None:
    """A second training starts at the weights of the first, with a fresh optimizer."""
    net = trained(optimizer={"name": "sgd", "momentum": 0.9})
    other = dr.Network([4, 8, 3], optimizer={"name": "sgd", "momentum": 0.9})
    other.chain.theta[...], other.trainings = net.chain.theta, net.trainings
    for each in (net, other):
        each.train(X[TRAIN], Y[TRAIN], epochs=2, progress=False)
    assert weights(net) == weights(other)


# -- the best weights -----------------------------------------------------------------------------


class Keeper(dr.Callback):
    """Keeps the weights after every epoch."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def on_epoch(self, training: Any) -> None:
        self.kept.append(training.chain.theta.tobytes() + training.chain.statistics.tobytes())


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "train_loss", "val_f1_macro"])
@pytest.mark.parametrize("options", [{}, {"normalization": "batch", "dropout": 0.3}])
def test_best_weights_are_restored(monitor: str, options: dict[str, Any]) -> None:
    """At the end the network evaluates to the best epoch's recorded values, to the bit."""
    net, keeper = dr.Network([4, 8, 3], **options), Keeper()
    history = net.train(
        X[TRAIN],
        Y[TRAIN],
        X[VAL],
        Y[VAL],
        epochs=8,
        lr=0.1,
        batch_size=8,
        monitor=monitor,
        metrics=["accuracy", "f1_macro"],
        callbacks=[keeper],
        progress=False,
    )
    best = min if monitor.endswith("loss") else max
    assert history.best_epoch == history[monitor].index(best(history[monitor])) + 1
    assert weights(net) == keeper.kept[history.best_epoch - 1]
    assert history.best == history.epochs[history.best_epoch - 1]
    found = net.evaluate(X[VAL], Y[VAL], metrics=["accuracy", "f1_macro"])
    assert found == {name: history.best[f"val_{name}"] for name in ("loss", "accuracy", "f1_macro")}
    theta = keeper.kept[-1][: net.chain.theta.nbytes]
    assert history.weights_sha256 == hashlib.sha256(theta).hexdigest()


def test_the_hash_is_of_the_last_weights() -> None:
    """Where the best epoch is not the last, the recorded hash is not that of what is kept."""
    net = dr.Network([4, 16, 3])
    history = net.train(
        X[TRAIN], Y[TRAIN], X[VAL], Y[VAL], epochs=30, lr=0.1, batch_size=4, progress=False
    )
    assert history.best_epoch < 30
    assert hashlib.sha256(net.chain.theta.tobytes()).hexdigest() != history.weights_sha256


@pytest.mark.parametrize("way", ["no validation", "restore_best=False"])
def test_last_weights_stay(way: str) -> None:
    """Without validation rows, or where asked to, the last weights stay."""
    net, keeper = dr.Network([4, 8, 3]), Keeper()
    rows = () if way == "no validation" else (X[VAL], Y[VAL])
    history = net.train(
        X[TRAIN],
        Y[TRAIN],
        *rows,
        epochs=8,
        lr=0.1,
        restore_best=way == "no validation",
        callbacks=[keeper],
        progress=False,
    )
    assert weights(net) == keeper.kept[-1]
    assert (history.best_epoch is None) == (way == "no validation")
    if way == "no validation":
        assert history.best == history.epochs[-1]
        assert not any(name.startswith("val_") for name in history.epochs[-1])


# -- weights of rows ------------------------------------------------------------------------------

OF_LOSS: dict[str, Any] = {
    "cross_entropy": Y,
    "binary_cross_entropy": RNG.integers(0, 2, (N, 3)),
    "poisson": RNG.poisson(3.0, (N, 3)),
}


def targets_of(loss: str) -> np.ndarray:
    """Targets that a loss takes at three outputs."""
    return OF_LOSS.get(loss, RNG.normal(size=(N, 3)))


@pytest.mark.parametrize("loss", names_in(dr.losses))
def test_weights_repeat_rows(loss: str) -> None:
    """A row of weight w is w equal rows: the same step, loss and metrics in float64."""
    y = targets_of(loss)
    w = RNG.integers(0, 4, N)
    w[:3] = 1
    nets = [
        dr.Network(
            [4, 5, 3], loss=loss, dtype="float64", optimizer="sgd", standardize_targets=False
        )
        for _ in range(2)
    ]
    one = {"epochs": 1, "batch_size": 10**6, "lr": 0.1, "progress": False}
    weighted = nets[0].train(X, y, sample_weight=w, **one)
    repeated = nets[1].train(np.repeat(X, w, 0), np.repeat(y, w, 0), **one)
    np.testing.assert_allclose(nets[0].chain.theta, nets[1].chain.theta, rtol=1e-12, atol=1e-14)
    for name in weighted.to_dict():
        if name != "seconds":
            assert weighted[name] == pytest.approx(repeated[name], rel=1e-12), name
    ours = nets[0].evaluate(X, y, w)
    theirs = nets[0].evaluate(np.repeat(X, w, 0), np.repeat(y, w, 0))
    assert ours == pytest.approx(theirs, rel=1e-12)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(factor=st.floats(1e-6, 1e6))
def test_only_the_proportions_of_weights_matter(factor: float) -> None:
    """All weights times a factor is the same training."""
    w = np.linspace(0.5, 2.0, N)
    nets = [dr.Network([4, 5, 3], dtype="float64", optimizer="sgd") for _ in range(2)]
    for net, weight in zip(nets, (w, factor * w), strict=True):
        net.train(X, Y, sample_weight=weight, epochs=2, batch_size=16, progress=False)
    np.testing.assert_allclose(nets[0].chain.theta, nets[1].chain.theta, rtol=1e-10, atol=1e-12)


# -- evaluation and prediction --------------------------------------------------------------------


def test_predictions_have_the_type_of_the_labels() -> None:
    """Integers, texts and booleans come back as they were given."""
    for labels, sizes in itertools.product(
        ([0, 1], ["no", "yes"], [False, True]), ([4, 2], [4, 1])
    ):
        y = np.array(labels)[(X[:, 0] > 0).astype(int)]
        loss = "cross_entropy" if sizes[-1] == 2 else "binary_cross_entropy"
        net = dr.Network(sizes, loss=loss)
        net.train(X, y, epochs=30, lr=0.1, progress=False)
        predicted = net.predict(X)
        assert predicted.dtype.kind == y.dtype.kind
        assert set(predicted.tolist()) <= set(labels)
        assert (predicted == y).mean() > 0.9
        assert net.evaluate(X, y)["accuracy"] == (predicted == y).mean()


def test_before_any_training() -> None:
    """A fresh network predicts the numbers of its classes, so that its insides can be looked at."""
    net = dr.Network([4, 3])
    predicted = net.predict(X)
    assert predicted.dtype == np.int64
    np.testing.assert_array_equal(predicted, net.scores(X).argmax(1))
    assert dr.Network([4, 1], loss="squared_error").predict(X).shape == (N,)


def test_probabilities() -> None:
    """They add up to one, rank like the scores, and name the predicted class."""
    net = trained(np.array(["a", "b", "c"])[Y])
    p = net.predict_proba(X)
    assert p.shape == (N, 3)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(np.array(["a", "b", "c"])[p.argmax(1)], net.predict(X))


def test_predictions_do_not_depend_on_company() -> None:
    """A row is predicted the same alone and among thousands."""
    net = trained(normalization="batch", dropout=0.3)
    many = np.tile(X, (40, 1))
    np.testing.assert_allclose(
        net.predict_proba(many), np.tile(net.predict_proba(X), (40, 1)), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(net.predict_proba(X[:1]), net.predict_proba(X)[:1], rtol=1e-4)


@pytest.mark.parametrize("loss", names_in(dr.losses))
def test_evaluation_is_the_loss_of_the_scores(loss: str) -> None:
    """The reported loss is the loss function of the scores, without penalties."""
    y = targets_of(loss)
    net = trained(y, loss=loss, dtype="float64", standardize_targets=False, l2=0.5)
    expected, _ = getattr(dr.losses, loss)(np.asarray(y), net.scores(X), None, float(N))
    assert net.evaluate(X, y)["loss"] == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_units_of_the_targets_do_not_matter(loss: str) -> None:
    """Targets in other units, a·y + b, give predictions in those units and the same loss."""
    nets = [dr.Network([4, 6, 1], loss=loss, dtype="float64", activation="tanh") for _ in range(2)]
    other = 1e6 + 2500.0 * VALUES
    for net, y in zip(nets, (VALUES, other), strict=True):
        net.train(X[TRAIN], y[TRAIN], X[VAL], y[VAL], epochs=5, lr=0.01, progress=False)
    np.testing.assert_allclose(nets[1].predict(X), 1e6 + 2500.0 * nets[0].predict(X), rtol=1e-9)
    ours, theirs = nets[0].evaluate(X, VALUES), nets[1].evaluate(X, other)
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_metrics_are_in_the_units_of_the_targets() -> None:
    """Errors are those of the predictions that the user sees."""
    net = trained(VALUES, (4, 8, 1), loss="squared_error")
    found = net.evaluate(
        X, VALUES, metrics=["mean_absolute_error", "root_mean_squared_error", "r2"]
    )
    error = VALUES - net.predict(X)
    assert found["mean_absolute_error"] == pytest.approx(abs(error).mean(), rel=1e-6)
    assert found["root_mean_squared_error"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
    spread = ((VALUES - VALUES.mean()) ** 2).mean()
    assert found["r2"] == pytest.approx(1 - (error**2).mean() / spread, rel=1e-6)


def test_several_outputs() -> None:
    """Several numbers are predicted at once, each in its own units."""
    y = np.stack([VALUES, 1e4 * X[:, 1]], axis=1)
    net = dr.Network([4, 16, 2], loss="squared_error")
    net.train(X, y, epochs=150, lr=0.02, progress=False)
    assert net.predict(X).shape == (N, 2)
    assert net.evaluate(X, y)["r2"] > 0.9


def test_it_learns() -> None:
    """What can be learned is: each loss beats guessing on rows that were not seen."""
    net = trained(epochs=60, lr=0.02)
    guess = np.bincount(Y[VAL]).max() / len(Y[VAL])
    assert net.evaluate(X[VAL], Y[VAL])["accuracy"] > guess
    for loss in ("squared_error", "absolute_error", "huber"):
        net = trained(VALUES, (4, 16, 1), loss=loss, epochs=60, lr=0.02)
        assert net.evaluate(X[VAL], VALUES[VAL])["r2"] > 0.8


# -- windows and insides --------------------------------------------------------------------------


def test_parameters_are_windows() -> None:
    """Writing to a named parameter changes the network."""
    net = dr.Network([4, 3])
    net.parameters["dense1.W"][...] = 0.0
    net.parameters["dense1.b"][...] = [0.0, 5.0, 0.0]
    np.testing.assert_array_equal(net.predict(X), np.ones(N))
    assert set(net.parameters) == {"dense1.W", "dense1.b"}


def test_forward_shows_every_layer() -> None:
    """The links name every layer in order; the last value is the scores."""
    net = dr.Network([4, 8, 3], dropout=0.5, normalization="layer")
    links = net.forward(X)
    assert [link.name for link in links] == list(net.chain.layers)
    np.testing.assert_array_equal(links[-1].value, net.scores(X))
    assert [link.value.shape for link in links] == [(N, 8)] * 4 + [(N, 3)]


def test_a_step_by_hand() -> None:
    """`batch` and `train_step` are the training, for who wants to write the loop."""
    from deltarule.learning.step import train_step
    from deltarule.machine.optimizer import Optimizer

    net = dr.Network([4, 8, 3], optimizer="sgd", dtype="float64", dropout=0.3)
    batch = net.batch(X, Y, step=1)
    before = net.chain.theta.copy()
    optimizer = Optimizer(dr.optimizers.sgd, net.chain.theta, lr=0.1, total=1)
    value, _ = train_step(net.chain, net.objective, optimizer, batch, 1)
    other = dr.Network([4, 8, 3], optimizer="sgd", dtype="float64", dropout=0.3)
    found = other.backward(X, Y, step=1)
    assert float(value) == found.loss
    moved = other.chain.layout.views(before - net.chain.theta)
    for name, gradient in found.parameters.items():
        np.testing.assert_allclose(moved[name], 0.1 * gradient, rtol=1e-12, atol=1e-16)


def test_history_is_kept() -> None:
    """The network holds the history of its last training, and none before the first."""
    net = dr.Network([4, 3])
    assert net.history is None
    assert net.train(X, Y, epochs=1, progress=False) is net.history


def test_a_refused_training_leaves_the_history() -> None:
    """What was remembered stays where a later call is refused."""
    net = trained()
    history, before = net.history, weights(net)
    with pytest.raises(dr.InvalidInput):
        net.train(X, Y + 7, epochs=1)
    assert net.history is history
    assert weights(net) == before


QUANTILES = {"name": "quantile", "level": [0.1, 0.5, 0.9]}


def test_several_quantiles_at_once(tmp_path: Path) -> None:
    """One column of numbers teaches an output for each level, saved, sorted and calibrated."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (3000, 2))
    y = 50 + 20 * x[:, 0] + (3 + 2 * x[:, 1]) * rng.normal(size=3000)
    train, val = slice(0, 2000), slice(2000, None)
    net = dr.Network([2, 16, 3], loss=QUANTILES)
    history = net.train(x[train], y[train], x[val], y[val], epochs=30, lr=0.01, progress=False)
    assert history.engine == "reference"
    predicted = net.predict(x[val])
    assert predicted.shape == (1000, 3)
    assert (np.diff(predicted) >= 0).all()
    np.testing.assert_allclose((y[val, None] < predicted).mean(0), [0.1, 0.5, 0.9], atol=0.05)
    r2 = net.evaluate(x[val], y[val])["r2"]
    assert r2 == pytest.approx(dr.metrics.r2(y[val], predicted[:, 1]), rel=1e-6)
    assert r2 == pytest.approx(max(history["val_r2"]), abs=0.02)
    net.save(tmp_path / "net.safetensors")
    again = dr.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    assert again.evaluate(x, y) == net.evaluate(x, y)


def test_before_any_training_quantiles_are_of_one_number() -> None:
    """A fresh network sorts its outputs, too; one that has learned a column for each does not."""
    net = dr.Network([4, 6, 3], loss=QUANTILES)
    np.testing.assert_array_equal(net.predict(X), np.sort(net.scores(X)))
    net.train(X, np.stack([VALUES, -VALUES, VALUES], 1), epochs=2, progress=False)
    assert (np.diff(net.predict(X)) < 0).any()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("fit", "train"), ("score", "evaluate"), ("weights", "parameters"), ("trian", "train")],
)
def test_names_of_others_lead_to_ours(theirs: str, ours: str) -> None:
    """What a network is called for elsewhere is told its name here, and is no attribute."""
    net = dr.Network([2, 2])
    assert not hasattr(net, theirs)
    with pytest.raises(AttributeError, match=rf"has no '{theirs}'\. Did you mean '{ours}'\?"):
        getattr(net, theirs)
    with pytest.raises(AttributeError, match=r"has no '__float__'\.$"):
        _ = net.__float__
