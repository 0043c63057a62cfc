"""A stand-in for the compiled core, written with the reference, to test what leads to it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from deltarule.data.scaling import Scaling
from deltarule.engine import native
from deltarule.ground.errors import names_in
from deltarule.ground.randomness import GAMMA, MASK64, _mix64, bits32
from deltarule.learning.step import clip_norm, l2
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, Dense, Dropout
from deltarule.mathematics import activations, losses, optimizers


def only_option(table: ModuleType, name: str, value: float) -> Any:
    """A function of a table with its one option, if it has one."""
    function = getattr(table, name)
    keys = list(
        getattr(function, "__kwdefaults__", None) or function.__wrapped__.__kwdefaults__ or ()
    )
    return (lambda *given: function(*given, **{keys[0]: value})) if keys else function


def chain_of(
    sizes: list[int], functions: list[Any], dropout: list[Any], theta: np.ndarray
) -> Chain:
    """The chain that the words describe, each dropout in its place."""
    layers: dict[str, Any] = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        layers[f"dense{i}"] = Dense(n_in, n_out)
        if i < len(functions):
            name, value = functions[i]
            if name != "identity":
                layers[f"activation{i}"] = Activation(only_option(activations, name, value))
            rate, place = dropout[i]
            if rate:
                while len(layers) < place:
                    layers[f"nothing{len(layers)}"] = Activation(activations.identity)
                layers[f"dropout{i}"] = Dropout(rate)
    return Chain(layers, theta=theta, statistics=theta[:0])


class Noise:
    """Dropout by a key that already knows the seed and the purpose."""

    share = 1.0

    def __init__(self, key: int, n: int) -> None:
        self.key, self.n = key, n

    @staticmethod
    def deeper(key: int, number: int) -> int:
        """One more step of `derive`."""
        return _mix64(_mix64((key + GAMMA * (2 * number + 1)) & MASK64) ^ 1)

    def of_layer(self, index: int) -> Noise:
        return Noise(self.deeper(self.key, index), self.n)

    def keep(self, shape: tuple[int, ...], rate: float, like: np.ndarray) -> np.ndarray:
        threshold = np.uint32(min(round(rate * 2**32), 2**32 - 1))
        return (bits32(self.key, np.arange(self.n), shape[1]) >= threshold).astype(like.dtype)


class Trainer:
    """The same border as the compiled one."""

    made: ClassVar[list[Trainer]] = []
    most_steps = 10**9  # in one call

    @staticmethod
    def bytes_for(**words: Any) -> float:
        return 1000.0

    def __init__(self, **words: Any) -> None:
        self.words = words
        dtype = np.dtype(words["dtype"])
        sizes = words["sizes"]
        self.theta = np.zeros(sum((a + 1) * b for a, b in itertools.pairwise(sizes)), dtype)
        self.chain = chain_of(sizes, words["activations"], words["dropout"], self.theta)
        self.calls: list[int] = []
        self.gradient_is_finite = True
        Trainer.made.append(self)

    def load(self, theta: Any, state: Any, average: Any) -> None:
        self.theta[...] = theta
        self.state = state.copy()
        self.average = None if average is None else average.copy()
        assert (average is not None) == self.words["average"]

    def store(self, theta: Any, state: Any, average: Any) -> None:
        theta[...], state[...] = self.theta, self.state
        if average is not None:
            average[...] = self.average

    def advance(
        self,
        X: Any,
        y: Any,
        weight: Any,
        order: Any,
        lr: Any,
        scalars: Any,
        pace: Any,
        dropout_key: int,
        t: int,
        scores: Any,
        losses: Any,
        seconds: float,
        threads: int,
        places: Any = None,
    ) -> int:
        w, size = self.words, self.words["batch_size"]
        steps = -(-len(order) // size)
        assert len(lr) == len(scalars) == len(pace) == len(losses) == steps
        assert y.dtype == (np.int64 if y.ndim == 1 else self.theta.dtype)
        assert X.dtype in (np.uint8, np.float32, np.float64)
        done = min(steps, self.most_steps)
        for i in range(done):
            index = order[i * size : (i + 1) * size]
            at = index if places is None else places[i * size : (i + 1) * size]
            kind = "feature" if w["scaled"] else "none"
            x = Scaling(kind, w["shift"], w["factor"])(X[at], self.theta.dtype)
            share = None if weight is None else weight[index]
            total = float(len(index) if share is None else share.sum(dtype=np.float64)) or 1.0
            key = Noise.deeper(dropout_key, t + i)
            z, pullback = self.chain(x, Noise(key, len(index)))
            value, g = only_option(losses_table, *w["loss"])(y[index], z, share, total)
            pullback(g)
            if w["l2"]:
                value = value + l2(w["l2"])(self.chain)
            if w["clip"]:
                clip_norm(self.chain.grad, w["clip"])
            self.gradient_is_finite = bool(np.isfinite(self.chain.grad).all())
            self.update(lr[i], scalars[i])
            scores[index], losses[i] = z, float(value)
            if self.average is not None:
                self.average += pace[i] * (self.theta - self.average)
            if not (self.gradient_is_finite and np.isfinite(losses[i])):
                done = i + 1
                break
        self.calls.append(done)
        return done

    def update(self, lr: float, scalars: Any) -> None:
        name, first, beta2, epsilon, nesterov = self.words["rule"]
        known = {
            "sgd": {"momentum": first, "nesterov": nesterov},
            "rmsprop": {"rho": first, "epsilon": epsilon},
            "adam": {"beta1": first, "beta2": beta2, "epsilon": epsilon},
            "nadam": {"beta1": first, "beta2": beta2, "epsilon": epsilon},
            "lion": {"beta1": first, "beta2": beta2},
        }
        if self.words["weight_decay"]:
            matrices = self.chain.layout.matrices
            self.theta[matrices] *= np.asarray(
                1.0 - lr * self.words["weight_decay"], self.theta.dtype
            )
        of_step = [np.asarray(v, self.theta.dtype) for v in (lr, *scalars)]
        getattr(optimizers, name)(
            self.theta, self.chain.grad, self.state, self.theta.copy(), *of_step, **known[name]
        )


losses_table = losses


def forward(
    sizes: Any,
    functions: Any,
    theta: Any,
    X: Any,
    shift: Any,
    factor: Any,
    scaled: bool,
    scores: Any,
    threads: int,
) -> int:
    """Scores of rows, or the first row that is not finite."""
    assert X.dtype in (np.uint8, np.float32, np.float64)
    with np.errstate(all="ignore"):
        rows = X.astype(theta.dtype)
        bad = ~np.isfinite(rows).all(1)
        if bad.any():
            return int(bad.argmax())
        x = Scaling("feature" if scaled else "none", shift, factor)(X, theta.dtype)
        scores[...] = chain_of(sizes, functions, [(0.0, 0)] * len(functions), theta)(x)[0]
    return -1


def stand_in() -> ModuleType:
    """The stand-in as a module."""
    module = ModuleType("deltarule.engine._core")
    module.Trainer, module.forward = Trainer, forward  # type: ignore[attr-defined]
    module.ISAS = ("baseline", "avx2")  # type: ignore[attr-defined]
    module.amx = lambda: ""  # type: ignore[attr-defined]
    module.ACTIVATIONS = tuple(activations.__all__)  # type: ignore[attr-defined]
    module.LOSSES = tuple(n for n in names_in(losses) if n != "half_squared_error")  # type: ignore[attr-defined]
    module.RULES = tuple(optimizers.__all__)  # type: ignore[attr-defined]
    module.forward_bytes = lambda sizes, dtype: 1000.0  # type: ignore[attr-defined]
    module.threads = 0  # type: ignore[attr-defined]
    module.set_threads = lambda n: setattr(module, "threads", n)  # type: ignore[attr-defined]
    module.get_threads = lambda: module.threads  # type: ignore[attr-defined]
    return module


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in in the place of the compiled core."""
    monkeypatch.delenv("DELTARULE_ENGINE", raising=False)
    monkeypatch.setitem(sys.modules, "deltarule.engine._core", stand_in())
    monkeypatch.setattr(Trainer, "made", [])
    native._find.cache_clear()
    yield sys.modules["deltarule.engine._core"]
    native._find.cache_clear()


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation without the compiled core."""
    monkeypatch.delenv("DELTARULE_ENGINE", raising=False)
    monkeypatch.setitem(sys.modules, "deltarule.engine._core", None)  # type: ignore[arg-type]
    native._find.cache_clear()
    yield
    native._find.cache_clear()
