"""Full batches: the minimum is reached, the loss never rises, and a training keeps its promises."""

from __future__ import annotations

import hashlib
import io
import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.errors import Problems
from deltarule.learning.callbacks import Lines, ProgressBar, as_callback
from deltarule.learning.full_batch import FullBatchTraining, against_full_batch
from deltarule.learning.history import History
from deltarule.learning.monitor import Monitor
from deltarule.learning.plan import Plan
from deltarule.network.judging import judge_for

RNG = np.random.default_rng(0)
N = 90
X = RNG.normal(size=(N, 4))
Y = (X[:, 0] + RNG.normal(size=N) > 0).astype(int) + (X[:, 1] > 0.5)
NUMBERS = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
WEIGHT = RNG.uniform(0.1, 2.0, N)
PLAN = Plan(epochs=1, batch_size=1, seed=0)
EXACT = {
    "max_iterations": 500,
    "max_evaluations": 5000,
    "gradient_tolerance": 1e-9,
    "value_tolerance": 0.0,
}


def training(
    net: dr.Network,
    X: Any = X,
    y: Any = Y,
    X_val: Any = None,
    y_val: Any = None,
    weight: Any = None,
    monitor: Monitor | None = None,
    callbacks: Any = (),
    plan: Plan = PLAN,
    **limits: Any,
) -> FullBatchTraining:
    """A training of a network on all rows, ready to run."""
    problems = Problems()
    prepared = net.preprocessing.with_targets_of(y, problems)
    rows = prepared.checked_rows(X, y, weight, problems)
    net.preprocessing = prepared = prepared.with_scaling_of(rows.X)
    rows_val = None
    if X_val is not None:
        rows_val = prepared.checked_rows(X_val, y_val, None, problems, "_val")
    return FullBatchTraining(
        net.chain,
        net.objective,
        rows,
        rows_val,
        replace(plan, l2=net.settings.l2),
        judge_for(prepared.targets, None, problems),
        monitor,
        [as_callback(callback) for callback in callbacks],
        **{**EXACT, **limits},
    )


def network(**options: Any) -> dr.Network:
    """A small network in float64."""
    return dr.Network([4, 6, 3], **{"dtype": "float64", "activation": "tanh", "l2": 0.01} | options)


# -- the minimum ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("strength", [0.1, 0.001])
def test_softmax_regression_is_sklearns(strength: float, weight: np.ndarray | None) -> None:
    """Without hidden layers, l2 = λ finds scikit-learn's logistic regression with C = 1/(λΣw)."""
    linear = pytest.importorskip("sklearn.linear_model")
    net = dr.Network([4, 3], dtype="float64", l2=strength)
    history = training(net, weight=weight).run()
    assert history.stop_reason == "converged"
    assert history.epochs[-1]["gradient"] <= 1e-8
    total = N if weight is None else weight.sum()
    theirs = linear.LogisticRegression(C=1 / (strength * total), tol=1e-10, max_iter=10_000)
    theirs.fit(X, Y, sample_weight=weight)
    np.testing.assert_allclose(net.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    W = net.parameters["dense1.W"].T
    np.testing.assert_allclose(W, theirs.coef_, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "sizes", "loss", "y"),
    [
        ("MLPClassifier", [4, 6, 3], "cross_entropy", Y),
        ("MLPRegressor", [4, 6, 1], "half_squared_error", NUMBERS),
    ],
)
def test_the_course_is_sklearns(kind: str, sizes: list[int], loss: str, y: np.ndarray) -> None:
    """From the same weights, 15 iterations lead where scikit-learn's solver "lbfgs" leads."""
    networks = pytest.importorskip("sklearn.neural_network")
    alpha = 0.1
    net = dr.Network(
        sizes, loss=loss, activation="tanh", dtype="float64", l2=alpha / N,
        standardize_targets=False,
    )  # fmt: skip
    theirs = getattr(networks, kind)(
        hidden_layer_sizes=(6,),
        activation="tanh",
        solver="lbfgs",
        alpha=alpha,
        max_iter=1,
        warm_start=True,
    )
    with warnings.catch_warnings(action="ignore"):  # that it has not converged
        theirs.fit(X, y)
    theirs.coefs_ = [net.parameters[f"dense{i}.W"].copy() for i in (1, 2)]
    theirs.intercepts_ = [net.parameters[f"dense{i}.b"].copy() for i in (1, 2)]
    with warnings.catch_warnings(action="ignore"):
        theirs.set_params(max_iter=15).fit(X, y)
    history = training(net, y=y, max_iterations=15).run()
    assert history["train_loss"][-1] == pytest.approx(theirs.loss_, rel=1e-10)
    for i in (1, 2):
        np.testing.assert_allclose(net.parameters[f"dense{i}.W"], theirs.coefs_[i - 1], atol=1e-9)


def test_least_squares() -> None:
    """Without hidden layers and penalty, half the squared error finds the least squares."""
    net = dr.Network([4, 1], loss="half_squared_error", dtype="float64")
    training(net, y=NUMBERS).run()
    A = np.column_stack([X, np.ones(N)])
    expected = A @ np.linalg.lstsq(A, NUMBERS, rcond=None)[0]
    np.testing.assert_allclose(net.predict(X), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("loss", "k", "y"),
    [
        ("cross_entropy", 3, Y),
        ("binary_cross_entropy", 1, Y > 0),
        ("squared_error", 1, NUMBERS),
        ("poisson", 1, np.round(abs(NUMBERS) * 3)),
        ({"name": "huber", "delta": 0.5}, 1, NUMBERS),
    ],
)
def test_every_smooth_loss_comes_to_rest(loss: Any, k: int, y: np.ndarray) -> None:
    """With a hidden layer, too, ∇ becomes small, and the loss never rises on the way."""
    net = dr.Network([4, 6, k], loss=loss, dtype="float64", activation="tanh", l2=0.01)
    made = training(net, y=y, gradient_tolerance=1e-7, max_iterations=3000)
    first = net.backward(X, y).loss
    history = made.run()
    assert history.stop_reason == "converged"
    gradients = net.backward(X, y).parameters.values()
    assert max(abs(g).max() for g in gradients) <= 2e-7
    course = [first, *history["train_loss"]]
    assert (np.diff(course) <= 0).all()


def test_kinks_do_not_harm() -> None:
    """Losses and activations with kinks end somewhere below their start, by some reason."""
    net = dr.Network([4, 6, 3], loss={"name": "quantile", "level": [0.1, 0.5, 0.9]})
    first = net.evaluate(X, NUMBERS)["loss"]
    history = training(net, y=NUMBERS).run()
    assert history.stop_reason in ("converged", "line search", "iterations")
    assert net.evaluate(X, NUMBERS)["loss"] < 0.7 * first


# -- rows -----------------------------------------------------------------------------------------


def test_weights_repeat_rows() -> None:
    """A row of weight w is w equal rows: the same course, and the same minimum where it is one."""
    w = np.random.default_rng(1).integers(0, 4, N)  # the same whatever ran before
    again = np.repeat(np.arange(N), w)
    for sizes, limits in (([4, 6, 3], {"max_iterations": 15}), ([4, 3], {})):
        nets = [dr.Network(sizes, dtype="float64", activation="tanh", l2=0.05) for _ in range(2)]
        weighted = training(nets[0], weight=w, **limits).run()
        repeated = training(nets[1], X[again], Y[again], **limits).run()
        np.testing.assert_allclose(nets[0].chain.theta, nets[1].chain.theta, rtol=0, atol=1e-8)
        for name in ("train_loss", "train_accuracy"):
            assert weighted[name][-1] == pytest.approx(repeated[name][-1], rel=1e-8)


def test_many_rows_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows may be cut and their input made anew: loss, ∇ and scores stay to rounding."""
    net = network(scaling="feature")
    expected = training(net, weight=WEIGHT)._evaluate(net.chain.theta)
    for rows_at_once, kept in ((7, 2**24), (64, 0), (1000, 0)):
        monkeypatch.setattr("deltarule.learning.full_batch.ROWS_AT_ONCE", rows_at_once)
        monkeypatch.setattr("deltarule.learning.full_batch.MOST_KEPT", kept)
        found = training(net, weight=WEIGHT)._evaluate(net.chain.theta)
        assert found.value == pytest.approx(expected.value, rel=1e-13)
        np.testing.assert_allclose(found.grad, expected.grad, atol=1e-15)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-13)


def test_loss_and_gradient_are_the_networks() -> None:
    """What is minimised is the network's own loss with its penalty, and ∇ is its gradient."""
    net = network()
    found = training(net, weight=WEIGHT)._evaluate(net.chain.theta)
    own = net.backward(X, Y, WEIGHT)
    assert found.value == pytest.approx(own.loss, rel=1e-14)
    views = net.chain.layout.views(found.grad)
    for name, g in own.parameters.items():
        np.testing.assert_allclose(views[name], g, atol=1e-16, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twice_the_same(dtype: str) -> None:
    """Two trainings agree to the bit."""
    nets = [network(dtype=dtype), network(dtype=dtype)]
    courses = [training(net, max_iterations=40).run() for net in nets]
    assert nets[0].chain.theta.tobytes() == nets[1].chain.theta.tobytes()
    assert courses[0].weights_sha256 == courses[1].weights_sha256
    for name in ("train_loss", "train_accuracy", "gradient"):
        assert courses[0][name] == courses[1][name]


def test_float32_is_the_rounding_of_float64() -> None:
    """A chain of float32 is trained in float64, and its weights are rounded at the end."""
    narrow, wide = network(dtype="float32"), network(dtype="float64")
    wide.chain.theta[...] = narrow.chain.theta
    rows = X.astype(np.float32)
    courses = [training(net, rows, max_iterations=30).run() for net in (narrow, wide)]
    assert narrow.chain.theta.dtype == np.float32
    np.testing.assert_array_equal(narrow.chain.theta, wide.chain.theta.astype(np.float32))
    assert courses[0]["train_loss"] == courses[1]["train_loss"]


# -- records, callbacks and ends ------------------------------------------------------------------


def test_records() -> None:
    """One record for each iteration, its values those of the weights after it."""
    net = network()
    seen: list[np.ndarray] = []
    made = training(
        net, X_val=X[:30], y_val=Y[:30], max_iterations=12,
        callbacks=[lambda t: seen.append(t.chain.theta.copy())],
    )  # fmt: skip
    history = made.run()
    assert len(history) == len(seen) == history.steps == made.t == made.epoch == 12
    assert history.engine == "reference"
    assert history.engine_reasons
    assert history["epoch"] == history["step"] == list(range(1, 13))
    for record, theta in zip(history.epochs, seen, strict=True):
        net.chain.theta[...] = theta
        assert list(record) == [
            "epoch", "step", "lr", "gradient", "train_loss", "train_accuracy",
            "val_loss", "val_accuracy", "seconds",
        ]  # fmt: skip
        own, found = net.backward(X, Y), net.evaluate(X[:30], Y[:30])
        assert record["train_loss"] == pytest.approx(own.loss, rel=1e-14)
        assert record["gradient"] == pytest.approx(
            max(abs(g).max() for g in own.parameters.values()), rel=1e-9
        )
        assert record["train_accuracy"] == net.evaluate(X, Y)["accuracy"]
        assert (record["val_loss"], record["val_accuracy"]) == (found["loss"], found["accuracy"])
    assert history.weights_sha256 == hashlib.sha256(seen[-1].tobytes()).hexdigest()
    assert history.to_dict().keys() == history.epochs[0].keys()


def test_no_evaluation_is_wasted() -> None:
    """What a record needs is known from the line search."""
    net = network()
    made = training(net, max_iterations=20)
    calls: list[int] = []
    objective = made.objective
    made.objective = lambda *given: calls.append(1) or objective(*given)  # type: ignore[func-returns-value]
    made.run()
    assert len(calls) == made.evaluations
    assert made.evaluations <= 20 * 1.5 + 2


@pytest.mark.parametrize(
    ("reason", "limits"),
    [
        ("converged", {"gradient_tolerance": 1e-2}),
        ("converged", {"value_tolerance": 1e-3}),
        ("iterations", {"max_iterations": 5}),
        ("evaluations", {"max_evaluations": 10}),
    ],
)
def test_each_limit_ends_it(reason: str, limits: dict[str, Any]) -> None:
    """Tolerances and limits end a training where SciPy would end it, and it says which."""
    scipy = pytest.importorskip("scipy.optimize")
    net, other = network(), network()
    history = training(net, **limits).run()
    assert history.stop_reason == reason
    assert not history.stopped_early
    by_hand = training(other)
    limits = {**EXACT, **limits}
    found = scipy.minimize(
        by_hand._value_and_gradient, other.chain.theta.copy(), jac=True, method="L-BFGS-B",
        callback=lambda theta: None,
        options={
            "maxiter": limits["max_iterations"], "maxfun": limits["max_evaluations"] - 1,
            "ftol": limits["value_tolerance"], "gtol": limits["gradient_tolerance"],
        },
    )  # fmt: skip
    assert len(history) == found.nit
    np.testing.assert_array_equal(net.chain.theta, found.x)


def test_at_the_minimum_nothing_happens() -> None:
    """Where ∇ is small to begin with there are no iterations, and it has converged."""
    net = network()
    training(net).run()
    theta = net.chain.theta.copy()
    history = training(net, gradient_tolerance=1e-6).run()
    assert (history.stop_reason, len(history), history.steps) == ("converged", 0, 0)
    np.testing.assert_array_equal(net.chain.theta, theta)


def test_rounding_ends_the_search() -> None:
    """With no tolerance at all it ends where no lower point can be found, and says so."""
    net = network()
    history = training(net, gradient_tolerance=0.0, max_iterations=5000).run()
    assert history.stop_reason in ("converged", "line search")
    assert history.epochs[-1]["gradient"] < 1e-7


def test_a_callback_stops() -> None:
    """`training.stop = True` ends the training after the current iteration."""

    def third(training: Any) -> None:
        training.stop = training.epoch == 3

    history = training(network(), callbacks=[third]).run()
    assert (len(history), history.stop_reason) == (3, "callback")


def test_a_callback_stops_at_once() -> None:
    """Stopped at its start, a training leaves the weights as they are."""

    class Stop(dr.Callback):
        def on_start(self, training: Any) -> None:
            training.stop = True

    net = network()
    theta = net.chain.theta.copy()
    history = training(net, callbacks=[Stop()]).run()
    assert (len(history), history.stop_reason) == (0, "callback")
    np.testing.assert_array_equal(net.chain.theta, theta)


def test_events_in_order() -> None:
    """Callbacks hear of the start, each iteration as a step and an epoch, and the end."""

    class Recorder(dr.Callback):
        events: list[str] = []  # noqa: RUF012

        def on_start(self, training: Any) -> None:
            self.events.append(f"start of {training.total_steps}")

        def on_step(self, training: Any) -> None:
            self.events.append(f"step {training.t} of {training.plan.epochs}")

        def on_epoch(self, training: Any) -> None:
            self.events.append(f"epoch {training.epoch} {training.history.epochs[-1]['epoch']}")

        def on_end(self, training: Any) -> None:
            self.events.append("end")

    recorder = Recorder()
    training(network(), max_iterations=2, callbacks=[recorder]).run()
    assert recorder.events == [
        "start of 2", "step 1 of 2", "epoch 1 1", "step 2 of 2", "epoch 2 2", "end",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Lines, ProgressBar])
@pytest.mark.parametrize("limits", [{"max_iterations": 6}, {"gradient_tolerance": 1e-2}])
def test_progress_is_shown(kind: Any, limits: dict[str, Any]) -> None:
    """Lines and the bar work as for mini-batches, and lines tell of the last iteration."""
    stream = io.StringIO()
    history = training(network(), callbacks=[kind(stream)], **limits).run()
    if kind is Lines:
        assert f"{len(history)}/{limits.get('max_iterations', 500)}" in stream.getvalue()


# -- the best weights -----------------------------------------------------------------------------


def overfit(patience: int | None = None, **options: Any) -> tuple[dr.Network, History]:
    """A training that gets worse on its validation rows after a while."""
    rng = np.random.default_rng(5)
    x, x_val = rng.normal(size=(30, 4)), rng.normal(size=(200, 4))
    y, y_val = (
        (a[:, 0] + 0.8 * rng.normal(size=len(a)) > 0).astype(int) + (a[:, 1] > 0.5)
        for a in (x, x_val)
    )
    net = network(l2=0.0)
    made = training(
        net, x, y, x_val, y_val, monitor=Monitor("val_loss", False, patience),
        max_iterations=60, **options,
    )  # fmt: skip
    history = made.run()
    assert history.best_epoch is not None
    assert history.best_epoch < len(history)
    assert history["val_loss"][history.best_epoch - 1] == min(history["val_loss"])
    found = net.evaluate(x_val, y_val)["loss"]
    kept = history.best_epoch if made.plan.restore_best else len(history)
    assert found == history["val_loss"][kept - 1]
    return net, history


def test_best_weights_are_restored() -> None:
    """The chain holds the weights of the best iteration, those of the last only if asked for."""
    net, history = overfit()
    theta = net.chain.theta
    assert hashlib.sha256(theta.tobytes()).hexdigest() != history.weights_sha256
    net, history = overfit(plan=replace(PLAN, restore_best=False))
    assert hashlib.sha256(net.chain.theta.tobytes()).hexdigest() == history.weights_sha256


def test_patience() -> None:
    """So many iterations without improvement end it, and count as an early stop."""
    _, history = overfit(patience=4)
    assert (history.stop_reason, history.stopped_early) == ("patience", True)
    assert history.best_epoch is not None
    assert len(history) == history.best_epoch + 4


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "plan", "says"),
    [
        ({"normalization": "batch"}, PLAN, "batchnorm1 (BatchNorm)"),
        ({"dropout": 0.5}, PLAN, "dropout1 (Dropout)"),
        ({}, replace(PLAN, clip_norm=1.0), "clip_norm is for mini-batches"),
        ({}, replace(PLAN, average=0.9), "average is for mini-batches"),
        ({}, replace(PLAN, precision="bf16"), "precision is for mini-batches"),
        ({}, replace(PLAN, engine="fast"), 'leave engine="auto"'),
    ],
)
def test_what_needs_mini_batches(options: Any, plan: Plan, says: str) -> None:
    """Layers that live on noise, and what belongs to mini-batches, are refused by name."""
    net = network(**options)
    with pytest.raises(dr.InvalidInput) as caught:
        training(net, plan=plan)
    assert says in str(caught.value)
    (sentence,) = against_full_batch(net.chain, plan)
    assert says in sentence


def test_layer_normalisation_is_allowed() -> None:
    """Layers that take each row by itself are welcome."""
    history = training(network(normalization="layer"), max_iterations=20).run()
    assert history["train_loss"][-1] < history["train_loss"][0]


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SciPy it says what to install, before anything has changed."""
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(dr.NotAvailable, match="pip install scipy"):
        training(network())


def test_no_finite_start() -> None:
    """Where the first loss is not finite, it diverges and the weights stay as they were."""
    net = dr.Network([4, 1], loss="poisson", dtype="float64")
    net.chain.theta[...] = 1e4
    with pytest.raises(dr.Diverged, match="Kept are the weights that it began with") as caught:
        training(net, abs(X), np.ones(N)).run()
    assert caught.value.step == 0
    assert (net.chain.theta == 1e4).all()


def test_a_trial_too_far_is_taken_back() -> None:
    """A trial of the line search whose loss overflows is a wall, from which it turns back."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * 400
    y = rng.poisson(np.exp(x @ [0.002, 0.001, 0.0]))
    net = dr.Network([3, 1], loss="poisson", dtype="float64")
    net.chain.theta[...] = 0
    made = training(net, x, y.astype(float), gradient_tolerance=1e-4)
    evaluate, infinite = made._evaluate, []

    def watched(theta: np.ndarray) -> Any:
        found = evaluate(theta)
        infinite.append(not found.finite)
        return found

    made._evaluate = watched  # type: ignore[method-assign]
    history = made.run()
    assert (np.diff(history["train_loss"]) <= 0).all()
    assert history.stop_reason == "converged"
    np.testing.assert_allclose(net.chain.theta[:2], [0.002, 0.001], atol=2e-4)
    assert any(infinite)


def test_validation_that_overflows() -> None:
    """A validation loss that is not finite ends it with the weights from before."""
    rows = X.copy()
    rows[0] = 1e5
    net = dr.Network([4, 1], loss="poisson", dtype="float64")
    net.chain.theta[...] = 0
    seen: list[np.ndarray] = [net.chain.theta.copy()]
    made = training(
        net, y=np.exp(X[:, 0]), X_val=rows, y_val=np.ones(N),
        callbacks=[lambda t: seen.append(t.chain.theta.copy())],
    )  # fmt: skip
    with pytest.raises(dr.Diverged, match=r"validation loss .* from before this iteration"):
        made.run()
    np.testing.assert_array_equal(net.chain.theta, seen[-1])
    assert made.history.steps == len(made.history) == len(seen) - 1
    assert made.history.stop_reason == ""


def test_an_interrupt_leaves_whole_iterations() -> None:
    """Interrupted inside an evaluation, the chain holds the weights of the last whole iteration."""
    net = network()
    seen: list[np.ndarray] = []
    made = training(net, callbacks=[lambda t: seen.append(t.chain.theta.copy())])
    objective = made.objective

    def impatient(*given: Any) -> Any:
        if made.evaluations == 12:
            raise KeyboardInterrupt
        return objective(*given)

    made.objective = impatient
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert len(seen) > 3
    np.testing.assert_array_equal(net.chain.theta, seen[-1])
    assert made.history.steps == len(made.history) == len(seen)
