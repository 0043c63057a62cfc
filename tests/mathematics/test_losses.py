"""What each loss is: parity with PyTorch and scikit-learn, conventions, and the links."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.ground.errors import InvalidInput
from deltarule.mathematics import losses

laws = settings(deadline=None, derandomize=True, max_examples=40)
seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def torch():  # type: ignore[no-untyped-def]
    """The package, or a skip."""
    return pytest.importorskip("torch", reason="needs the optional package torch")


RNG = np.random.default_rng(0)
N, K = 30, 4
SCORES = RNG.normal(size=(N, K)) * 3
CLASSES = RNG.integers(0, K, N)
SOFT = RNG.dirichlet(np.ones(K), N)
LABELS = (RNG.random((N, K)) < 0.4).astype(float)
NUMBERS = RNG.normal(size=(N, K)) * 2
COUNTS = RNG.poisson(3.0, (N, K)).astype(float)


def against_torch(torch: Any, ours: tuple[Any, Any], theirs: Any, y: np.ndarray) -> None:
    """Value and gradient agree to 1e-12."""
    z = torch.tensor(SCORES, requires_grad=True)
    expected = theirs(z, torch.tensor(y))
    expected.backward()
    assert float(ours[0]) == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(ours[1], z.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("y", [CLASSES, SOFT], ids=["classes", "soft"])
def test_cross_entropy_is_torchs(y: np.ndarray, smoothing: float, torch) -> None:  # type: ignore[no-untyped-def]
    """cross_entropy with classes and soft targets, with and without smoothing, is PyTorch's."""
    ours = losses.cross_entropy(y, SCORES, None, N, label_smoothing=smoothing)
    f = torch.nn.functional.cross_entropy
    against_torch(torch, ours, lambda z, y: f(z, y, label_smoothing=smoothing), y)


@pytest.mark.parametrize("y", [LABELS, SOFT], ids=["labels", "soft"])
def test_binary_cross_entropy_is_torchs(y: np.ndarray, torch) -> None:  # type: ignore[no-untyped-def]
    """binary_cross_entropy is PyTorch's binary_cross_entropy_with_logits."""
    ours = losses.binary_cross_entropy(y, SCORES, None, N)
    against_torch(torch, ours, torch.nn.functional.binary_cross_entropy_with_logits, y)


@pytest.mark.parametrize(
    ("name", "theirs"), [("squared_error", "mse_loss"), ("absolute_error", "l1_loss")]
)
def test_elementwise_errors_are_torchs(name: str, theirs: str, torch) -> None:  # type: ignore[no-untyped-def]
    """squared_error and absolute_error average over outputs, as PyTorch's do."""
    ours = getattr(losses, name)(NUMBERS, SCORES, None, N)
    against_torch(torch, ours, getattr(torch.nn.functional, theirs), NUMBERS)


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5])
def test_huber_is_torchs(delta: float, torch) -> None:  # type: ignore[no-untyped-def]
    """huber is PyTorch's huber_loss."""
    ours = losses.huber(NUMBERS, SCORES, None, N, delta=delta)
    f = torch.nn.functional.huber_loss
    against_torch(torch, ours, lambda z, y: f(z, y, delta=delta), NUMBERS)


def test_poisson_is_torchs(torch) -> None:  # type: ignore[no-untyped-def]
    """poisson is PyTorch's poisson_nll_loss of log rates, without the constant."""
    ours = losses.poisson(COUNTS, SCORES, None, N)
    f = torch.nn.functional.poisson_nll_loss
    against_torch(torch, ours, lambda z, y: f(z, y, log_input=True, full=False), COUNTS)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantile_is_the_pinball_loss(level: float) -> None:
    """quantile charges τ for each unit below the target and 1 − τ for each above."""
    y, z = np.array([[3.0, 3.0]]), np.array([[1.0, 7.0]])
    value, g = losses.quantile(y, z, None, 1.0, level=level)
    assert value == pytest.approx((2 * level + 4 * (1 - level)) / 2, rel=1e-15)
    np.testing.assert_allclose(g, [[-level / 2, (1 - level) / 2]], rtol=1e-15)
    _, at_target = losses.quantile(y, y, None, 1.0, level=level)
    assert (at_target == 0).all()


WEIGHT = RNG.uniform(0.1, 3.0, N)


def test_cross_entropy_is_sklearns_log_loss() -> None:
    """With weights, cross_entropy is scikit-learn's log_loss of the softmax."""
    metrics = pytest.importorskip("sklearn.metrics")
    value, _ = losses.cross_entropy(CLASSES, SCORES, WEIGHT, WEIGHT.sum())
    p = losses.softmax(SCORES)
    expected = metrics.log_loss(CLASSES, p, sample_weight=WEIGHT, labels=range(K))
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("level", [0.2, 0.5])
def test_regression_losses_are_sklearns(level: float) -> None:
    """With weights, the regression losses are scikit-learn's metrics of the same names."""
    metrics = pytest.importorskip("sklearn.metrics")
    pairs = {
        metrics.mean_pinball_loss(NUMBERS, SCORES, sample_weight=WEIGHT, alpha=level): (
            losses.quantile(NUMBERS, SCORES, WEIGHT, WEIGHT.sum(), level=level)
        ),
        metrics.mean_squared_error(NUMBERS, SCORES, sample_weight=WEIGHT): (
            losses.squared_error(NUMBERS, SCORES, WEIGHT, WEIGHT.sum())
        ),
        metrics.mean_squared_error(NUMBERS, SCORES, sample_weight=WEIGHT) / 2: (
            losses.half_squared_error(NUMBERS, SCORES, WEIGHT, WEIGHT.sum())
        ),
        metrics.mean_absolute_error(NUMBERS, SCORES, sample_weight=WEIGHT): (
            losses.absolute_error(NUMBERS, SCORES, WEIGHT, WEIGHT.sum())
        ),
    }
    for expected, (value, _) in pairs.items():
        assert value == pytest.approx(expected, rel=1e-12)


def test_quantile_is_least_at_the_quantile() -> None:
    """The constant that minimises the pinball loss is the τ-quantile of the targets."""
    y = np.sort(RNG.normal(size=(999, 1)), axis=0)
    levels = [losses.quantile(y, np.full_like(y, v), None, 999.0, level=0.3)[0] for v in y[:, 0]]
    assert int(np.argmin(levels)) == math.floor(0.3 * 999)


LEVELS = [0.9, 0.1, 0.5, 0.25]  # in any order


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_several_levels_are_one_for_each_output(kind: Any, dtype: type) -> None:
    """Each column's gradient is that of its own level to the bit, a k-th of it; so is the value."""
    y, z, w = NUMBERS.astype(dtype), SCORES.astype(dtype), WEIGHT.astype(dtype)
    value, g = losses.quantile(y, z, w, float(K), level=kind(LEVELS))
    assert value.dtype == g.dtype == dtype
    one = [
        losses.quantile(y[:, j : j + 1], z[:, j : j + 1], w, float(K * K), level=level)
        for j, level in enumerate(LEVELS)
    ]
    np.testing.assert_array_equal(g, np.hstack([column for _, column in one]))
    assert value == pytest.approx(sum(float(v) for v, _ in one), rel=1e-6)


def test_one_column_serves_all_levels() -> None:
    """A target of one column stands for k equal ones, in value and gradient."""
    y = NUMBERS[:, :1]
    for level in (LEVELS, 0.3):
        value, g = losses.quantile(y, SCORES, WEIGHT, 3.0, level=level)
        same, same_g = losses.quantile(np.tile(y, K), SCORES, WEIGHT, 3.0, level=level)
        assert value == same
        np.testing.assert_array_equal(g, same_g)


@laws
@given(seed=seeds)
def test_several_levels_have_the_gradient_of_their_value(seed: int) -> None:
    """∂L/∂z of several levels is the complex step of L."""
    rng = np.random.default_rng(seed)
    y, z, v = rng.normal(size=(5, 1)), rng.normal(size=(5, K)), rng.normal(size=(5, K))
    _, g = losses.quantile(y, z, WEIGHT[:5], 2.0, level=LEVELS)
    along = losses.quantile(y, z + 1e-30j * v, WEIGHT[:5], 2.0, level=LEVELS)[0].imag / 1e-30
    assert (g * v).sum() == pytest.approx(float(along), rel=1e-12)


def test_several_levels_of_tensors(torch) -> None:  # type: ignore[no-untyped-def]
    """On torch tensors several levels give the same numbers."""
    value, g = losses.quantile(NUMBERS[:, :1], SCORES, None, N, level=LEVELS)
    tensors = torch.tensor(NUMBERS[:, :1]), torch.tensor(SCORES)
    t, tg = losses.quantile(*tensors, None, N, level=LEVELS)
    assert float(t) == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(tg.numpy(), g, rtol=1e-12)


@laws
@given(data=st.data())
def test_no_finite_score_is_too_extreme_for_several_levels(data: st.DataObject) -> None:
    """For any finite scores and targets there is no NaN, and the gradient is finite."""
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    z = np.array(data.draw(st.lists(numbers, min_size=8, max_size=8))).reshape(2, 4)
    y = np.array(data.draw(st.lists(numbers, min_size=2, max_size=2)))[:, None]
    value, g = losses.quantile(y, z, None, 2.0, level=LEVELS)
    assert value >= 0
    assert np.isfinite(g).all()


@laws
@given(seed=seeds, shift=st.floats(-1e3, 1e3))
def test_cross_entropy_ignores_a_shift(seed: int, shift: float) -> None:
    """Adding a number to all scores of a row changes nothing."""
    z = np.random.default_rng(seed).normal(size=(N, K))
    value, g = losses.cross_entropy(CLASSES, z, None, N)
    moved, moved_g = losses.cross_entropy(CLASSES, z + shift, None, N)
    assert moved == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(moved_g, g, atol=1e-13)
    np.testing.assert_allclose(g.sum(1), 0.0, atol=1e-16)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_hot_targets_are_classes(smoothing: float) -> None:
    """Rows of the identity matrix mean the same as the integer classes."""
    a = losses.cross_entropy(CLASSES, SCORES, WEIGHT, 7.0, label_smoothing=smoothing)
    b = losses.cross_entropy(np.eye(K)[CLASSES], SCORES, WEIGHT, 7.0, label_smoothing=smoothing)
    assert a[0] == pytest.approx(float(b[0]), rel=1e-15)
    np.testing.assert_allclose(a[1], b[1], rtol=1e-13, atol=1e-17)


def test_label_smoothing_mixes_in_the_uniform_distribution() -> None:
    """Smoothing ε is the loss of the target (1 − ε)·y + ε/k."""
    q = 0.7 * np.eye(K)[CLASSES] + 0.3 / K
    a = losses.cross_entropy(CLASSES, SCORES, None, N, label_smoothing=0.3)
    b = losses.cross_entropy(q, SCORES, None, N)
    assert a[0] == pytest.approx(float(b[0]), rel=1e-14)
    np.testing.assert_allclose(a[1], b[1], atol=1e-16)


def test_soft_targets_of_any_mass() -> None:
    """Soft targets need not sum to 1: twice the target is twice the loss and the gradient."""
    value, g = losses.cross_entropy(SOFT, SCORES, WEIGHT, 7.0)
    twice, of_twice = losses.cross_entropy(2 * SOFT, SCORES, WEIGHT, 7.0)
    assert twice == pytest.approx(2 * float(value), rel=1e-14)
    np.testing.assert_allclose(of_twice, 2 * g, rtol=1e-12)


def test_two_classes_are_one_binary_label() -> None:
    """Softmax over (0, z) is the logistic function of z, and the losses agree."""
    z, y = SCORES[:, :1], (CLASSES > 1).astype(int)
    pair = np.hstack([np.zeros_like(z), z])
    two, of_two = losses.cross_entropy(y, pair, None, N)
    one, of_one = losses.binary_cross_entropy(y[:, None].astype(float), z, None, N)
    assert two == pytest.approx(float(one), rel=1e-14)
    np.testing.assert_allclose(of_two[:, 1:], of_one, rtol=1e-12)


def test_poisson_with_a_heavy_rate_and_a_light_weight() -> None:
    """c·e^z is right where e^z alone would overflow, and 0·e^z is 0."""
    value, g = losses.poisson(
        np.zeros((2, 1)), np.full((2, 1), 800.0), np.array([1e-100, 0.0]), 1.0
    )
    expected = math.exp(800.0 - 100 * math.log(10) - 100) * math.exp(100)
    assert value == pytest.approx(expected, rel=1e-12)
    assert g[0, 0] == pytest.approx(expected, rel=1e-12)
    assert g[1, 0] == 0.0


@laws
@given(seed=seeds, extreme=st.sampled_from([1.0, 100.0, 1e300]))
def test_softmax_is_a_distribution(seed: int, extreme: float) -> None:
    """Rows of softmax are positive, sum to 1, keep the order of the scores and ignore a shift."""
    z = np.random.default_rng(seed).normal(size=(6, 5)) * extreme
    p = losses.softmax(z)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(1), 1.0, rtol=1e-15)
    assert np.array_equal(p.argmax(1), z.argmax(1))
    if extreme == 1.0:
        np.testing.assert_allclose(losses.softmax(z + 123.0), p, rtol=1e-12)


def test_links_are_the_inverse_of_what_scores_mean() -> None:
    """The links: softmax, σ, e^z, and the scores themselves."""
    z = SCORES
    np.testing.assert_allclose(losses.binary_cross_entropy.link(z), 1 / (1 + np.exp(-z)))
    np.testing.assert_allclose(losses.poisson.link(z), np.exp(z))
    assert losses.squared_error.link(z) is z
    assert losses.cross_entropy.link is losses.softmax


def test_l2_penalty_is_half_a_square() -> None:
    """P = (λ/2)‖W‖² and its gradient λW, which PyTorch's coupled weight_decay adds."""
    w = RNG.normal(size=12)
    value, g = losses.l2_penalty(w, 0.3)
    assert value == pytest.approx(0.15 * (w @ w), rel=1e-14)
    np.testing.assert_allclose(g, 0.3 * w, rtol=1e-15)
    step = losses.l2_penalty(w + 1e-30j * np.eye(12)[4], 0.3)[0].imag / 1e-30
    assert step == pytest.approx(g[4], rel=1e-14)


def squares(y: Any, z: Any, *, times: float = 1.0) -> Any:
    """The squared error of each output."""
    return times * (z - y) ** 2, 2 * times * (z - y)


def square_of_row(y: Any, z: Any) -> Any:
    """The mean squared error of each row."""
    return ((z - y) ** 2).mean(1), 2 * (z - y) / z.shape[1]


@pytest.mark.parametrize("function", [squares, square_of_row])
@pytest.mark.parametrize("weight", [None, np.linspace(0.0, 2.0, N)], ids=["plain", "weighted"])
def test_a_loss_of_rows_is_weighed_as_ours_are(function: Any, weight: Any) -> None:
    """Of each output or of each row: value and gradient are those of `squared_error`."""
    own = losses.of_rows("regression")(function)
    total = float(N if weight is None else weight.sum())
    value, gradient = own(NUMBERS, SCORES, weight, total)
    expected, slope = losses.squared_error(NUMBERS, SCORES, weight, total)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, slope, rtol=1e-13)
    assert own.__name__ == function.__name__
    assert (own.task, own.link, own.kinks) == ("regression", losses.identity_link, ())


def test_a_loss_of_rows_keeps_its_options() -> None:
    """Keyword-only parameters are options still, by name in a network too."""
    own = losses.of_rows("regression")(squares)
    value, _ = own(NUMBERS, SCORES, None, N, times=3.0)
    assert value == pytest.approx(3 * own(NUMBERS, SCORES, None, N)[0])
    net = dr.Network([2, 1], loss={"name": own, "times": 3.0})
    assert net.settings.loss.options == {"times": 3.0}


@pytest.mark.parametrize(
    "answer",
    [
        lambda y, z: ((z - y) ** 2).sum(),
        lambda y, z: (((z - y) ** 2).sum(), z - y),
        lambda y, z: ((z - y) ** 2, (z - y).sum(1)),
    ],
)
def test_a_loss_of_rows_that_answers_something_else_is_told_so(answer: Any) -> None:
    """A sum, or a derivative of another shape, is refused with what is wanted."""
    own = losses.of_rows("regression")(answer)
    with pytest.raises(InvalidInput, match=r"must return ℓ of each row, \(30,\)"):
        own(NUMBERS, SCORES, None, N)
