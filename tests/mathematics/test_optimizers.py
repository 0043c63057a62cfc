"""Each rule: five golden steps, a scalar implementation beside them, and parity with PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import losses, optimizers
from deltarule.mathematics.schedules import exponential

GRADS = [0.5, -1.0, 0.25, 2.0, -0.125]
LR = 0.1


def scalar_sgd(momentum: float = 0.0, nesterov: bool = False) -> Iterator[float]:
    """Stochastic gradient descent on one number, with the textbook's velocity."""
    theta, u = 1.0, 0.0
    for g in GRADS:
        u = momentum * u + g
        theta -= LR * (g + momentum * u if nesterov else u)
        yield theta


def scalar_rmsprop(rho: float = 0.99) -> Iterator[float]:
    """RMSprop on one number."""
    theta, v = 1.0, 0.0
    for g in GRADS:
        v = rho * v + (1 - rho) * g**2
        theta -= LR * g / (math.sqrt(v) + 1e-8)
        yield theta


def scalar_adam(beta1: float = 0.9, beta2: float = 0.999) -> Iterator[float]:
    """Adam on one number, by algorithm 1 of the paper."""
    theta, m, v = 1.0, 0.0, 0.0
    for t, g in enumerate(GRADS, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        theta -= LR * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + 1e-8)
        yield theta


def scalar_nadam(beta1: float = 0.9, beta2: float = 0.999, decay: float = 0.004) -> Iterator[float]:
    """NAdam on one number, with the running product of its momenta."""
    theta, m, v, product = 1.0, 0.0, 0.0, 1.0
    for t, g in enumerate(GRADS, 1):
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (n * decay)) for n in (t, t + 1))
        product *= now
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        step = (1 - now) * g / (1 - product) + ahead * m / (1 - product * ahead)
        theta -= LR * step / (math.sqrt(v / (1 - beta2**t)) + 1e-8)
        yield theta


def scalar_lion(beta1: float = 0.9, beta2: float = 0.99) -> Iterator[float]:
    """Lion on one number."""
    theta, m = 1.0, 0.0
    for g in GRADS:
        theta -= LR * math.copysign(1.0, beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g
        yield theta


GOLDEN: dict[str, tuple[str, dict[str, Any], Callable[..., Iterator[float]], list[float]]] = {
    "sgd": (
        "sgd",
        {},
        scalar_sgd,
        [0.95, 1.05, 1.0250000000000001, 0.8250000000000002, 0.8375000000000001],
    ),
    "momentum": (
        "sgd",
        {"momentum": 0.9},
        scalar_sgd,
        [0.95, 1.005, 1.0294999999999999, 0.8515499999999998, 0.7038949999999998],
    ),
    "nesterov": (
        "sgd",
        {"momentum": 0.9, "nesterov": True},
        scalar_sgd,
        [0.905, 1.0545, 1.05155, 0.691395, 0.5710054999999999],
    ),
    "rmsprop": (
        "rmsprop",
        {},
        scalar_rmsprop,
        [
            1.9999996048181146e-07,
            0.8953230819113371,
            0.6758495749040284,
            -0.19416390456178978,
            -0.13959555278162772,
        ],
    ),
    "rmsprop, rho 0.9": (
        "rmsprop",
        {"rho": 0.9},
        scalar_rmsprop,
        [
            0.6837722539831608,
            0.9694865315341814,
            0.8962416917664732,
            0.6147608706482718,
            0.6332732445151262,
        ],
    ),
    "adam": (
        "adam",
        {},
        scalar_adam,
        [
            0.900000002,
            0.9366103542405654,
            0.9502794203389762,
            0.9054012122349253,
            0.8704808815449748,
        ],
    ),
    "adam, beta2 0.95": (
        "adam",
        {"beta2": 0.95},
        scalar_adam,
        [
            0.900000002,
            0.9363373965915929,
            0.9500597110396767,
            0.9062531520685857,
            0.8717223841032327,
        ],
    ),
    "nadam": (
        "nadam",
        {},
        scalar_nadam,
        [
            0.8943548242773647,
            0.9850105723988076,
            0.9638830488677017,
            0.8573649760028503,
            0.8576487710897635,
        ],
    ),
    "lion": (
        "lion",
        {},
        scalar_lion,
        [0.9, 1.0, 0.9, 0.8, 0.7000000000000001],
    ),
}


def five_steps(name: str, options: dict[str, Any]) -> list[float]:
    """θ after each of five steps, by the rule."""
    theta = np.ones(1)
    optimizer = Optimizer(getattr(optimizers, name), theta, lr=LR, total=5, options=options)
    steps = []
    for t, g in enumerate(GRADS, 1):
        optimizer.step(theta, np.array([g]), t)
        steps.append(float(theta[0]))
    return steps


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_steps(case: str) -> None:
    """Five literal steps pin the rule for ever."""
    name, options, _, golden = GOLDEN[case]
    assert five_steps(name, options) == pytest.approx(golden, rel=1e-14)


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_steps_are_the_definition(case: str) -> None:
    """The literal steps are those of the textbook's rule for one number."""
    _, options, scalar, golden = GOLDEN[case]
    assert list(scalar(**options)) == pytest.approx(golden, rel=1e-14)


STEPS, N, MATRICES = 1000, 30, slice(0, 20)
RATE_DECAY = 1e-3


def recorded() -> np.ndarray:
    """A thousand gradients whose sizes differ by parameter and by step."""
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-3, 1, N)
    return rng.normal(size=(STEPS, N)) * sizes * rng.uniform(0.1, 2.0, (STEPS, 1))


def ours_after(
    rule: str, options: dict[str, Any], weight_decay: float = 0.0, l2: float = 0.0
) -> np.ndarray:
    """θ after a thousand recorded gradients at a falling rate."""
    theta = np.linspace(-1, 1, N)
    optimizer = Optimizer(
        getattr(optimizers, rule),
        theta,
        lr=0.01,
        total=STEPS,
        schedule=lambda done, total: exponential(done, total, decay=RATE_DECAY),
        weight_decay=weight_decay,
        matrices=MATRICES,
        options=options,
    )
    for t, grad in enumerate(recorded(), 1):
        if l2:
            grad[MATRICES] += losses.l2_penalty(theta[MATRICES], l2)[1]
        optimizer.step(theta, grad, t)
    return theta


def torchs_after(torch: Any, rule: str, options: dict[str, Any], decay: float = 0.0) -> np.ndarray:
    """The same by PyTorch, the matrices in a group of their own."""
    start = torch.linspace(-1, 1, N, dtype=torch.float64)
    parts = [start[MATRICES].clone(), start[MATRICES.stop :].clone()]
    optimizer = getattr(torch.optim, rule)(
        [
            {"params": [parts[0]], "weight_decay": decay},
            {"params": [parts[1]], "weight_decay": 0.0},
        ],
        lr=0.01,
        foreach=False,
        **options,
    )
    for t, grad in enumerate(torch.from_numpy(recorded())):
        parts[0].grad, parts[1].grad = grad[MATRICES], grad[MATRICES.stop :]
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * math.exp(-RATE_DECAY * t)
        optimizer.step()
    return torch.cat(parts).numpy()  # type: ignore[no-any-return]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖a − b‖₂/‖b‖₂."""
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.fixture
def torch():  # type: ignore[no-untyped-def]
    """The package, or a skip; its default is float64, for NAdam keeps a product in the default."""
    package = pytest.importorskip("torch", reason="needs the optional package torch")
    before = package.get_default_dtype()
    package.set_default_dtype(package.float64)
    yield package
    package.set_default_dtype(before)


NESTEROV = {"momentum": 0.9, "nesterov": True}


@pytest.mark.parametrize(
    ("rule", "options", "theirs", "their_options"),
    [
        ("sgd", {}, "SGD", {}),
        ("sgd", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
        ("sgd", NESTEROV, "SGD", NESTEROV),
        ("rmsprop", {}, "RMSprop", {}),
        ("rmsprop", {"rho": 0.9, "epsilon": 1e-3}, "RMSprop", {"alpha": 0.9, "eps": 1e-3}),
        ("adam", {}, "Adam", {}),
        (
            "adam",
            {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4},
            "Adam",
            {"betas": (0.8, 0.95), "eps": 1e-4},
        ),
        ("nadam", {}, "NAdam", {}),
        ("nadam", {"momentum_decay": 0.0}, "NAdam", {"momentum_decay": 0.0}),
        (
            "nadam",
            {"momentum_decay": 0.1, "beta1": 0.8},
            "NAdam",
            {"momentum_decay": 0.1, "betas": (0.8, 0.999)},
        ),
    ],
)
def test_thousand_steps_are_torchs(rule, options, theirs, their_options, torch) -> None:  # type: ignore[no-untyped-def]
    """Fed the same gradients at the same rates, θ is PyTorch's after 1,000 steps."""
    expected = torchs_after(torch, theirs, their_options)
    assert distance(ours_after(rule, options), expected) <= 1e-12


@pytest.mark.parametrize(
    ("rule", "theirs", "their_options"),
    [("adam", "AdamW", {}), ("nadam", "NAdam", {"decoupled_weight_decay": True})],
)
def test_weight_decay_is_torchs_decoupled(rule, theirs, their_options, torch) -> None:  # type: ignore[no-untyped-def]
    """With weight_decay, Adam is PyTorch's AdamW and NAdam its decoupled form, for matrices."""
    expected = torchs_after(torch, theirs, their_options, decay=0.3)
    assert distance(ours_after(rule, {}, weight_decay=0.3), expected) <= 1e-12


@pytest.mark.parametrize(
    ("rule", "options", "theirs"),
    [("sgd", {"momentum": 0.9}, "SGD"), ("rmsprop", {}, "RMSprop"), ("adam", {}, "Adam")],
)
def test_l2_is_torchs_coupled_weight_decay(rule, options, theirs, torch) -> None:  # type: ignore[no-untyped-def]
    """l2 in the loss is what PyTorch's coupled weight_decay adds to the gradient."""
    expected = torchs_after(torch, theirs, options, decay=0.03)
    assert distance(ours_after(rule, options, l2=0.03), expected) <= 1e-12


def test_lion_is_five_lines() -> None:
    """A thousand steps of lion are those of the paper's five lines, entry by entry."""
    theta, m = np.linspace(-1, 1, N), np.zeros(N)
    for t, grad in enumerate(recorded()):
        lr = 0.01 * math.exp(-RATE_DECAY * t)
        theta -= lr * np.sign(0.9 * m + 0.1 * grad)
        m = 0.99 * m + 0.01 * grad
    assert distance(ours_after("lion", {}), theta) <= 1e-12


@pytest.mark.parametrize("decay", [0.0, 0.004, 0.3])
@pytest.mark.parametrize("beta1", [0.5, 0.9, 0.999])
def test_nadams_product_needs_no_memory(beta1: float, decay: float) -> None:
    """The closed form of μ₁⋯μₜ is the running product, at any step."""
    product = 1.0
    for t in range(1, 400):
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (n * decay)) for n in (t, t + 1))
        product *= now
        scalars = optimizers.nadam.scalars(t, beta1=beta1, momentum_decay=decay)
        expected = [(1 - now) / (1 - product), ahead / (1 - product * ahead), 1 - 0.999**t]
        assert scalars == pytest.approx(expected, rel=1e-13)


def test_adams_first_step_is_the_rate() -> None:
    """In its first step Adam moves each parameter by η·∇/(|∇| + ε), whatever the size of ∇."""
    theta, grad = np.zeros(4), np.array([1e-6, -1.0, 1e6, 0.0])
    optimizer = Optimizer(optimizers.adam, theta, lr=0.1, total=1)
    optimizer.step(theta, grad, 1)
    np.testing.assert_allclose(theta, -0.1 * grad / (abs(grad) + 1e-8), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_flush(dtype: type) -> None:
    """flush leaves nothing denormal, large numbers exactly, and all others to an ulp."""
    info = np.finfo(dtype)
    sizes = np.ldexp(np.array(1.3, dtype), np.arange(info.minexp - info.nmant, 60)).astype(dtype)
    state = np.concatenate([sizes, -sizes, [0.0]]).astype(dtype)
    before = state.copy()
    optimizers.flush(state)
    assert not ((abs(state) > 0) & (abs(state) < info.tiny)).any()
    c = 4 * info.tiny / info.eps
    assert (abs(state - before) <= np.maximum(abs(before) * info.eps, c * info.eps)).all()
    large = abs(before) > c * 4 / info.eps
    assert large.any()
    assert np.array_equal(state[large], before[large])
    assert state[-1] == 0
