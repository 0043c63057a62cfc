"""The doctor: each fault that was planted is found, and healthy trainings start no alarm."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.batches import Rows
from deltarule.data.scaling import learn_scaling
from deltarule.learning.diagnosis import KINDS, NAMES, Diagnosis, Finding, diagnose
from deltarule.learning.history import History
from deltarule.learning.plan import Plan
from deltarule.learning.training import Training
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Dense
from deltarule.machine.optimizer import Optimizer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 8))
SIGN = (X[:, 0] > 0).astype(int)
CURVE = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
DIGITS = dr.load_data("digits")
TRAIN, VAL = slice(0, 1400), slice(1400, None)
PICTURES = (DIGITS.X[TRAIN], DIGITS.y[TRAIN], DIGITS.X[VAL], DIGITS.y[VAL])


def trained(net: dr.Network, *rows: Any, **options: Any) -> Training:
    """A training, run to its end, also where it diverges."""
    seen: list[Training] = []

    class Notice(dr.Callback):
        def on_start(self, training: Training) -> None:
            seen.append(training)

    try:
        net.train(*rows, progress=False, callbacks=[Notice()], **options)
    except dr.Diverged:
        assert options["lr"] > 1
    return seen[0]


def judged(t: Training, **options: Any) -> Diagnosis:
    """Its diagnosis."""
    return diagnose(
        t.chain, t.objective, t.optimizer, t.rows, t.rows_val, t.history, t.plan, **options
    )


def kinds(diagnosis: Diagnosis, severity: str | None = None) -> set[str]:
    """The kinds of its findings, of one severity or all."""
    return {f.kind for f in diagnosis.findings if severity in (None, f.severity)}


def finding(diagnosis: Diagnosis, kind: str) -> Finding:
    """The one finding of a kind."""
    (found,) = (f for f in diagnosis.findings if f.kind == kind)
    return found


# -- healthy trainings ----------------------------------------------------------------------------


def sine(x: Any) -> Any:
    """An activation of one's own."""
    return np.sin(x), lambda g: g * np.cos(x)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("network", "options"),
    [
        ({"scaling": "unit"}, {}),
        ({"sizes": [64, 32, 10], "activation": "tanh", "scaling": "feature"}, {}),
        ({"activation": "sigmoid", "normalization": "batch"}, {}),
        ({"activation": "gelu", "normalization": "layer", "dropout": 0.3}, {}),
        ({"schedule": "cosine", "weight_decay": 0.02}, {"lr": 0.003}),
        ({"schedule": "one_cycle", "activation": sine}, {"lr": 0.01}),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, {"lr": 0.05}),
        ({"dtype": "float64", "optimizer": "rmsprop", "l2": 1e-4}, {}),
        ({"activation": "elu"}, {"lr": 0.005, "average": 0.99, "clip_norm": 1.0}),
        ({}, {"lr": 0.01, "batch_size": 256, "epochs": 40, "patience": 10}),
    ],
)
def test_healthy_digits(network: dict[str, Any], options: dict[str, Any], seed: int) -> None:
    """Digits learned in many ways: nothing serious, steps of about a thousandth."""
    net = dr.Network(**{"sizes": [64, 64, 10], **network}, seed=seed)
    diagnosis = judged(trained(net, *PICTURES, **options))
    assert diagnosis.healthy, diagnosis
    assert [layer.name for layer in diagnosis.layers] == ["dense1", "dense2"]
    assert all(1e-5 < layer.update_ratio < 1e-2 for layer in diagnosis.layers)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("loss", "outputs", "y"),
    [
        ("squared_error", 1, CURVE),
        ("huber", 1, CURVE + RNG.normal(size=600)),
        ("quantile", 1, 1000 + 50 * CURVE),
        ("poisson", 1, RNG.poisson(np.exp(1 + 0.5 * X[:, 0]))),
        ("squared_error", 2, X[:, :2] @ [[1.0, 2.0], [3.0, -1.0]]),
        ("binary_cross_entropy", 1, SIGN),
        ("binary_cross_entropy", 3, (X[:, :3] > 0).astype(int)),
        ("cross_entropy", 2, SIGN),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_healthy_numbers_and_labels(
    loss: str, outputs: int, y: np.ndarray, weighted: bool, seed: int
) -> None:
    """Regression, counts, labels, with weights or without: nothing serious."""
    weight = np.random.default_rng(seed).integers(0, 3, 450) if weighted else None
    net = dr.Network([8, 32, outputs], loss=loss, seed=seed)
    t = trained(net, X[:450], y[:450], X[450:], y[450:], epochs=40, lr=0.003, sample_weight=weight)
    diagnosis = judged(t)
    assert diagnosis.healthy, diagnosis


def test_a_fit_without_rest_is_healthy() -> None:
    """Where there is nothing left to learn, standing still is no fault."""
    t = trained(dr.Network([8, 1], loss="squared_error"), X, X[:, 0], lr=0.01, epochs=60)
    diagnosis = judged(t)
    assert diagnosis.layers[0].update_ratio < 1e-5
    assert diagnosis.findings == ()


def test_rare_features_are_no_fault() -> None:
    """Columns that are nearly always 0, as of words or corner pixels, have a right to be so."""
    rare = np.zeros((4000, 40))
    rare[np.arange(40), np.arange(40)] = 1.0
    x = np.hstack([RNG.normal(size=(4000, 4)), rare])
    diagnosis = judged(trained(dr.Network([44, 16, 2]), x, (x[:, 0] > 0).astype(int), epochs=5))
    assert "unscaled_inputs" not in kinds(diagnosis)


# -- planted faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "lr", "clip"),
    [
        ({}, 0.3, None),
        ({}, 1.0, None),
        ({"activation": "tanh"}, 3.0, None),
        ({"optimizer": "sgd"}, 3.0, None),
        ({"optimizer": "rmsprop"}, 0.3, None),
        ({"normalization": "batch", "activation": "tanh"}, 30.0, None),
        ({"activation": "gelu"}, 2.0, 1.0),
    ],
)
def test_a_rate_too_high(network: dict[str, Any], lr: float, clip: float | None) -> None:
    """A rate just short of divergence is named, with a lower one."""
    t = trained(dr.Network([64, 64, 10], **network), *PICTURES, lr=lr, clip_norm=clip)
    diagnosis = judged(t)
    assert "lr_too_high" in kinds(diagnosis, "serious"), diagnosis
    assert f"Lower lr to about {lr / 10:.1g}" in finding(diagnosis, "lr_too_high").remedy


@pytest.mark.parametrize(
    ("losses", "high"),
    [
        ([1.0, 0.6, 0.5, 0.45, 0.42, 0.41, 0.4, 0.4], False),
        ([1.0, 0.6, 0.5, 0.51, 0.5, 0.51, 0.5, 0.5], False),
        ([1.0, 0.6, 0.9, 0.5, 0.8, 0.5, 0.9, 0.6], True),
        ([1.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9], True),
    ],
)
def test_the_course_of_the_loss(losses: list[float], high: bool) -> None:
    """A loss that swings or rises speaks of the rate if the steps are long, not if it trembles."""
    t = trained(dr.Network([8, 16, 1], loss="squared_error"), X, CURVE, epochs=8, lr=0.003)
    for record, loss in zip(t.history.epochs, losses, strict=True):
        record["train_loss"] = loss
    assert "lr_too_high" not in kinds(judged(t))
    t.optimizer.lr = 0.1
    assert ("lr_too_high" in kinds(judged(t))) == high


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("epochs", [1, 20])
def test_a_rate_too_low(optimizer: str, epochs: int) -> None:
    """A rate at which nothing moves is named, rather than the number of epochs."""
    net = dr.Network([64, 64, 10], optimizer=optimizer)
    diagnosis = judged(trained(net, *PICTURES, lr=1e-7, epochs=epochs))
    assert "lr_too_low" in kinds(diagnosis, "serious"), diagnosis
    assert "too_few_epochs" not in kinds(diagnosis)
    assert "Raise lr" in finding(diagnosis, "lr_too_low").remedy


def test_a_schedule_that_ended_is_not_a_low_rate() -> None:
    """Steps are judged at the rate before the schedule, which ends at 0 here."""
    net = dr.Network([64, 64, 10], schedule="linear")
    diagnosis = judged(trained(net, *PICTURES, lr=0.003))
    assert all(layer.update_ratio > 1e-4 for layer in diagnosis.layers)
    assert diagnosis.healthy


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        (lambda column: 1e4 * column, "serious"),
        (lambda column: column + 1e3, "serious"),
        (lambda column: 1e-5 * column, "hint"),
    ],
)
def test_an_unscaled_column(change: Any, severity: str) -> None:
    """A column in units of its own is counted and pointed out."""
    x = X.copy()
    x[:, 3] = change(x[:, 3])
    diagnosis = judged(trained(dr.Network([8, 32, 2]), x, SIGN))
    found = finding(diagnosis, "unscaled_inputs")
    assert found.severity == severity
    assert "It is 1 of 8; the worst is column 3" in found.evidence
    assert 'scaling="feature"' in found.remedy


def test_inputs_before_a_normalisation() -> None:
    """What a normalisation undoes is a hint; columns of unequal size it cannot undo."""
    one = X.copy()
    one[:, 3] *= 1e5
    for x, severity in ((100.0 * X, "hint"), (one, "serious")):
        net = dr.Network([8, 32, 2], normalization="batch")
        assert finding(judged(trained(net, x, SIGN)), "unscaled_inputs").severity == severity


@pytest.mark.parametrize(("activation", "many"), [("relu", 64), ("gelu", 40), ("relu", 20)])
def test_dead_units(activation: str, many: int) -> None:
    """Units that a bias of −100 switches off for good are counted."""
    net = dr.Network([64, 64, 10], activation=activation)
    net.parameters["dense1.b"][:many] = -100.0
    diagnosis = judged(trained(net, *PICTURES))
    assert diagnosis.layers[0].dead >= many / 64
    severity = "serious" if many > 32 else "hint"
    assert finding(diagnosis, "dead_units").severity == severity
    assert ("constant_predictions" in kinds(diagnosis, "serious")) == (many == 64)
    assert "lr_too_high" not in kinds(diagnosis)


def test_dead_units_of_ones_own_activation() -> None:
    """Of a function that is in no table, units that answer the same for all rows are dead."""

    def step_up(x: Any) -> Any:
        return np.maximum(x, 0.0), lambda g: g * (x > 0)

    net = dr.Network([64, 64, 10], activation=step_up)
    net.parameters["dense1.b"][:40] = -100.0
    assert judged(trained(net, *PICTURES)).layers[0].dead >= 40 / 64


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated_units(activation: str) -> None:
    """Inputs a hundred times too large drive units to the ends of their range."""
    net = dr.Network([64, 64, 10], activation=activation, scaling="none")
    diagnosis = judged(trained(net, 100.0 * DIGITS.X[TRAIN], DIGITS.y[TRAIN]))
    assert diagnosis.layers[0].saturated > 0.5
    assert {"saturated_units", "unscaled_inputs"} <= kinds(diagnosis, "serious")


def test_vanishing_gradients() -> None:
    """Six sigmoid layers under plain gradient descent: the lowest stands still."""
    net = dr.Network([64, *[32] * 5, 10], activation="sigmoid", optimizer="sgd")
    diagnosis = judged(trained(net, *PICTURES, lr=0.01))
    found = finding(diagnosis, "vanishing_updates")
    assert found.severity == "serious"
    assert "changes dense1 by" in found.evidence


def test_exploding_updates() -> None:
    """A step as long as the weights themselves is serious."""
    net = dr.Network([8, 16, 1], loss="squared_error", optimizer="sgd")
    t = trained(net, X, CURVE, epochs=2, lr=1e-4)
    t.optimizer.lr = 10.0
    found = finding(judged(t), "exploding_updates")
    assert found.severity == "serious"
    assert "at the learning rate 10" in found.evidence


def test_overfitting() -> None:
    """Thirty rows of noise learned by heart are serious, whatever weights were kept."""
    noise = RNG.integers(0, 2, 600)
    net = dr.Network([8, 128, 128, 2])
    t = trained(net, X[:30], noise[:30], X[30:], noise[30:], epochs=100, lr=0.003)
    diagnosis = judged(t)
    assert finding(diagnosis, "overfitting").severity == "serious"
    assert "too_few_epochs" not in kinds(diagnosis)


def test_overfitting_that_was_undone_is_a_hint() -> None:
    """If the best weights are back, the rise after them is worth a hint; if not, it is serious."""
    y = SIGN ^ (RNG.random(600) < 0.15)
    for restore, severity in ((True, "hint"), (False, "serious")):
        net = dr.Network([8, 128, 128, 2])
        t = trained(
            net, X[:200], y[:200], X[200:], y[200:], epochs=60, lr=0.003, restore_best=restore
        )
        found = finding(judged(t), "overfitting")
        assert found.severity == severity
        assert ("were kept" in found.evidence) == restore


@pytest.mark.parametrize("rows", [PICTURES, PICTURES[:2]], ids=["validated", "not validated"])
@pytest.mark.parametrize("epochs", [1, 3])
def test_too_few_epochs(rows: tuple[Any, ...], epochs: int) -> None:
    """A training cut off while the loss falls fast is told so."""
    diagnosis = judged(trained(dr.Network([64, 64, 10]), *rows, epochs=epochs))
    assert kinds(diagnosis, "serious") == {"too_few_epochs"}
    assert "Raise epochs" in finding(diagnosis, "too_few_epochs").remedy


def test_constant_predictions() -> None:
    """Weights that are all zero never part: one answer for all rows."""
    net = dr.Network([64, 64, 10], initializer="zeros")
    found = finding(judged(trained(net, *PICTURES)), "constant_predictions")
    assert found.severity == "serious"


def test_one_class_for_all_rows_is_a_hint() -> None:
    """Scores that differ but name one class only, where a third of the targets differ."""
    y = (RNG.random(600) < 0.3).astype(int)
    t = trained(dr.Network([8, 4, 2]), X, y, epochs=20, lr=0.001)
    t.chain.layout.view(t.chain.theta, "dense2.b")[...] = [50.0, -50.0]
    assert finding(judged(t), "constant_predictions").severity == "hint"


def test_no_epoch() -> None:
    """A training that diverged before its first epoch ended is not called healthy."""
    t = trained(dr.Network([8, 4, 1], loss="squared_error"), X, CURVE, lr=1e30)
    assert len(t.history) == 0
    assert "too_few_epochs" in kinds(judged(t), "serious")


def test_a_loss_that_is_not_finite() -> None:
    """Weights at which the loss overflows are told, and nothing is made of other numbers."""
    t = trained(dr.Network([8, 1], loss="poisson"), X, SIGN, epochs=2)
    t.chain.theta[...] = 1e5
    assert kinds(judged(t)) == {"not_finite"}


# -- what it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.3, "normalization": "batch", "l2": 0.01}, {"optimizer": "sgd"}]
)
def test_nothing_is_changed(options: dict[str, Any]) -> None:
    """θ, ∇, statistics, the optimizer and the history are the same before and after."""
    t = trained(dr.Network([64, 32, 10], **options), *PICTURES, epochs=2)

    def everything() -> list[Any]:
        arrays = (t.chain.theta, t.chain.outgoing, t.chain.statistics, t.optimizer.state)
        return [
            *(a.tobytes() for a in arrays),
            t.optimizer.lr,
            t.optimizer.schedule,
            str(t.history),
        ]

    before = everything()
    first = judged(t)
    assert everything() == before
    assert judged(t) == first


def test_shown_on_a_line() -> None:
    """Its repr names what was found and the layers; print shows the sentences."""
    healthy = judged(trained(dr.Network([64, 32, 10]), *PICTURES, epochs=2))
    assert repr(Diagnosis((), healthy.layers)) == "Diagnosis(nothing found; of dense1, dense2)"
    found = (Finding("overfitting", "serious", "a", "b", "c"),)
    told = repr(Diagnosis(found, healthy.layers))
    assert told == "Diagnosis(serious: overfitting; of dense1, dense2)"


def test_the_step_by_hand() -> None:
    """The ratio is ‖ηx g‖/‖W‖ of one plain step, the norm that of the clipped gradient."""
    x, y = np.eye(2), np.array([[1.0], [0.0]])
    chain = Chain({"only": Dense(2, 1)}, np.float64)
    chain.theta[...] = [3.0, 4.0, 0.0]
    optimizer = Optimizer(
        dr.optimizers.sgd, chain.theta, lr=0.1, total=9, schedule=dr.schedules.linear
    )
    rows = Rows(x, y, learn_scaling("none", x), np.float64)
    for clip, norm in ((None, np.hypot(2.0, 4.0)), (1.0, np.sqrt(20 / 56))):
        plan = Plan(epochs=1, batch_size=2, seed=0, clip_norm=clip)
        found = diagnose(chain, dr.losses.squared_error, optimizer, rows, None, History(""), plan)
        assert found.layers[0].gradient_norm == pytest.approx(norm)
        assert found.layers[0].update_ratio == pytest.approx(0.1 * norm / 5.0)


def test_rows_without_weight_do_not_count() -> None:
    """What only rows of weight 0 show is no finding."""
    x, weight = X.copy(), np.ones(600)
    x[:300] *= 1e4
    weight[:300] = 0.0
    t = trained(dr.Network([8, 32, 2]), x, SIGN, sample_weight=weight)
    assert "unscaled_inputs" not in kinds(judged(t))


def test_names_of_the_caller() -> None:
    """Remedies speak of parameters by the caller's names, and not of those that it lacks."""
    names = {"lr": "learning_rate_init", "clip_norm": None, "scaling": "use a StandardScaler"}
    x = X.copy()
    x[:, 3] *= 1e4
    diagnosis = judged(trained(dr.Network([8, 32, 2]), x, SIGN, lr=3.0), names=names)
    text = str(diagnosis)
    assert "learning_rate_init" in text
    assert "StandardScaler" in text
    assert "clip_norm" not in text
    nameless = judged(trained(dr.Network([8, 32, 2]), x, SIGN), names=dict.fromkeys(NAMES))
    assert all(f.remedy[0].isupper() and f.remedy.endswith(".") for f in nameless.findings)


def test_it_reads_as_sentences() -> None:
    """Cause, evidence and remedy are sentences; serious ones come first; the layers follow."""
    net = dr.Network([64, 64, 10], activation="tanh", scaling="none")
    diagnosis = judged(trained(net, 100.0 * DIGITS.X[TRAIN], DIGITS.y[TRAIN], epochs=3))
    assert len(diagnosis.findings) >= 2
    order = [f.severity for f in diagnosis.findings]
    assert order == sorted(order, reverse=True)
    for f in diagnosis.findings:
        assert f.kind in KINDS
        for sentence in (f.cause, f.evidence, f.remedy):
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert "{" not in sentence
        assert any(c.isdigit() for c in f.evidence)
        assert str(f) in str(diagnosis)
    assert str(diagnosis).splitlines()[-1].startswith("dense2 ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        diagnosis.findings = ()  # type: ignore[misc]


def test_a_healthy_text() -> None:
    """Where nothing was found the text says so, and shows the layers."""
    lines = str(judged(trained(dr.Network([64, 64, 10]), *PICTURES, epochs=30))).splitlines()
    assert lines[0] == "Nothing wrong was found."
    assert len(lines) == 4
