"""The compiled core and the reference, driven through the same steps side by side."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from deltarule.data.scaling import Scaling
from deltarule.engine import native
from deltarule.engine.description import loss_words
from deltarule.ground.contracts import Batch
from deltarule.ground.options import options_of
from deltarule.ground.randomness import StepNoise, derive
from deltarule.learning.step import l2, train_step
from deltarule.machine.chain import Chain
from deltarule.machine.layers import Activation, Dense, Dropout
from deltarule.machine.optimizer import Optimizer
from deltarule.mathematics import activations, losses, optimizers
from deltarule.mathematics.schedules import linear

Array = np.ndarray

SEED = 11  # of the dropout
FOREVER = 1e9  # seconds

# The rules in every form that they have.  With so large an ε a gradient at rounding level stays
# what it is: divided by its own size it would become a whole step of no meaning.
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.8, "nesterov": True}),
    "rmsprop": ("rmsprop", {"epsilon": 1e-2}),
    "adam": ("adam", {"epsilon": 1e-2}),
    "nadam": ("nadam", {"epsilon": 1e-2}),
    "lion": ("lion", {}),
}


def names(kind: str) -> list[str]:
    """The core's ACTIVATIONS, LOSSES or ISAS; none where it is not compiled."""
    return list(getattr(native.core(), kind)) if native.available() else []


@dataclass(frozen=True)
class Case:
    """A network and its training, but for the numbers.

    Attributes
    ----------
    sizes : of all layers
    activation : of each hidden layer; a shorter tuple begins anew
    rule : a key of `RULES`
    option : of the loss, where it has one
    short : rows that the last batch lacks
    rows : dtype of the rows; "own" is that of θ
    layout : how the rows lie in memory, a key of `LAYOUTS`
    average : decay of the moving average, or 0
    """

    sizes: tuple[int, ...] = (10, 20, 7, 3)
    activation: tuple[str, ...] = ("relu",)
    loss: str = "cross_entropy"
    rule: str = "adam"
    option: float | None = None
    dropout: tuple[float, ...] = (0.0,)
    weight_decay: float = 0.0
    l2: float = 0.0
    clip: float = 0.0
    average: float = 0.0
    batch: int = 16
    n: int = 50
    steps: int = 20
    short: int = 0
    rows: str = "own"
    layout: str = "plain"
    scaled: bool = True
    weighted: bool = False
    soft: bool = False
    lr: float = 0.01
    bf16: bool = False
    seed: int = 0

    def functions(self) -> list[str]:
        """The activation of each hidden layer."""
        return list(itertools.islice(itertools.cycle(self.activation), len(self.sizes) - 2))

    def rates(self) -> list[float]:
        """The dropout of each hidden layer."""
        return list(itertools.islice(itertools.cycle(self.dropout), len(self.sizes) - 2))

    def places(self) -> list[int]:
        """Where each dropout stands in the chain of layers."""
        return [2 * i + 2 + np.count_nonzero(self.rates()[:i]) for i in range(len(self.rates()))]


@dataclass
class Data:
    """The numbers of a case.  θ, targets and weights are exact in float32."""

    X: Array
    y: Array
    weight: Array | None
    batches: list[Array]
    shift: Array
    factor: Array
    theta: Array
    own: bool  # whether the rows take θ's dtype


@dataclass
class Outcome:
    """Where a training stands, and what it has told on the way."""

    theta: Array
    state: Array
    average: Array | None
    losses: list[float] = field(default_factory=list)
    scores: Array = field(default_factory=lambda: np.zeros(0))

    def vectors(self) -> list[Array]:
        """θ, the rule's memory and the average."""
        return [self.theta, self.state, *([] if self.average is None else [self.average])]

    def astype(self, dtype: Any) -> Outcome:
        """The same weights and memory in another dtype."""
        theta, state, average = (*(v.astype(dtype) for v in self.vectors()), None)[:3]
        return Outcome(theta, state, average)


def window(*cut: slice) -> Callable[[Array], Array]:
    """Puts rows into a larger array, of which they are a part."""

    def put(X: Array) -> Array:
        large = np.full((2 * len(X), 3 * X.shape[1] + 9), 7, X.dtype)
        part = large[cut][: len(X), : X.shape[1]]
        part[...] = X
        return part

    return put


def memory_mapped(X: Array) -> Array:
    """Rows that lie in a file."""
    with tempfile.TemporaryFile() as file:
        X.tofile(file)
        file.seek(0)
        return np.memmap(file, X.dtype, "r", shape=X.shape)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "plain": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "backwards": window(slice(None, None, -1), slice(None, None, -1)),
    "every other": window(slice(None, None, 2), slice(None, None, 3)),
    "middle columns": window(slice(None), slice(5, None)),
    "memory-mapped": memory_mapped,
    "read-only": lambda X: np.broadcast_to(X, X.shape),
}


def exact(x: Array) -> Array:
    """The nearest numbers that float32 can hold."""
    return x.astype(np.float32).astype(np.float64)


def targets(case: Case, rng: np.random.Generator) -> Array:
    """Targets of the kind that the loss is for."""
    shape = case.n, case.sizes[-1]
    if case.loss == "cross_entropy":
        soft = rng.dirichlet(np.ones(shape[1]), case.n)
        return exact(soft) if case.soft else rng.integers(0, shape[1], case.n)
    if case.loss == "binary_cross_entropy":
        return exact(rng.random(shape)) if case.soft else rng.integers(0, 2, shape) * 1.0
    return (
        rng.poisson(2.0, shape) * 1.0 if case.loss == "poisson" else exact(rng.normal(size=shape))
    )


def data_of(case: Case) -> Data:
    """Random numbers for a case.

    No row stands twice in a batch: then its scores are those of the batch.
    """
    rng = np.random.default_rng(case.seed)
    size = min(case.batch, case.n)
    batches = [rng.permutation(case.n)[:size] for _ in range(case.steps)]
    batches[-1] = batches[-1][: max(1, size - case.short)]
    X = rng.normal(size=(case.n, case.sizes[0]))
    if case.rows == "uint8":
        X = rng.integers(0, 256, X.shape).astype(np.uint8)
        shift, factor = rng.uniform(90, 160, X.shape[1]), rng.uniform(0.01, 0.03, X.shape[1])
        if not case.scaled:
            X //= 64
    else:
        X = X.astype("float32" if case.rows == "own" else case.rows)
        shift, factor = rng.normal(size=X.shape[1]), rng.uniform(0.5, 1.0, X.shape[1])
    pairs = list(itertools.pairwise(case.sizes))
    weights = [rng.normal(size=a * b) * np.sqrt(1.5 / a) for a, b in pairs]
    biases = [rng.normal(size=b) * 0.1 for _, b in pairs]
    return Data(
        LAYOUTS[case.layout](X),
        targets(case, rng),
        exact(rng.uniform(0.5, 2.0, case.n)) if case.weighted else None,
        batches,
        shift,
        factor,
        exact(np.concatenate(weights + biases)),
        case.rows == "own",
    )


def with_option(function: Any, value: float | None) -> tuple[Any, float]:
    """A function of a table with its one option at a value, and that value; 0 if it has none."""
    options = options_of(function)
    if not options:
        return function, 0.0
    (name, default), *_ = options.items()
    value = default if value is None else value
    return partial(function, **{name: value}), float(value)


def optimizer_of(case: Case, theta: Array, matrices: slice = slice(0, 0)) -> Optimizer:
    """The reference's optimizer of a case."""
    name, options = RULES[case.rule]
    return Optimizer(
        getattr(optimizers, name),
        theta,
        lr=case.lr,
        total=case.steps + 5,
        schedule=partial(linear, end=0.3),
        weight_decay=case.weight_decay,
        matrices=matrices,
        options=options,
    )


def beginning(case: Case, data: Data, dtype: Any) -> Outcome:
    """Where a training of a case begins."""
    theta = data.theta.astype(dtype)
    state = optimizer_of(case, theta).state
    return Outcome(theta, state, theta.copy() if case.average else None)


def pace(case: Case, t: Any) -> Any:
    """1 − d of the moving average in step t."""
    return 1 - np.minimum(case.average, (1 + t) / (10 + t))


def typed(data: Data, dtype: Any) -> tuple[Array, Array, Array | None]:
    """Rows, targets and weights as a training in a dtype takes them."""
    X = data.X.astype(dtype) if data.own else data.X
    y = data.y if data.y.ndim == 1 else data.y.astype(dtype)
    return X, y, None if data.weight is None else data.weight.astype(dtype)


def reference(case: Case, data: Data, dtype: Any, start: Any = None, first: int = 1) -> Outcome:
    """Take the steps with the reference."""
    at = start or beginning(case, data, dtype)
    X, y, weight = typed(data, dtype)
    layers: dict[str, Any] = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(case.sizes)):
        layers[f"dense{i}"] = Dense(n_in, n_out)
        if i < len(case.functions()):
            layers[f"activation{i}"] = Activation(getattr(activations, case.functions()[i]))
            if case.rates()[i]:
                layers[f"dropout{i}"] = Dropout(case.rates()[i])
    theta = at.theta.copy()
    chain = Chain(layers, theta=theta, statistics=theta[:0])
    optimizer = optimizer_of(case, theta, chain.layout.matrices)
    optimizer.state[...] = at.state
    average = None if at.average is None else at.average.copy()
    objective, _ = with_option(getattr(losses, case.loss), case.option)
    scaling = Scaling("feature" if case.scaled else "none", data.shift, data.factor)
    scores = np.zeros((case.n, case.sizes[-1]), dtype)
    values = []
    for t, rows in enumerate(data.batches, first):
        of_rows = None if weight is None else weight[rows]
        total = len(rows) if of_rows is None else of_rows.sum(dtype=np.float64)
        noise = StepNoise(SEED, t, np.arange(len(rows)))
        batch = Batch(scaling(X[rows], dtype), y[rows], of_rows, float(total), noise)
        value, z = train_step(
            chain, objective, optimizer, batch, t, penalty=l2(case.l2), clip=case.clip or None
        )
        if average is not None:
            average += np.asarray(pace(case, t), dtype) * (theta - average)
        scores[rows] = z
        values.append(float(value))
    return Outcome(theta, optimizer.state, average, values, scores)


def trainer_of(core: Any, case: Case, data: Data, dtype: Any, isa: str = "auto") -> Any:
    """The core's trainer of a case."""
    name, options = RULES[case.rule]
    known = options_of(getattr(optimizers, name)) | options
    first = next(known[key] for key in ("beta1", "momentum", "rho") if key in known)
    return core.Trainer(
        sizes=list(case.sizes),
        activations=[(f, with_option(getattr(activations, f), None)[1]) for f in case.functions()],
        dropout=list(zip(case.rates(), case.places(), strict=True)),
        loss=loss_words(
            with_option(getattr(losses, case.loss), case.option)[0], np.dtype(dtype).name, []
        ),
        rule=(
            name,
            float(first),
            float(known.get("beta2", 0.0)),
            float(known.get("epsilon", 1.0)),
            bool(known.get("nesterov", False)),
        ),
        weight_decay=case.weight_decay,
        l2=case.l2,
        clip=case.clip,
        average=bool(case.average),
        shift=data.shift,
        factor=data.factor,
        scaled=case.scaled,
        dtype=np.dtype(dtype).name,
        batch_size=case.batch,
        bf16=case.bf16,
        isa=isa,
    )


def stored(trainer: Any, like: Outcome) -> Outcome:
    """What a trainer holds."""
    empty = [np.full_like(v, np.nan) for v in like.vectors()]
    theta, state, average = (*empty, None)[:3]
    trainer.store(theta, state, average)
    return Outcome(theta, state, average)


def calls(case: Case, batches: list[Array], cut: int | None) -> Iterator[list[Array]]:
    """The batches of each call: at most `cut`, and none behind a short one."""
    call: list[Array] = []
    for rows in batches:
        call.append(rows)
        if len(call) == cut or len(rows) < case.batch:
            yield call
            call = []
    if call:
        yield call


def engine(
    core: Any,
    case: Case,
    data: Data,
    dtype: Any,
    start: Outcome | None = None,
    first: int = 1,
    *,
    isa: str = "auto",
    threads: int = 1,
    cut: int | None = None,
    seconds: float = FOREVER,
) -> Outcome:
    """Take the steps with the core, in calls of at most `cut` steps."""
    at = start or beginning(case, data, dtype)
    X, y, weight = typed(data, dtype)
    trainer = trainer_of(core, case, data, dtype, isa)
    trainer.load(at.theta, at.state, at.average)
    rates, scalars = optimizer_of(case, at.theta).ahead(first, len(data.batches))
    scores = np.zeros((case.n, case.sizes[-1]), dtype)
    values: list[float] = []
    t = first
    for call in calls(case, data.batches, cut):
        while call:
            now = slice(t - first, t - first + len(call))
            told = np.zeros(len(call))
            done = trainer.advance(
                X=X,
                y=y,
                weight=weight,
                order=np.concatenate(call),
                lr=rates[now],
                scalars=scalars[now],
                pace=pace(case, t + np.arange(len(call))),
                dropout_key=derive(SEED, "dropout"),
                t=t,
                scores=scores,
                losses=told,
                seconds=seconds,
                threads=threads,
            )
            values += told[:done].tolist()
            t += done
            call = call[done:]
            if not np.isfinite(values[-1]):
                return replace(stored(trainer, at), losses=values, scores=scores)
    return replace(stored(trainer, at), losses=values, scores=scores)


def distance(a: Array, b: Array) -> float:
    """‖a − b‖₂/‖b‖₂ in float64."""
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300))


def pairs_of(a: Outcome, b: Outcome) -> list[tuple[Any, Any]]:
    """All numbers of two trainings: θ, memory, average, losses, scores."""
    told = [(a.losses, b.losses), (a.scores, b.scores)]
    return [*zip(a.vectors(), b.vectors(), strict=True), *told]


def apart(a: Outcome, b: Outcome) -> float:
    """The largest distance between two trainings in anything."""
    return max(distance(np.asarray(one), np.asarray(other)) for one, other in pairs_of(a, b))


def same_bits(a: Outcome, b: Outcome) -> bool:
    """Whether all numbers of two trainings are the same."""
    return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs_of(a, b))
