"""What reaches the engine's core wrong is a Python exception; nothing passed ends a process.

The doors check what people type.  The core checks once more what its memory depends on.
"""

from __future__ import annotations

import itertools
from typing import Any

import engine_driver as drive
import numpy as np
import pytest
from engine_driver import Case
from engine_fuzz import right_calls
from own_process import in_own_process

ISAS, LOSSES = drive.names("ISAS"), drive.names("LOSSES")
DTYPES = ["float32", "float64"]
REFUSED = (TypeError, ValueError, MemoryError)
NAN, INF = float("nan"), float("inf")

pytestmark = pytest.mark.usefixtures("core")

WORDS: list[tuple[str, Any]] = [
    ("sizes", []),
    ("sizes", [3]),
    ("sizes", [3, 0, 2]),
    ("sizes", [0, 4, 2]),
    ("sizes", [3, 4, -2]),
    ("sizes", [3, 4.0, 2]),
    ("sizes", [3, NAN, 2]),
    ("sizes", [3, 2**30 + 1, 2]),
    ("sizes", [3, 2**64, 2]),
    ("sizes", [3, 4, 4, 2]),
    ("sizes", [4, 4, 2]),
    ("sizes", None),
    ("activations", []),
    ("activations", [("relu", 0.0)] * 2),
    ("activations", [("ReLU", 0.0)]),
    ("activations", [("", 0.0)]),
    ("activations", [("relu",)]),
    ("dropout", []),
    ("dropout", [(1.0, 2)]),
    ("dropout", [(-0.1, 2)]),
    ("dropout", [(NAN, 2)]),
    ("dropout", [(0.1, -1)]),
    ("dropout", [(0.1, 2**64)]),
    ("loss", ("hinge", 0.0)),
    ("loss", ("huber", NAN)),
    ("loss", ("huber", -1.0)),
    ("loss", ("huber", INF)),
    ("rule", ("adagrad", 0.9, 0.9, 1e-8, False)),
    ("rule", ("adam", -0.1, 0.9, 1e-8, False)),
    ("rule", ("adam", 1.1, 0.9, 1e-8, False)),
    ("rule", ("adam", 0.9, NAN, 1e-8, False)),
    ("rule", ("adam", 0.9, 0.9, -1e-8, False)),
    ("rule", ("adam", 0.9, 0.9, NAN, False)),
    ("rule", ("adam", 0.9, 0.9, 1e-8, "yes")),
    ("rule", ("adam",)),
    *((name, value) for name in ("weight_decay", "l2", "clip") for value in (-1.0, NAN, INF, "x")),
    ("average", None),
    ("shift", np.zeros(2)),
    ("shift", np.zeros((1, 3))),
    ("shift", np.zeros(3, complex)),
    ("factor", np.zeros(4)),
    ("factor", None),
    ("dtype", "float16"),
    ("dtype", "int64"),
    ("dtype", np.float32),
    ("batch_size", 0),
    ("batch_size", -1),
    ("batch_size", 2.5),
    ("batch_size", NAN),
    ("batch_size", 2**31),
    ("isa", "sse9"),
    ("isa", ""),
]


def refused(function: Any, given: dict[str, Any]) -> bool:
    """Whether a call is an exception of the right kind."""
    try:
        function(**given)
    except REFUSED:
        return True
    return False


def wrong_calls(advance: dict[str, Any], dtype: str) -> list[tuple[str, Any]]:
    """Arguments of advance, each wrong in its own way."""
    other = "float32" if dtype == "float64" else "float64"
    X, y, order = advance["X"], advance["y"], advance["order"]
    calls: list[tuple[str, Any]] = [
        *(("X", X.astype(kind)) for kind in ("f2", "i4", "i8", "u2", "?", "c16", "O")),
        *(("X", value) for value in (None, X.tolist(), X[:, :2], X[None], X[0], X.T, X[:9])),
        ("X", X.astype(X.dtype.newbyteorder())),
        *((name, advance[name].astype(other)) for name in ("weight_or_ones", "scores")),
        ("y", y[:-1]),
        ("y", y.astype(np.int32)),
        ("y", y.astype(other)),
        ("y", y.tolist()),
        ("y", None),
        ("weight_or_ones", np.ones(9, dtype)),
        ("weight_or_ones", np.ones((10, 2), dtype)),
        ("weight_or_ones", np.ones(20, dtype)[::2]),
        ("order", order + 1),
        ("order", order - 1),
        ("order", np.full(10, 2**62)),
        ("order", np.full(10, -(2**63))),
        ("order", order.astype(np.int32)),
        ("order", order.astype(np.uint64)),
        ("order", order.astype(float)),
        ("order", order[::-1]),
        ("order", np.arange(13) % 10),
        ("order", order.tolist()),
        ("lr", np.full(2, 0.1)),
        ("lr", np.full(4, 0.1)),
        ("lr", np.full(3, 0.1, np.float32)),
        ("lr", 0.1),
        ("scalars", np.full((3, 1), 0.5)),
        ("scalars", np.full((3, 3), 0.5)),
        ("scalars", np.full((2, 2), 0.5)),
        ("scalars", np.full((3, 2), 0.5).T.copy().T),
        ("pace", np.zeros(2)),
        ("pace", np.zeros(3, int)),
        ("scores", np.zeros((9, 2), dtype)),
        ("scores", np.zeros((10, 3), dtype)),
        ("scores", np.zeros((10, 4), dtype)[:, ::2]),
        ("scores", None),
        ("losses", np.zeros(2)),
        ("losses", np.zeros(3, np.float32)),
        *(("t", value) for value in (-1, 2**64, 1.5, None)),
        *(("dropout_key", value) for value in (-1, 2**64, 0.5)),
        *(("threads", value) for value in (2**40, 1.5, None)),
        ("seconds", "long"),
    ]
    if y.ndim == 1:
        calls += [("y", np.full(10, value)) for value in (2, -1, 2**40, -(2**63))]
    return calls


def ready(core: Any, dtype: str, loss: str) -> tuple[Any, dict[str, Any]]:
    """A loaded trainer and arguments for it that are right."""
    words, advance, _ = right_calls(dtype, loss)
    trainer = core.Trainer(**words)
    trainer.load(np.ones(26, dtype), np.zeros((2, 26), dtype), np.ones(26, dtype))
    return trainer, advance


@pytest.mark.parametrize("dtype", DTYPES)
def test_wrong_words(core: Any, dtype: str) -> None:
    """Sizes, names, rates and options that mean nothing make no trainer."""
    words, _, _ = right_calls(dtype, "huber")
    core.Trainer(**words)
    for name, value in WORDS:
        assert refused(core.Trainer, words | {name: value}), f"{name}={value!r}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["cross_entropy", "huber"])
def test_wrong_calls(core: Any, loss: str, dtype: str) -> None:
    """Arrays of another dtype, shape or layout, and rows or classes that are not there: refused.

    Such a call leaves the weights, the scores and the losses as they were.
    """
    trainer, advance = ready(core, dtype, loss)
    before = drive.Outcome(*(np.zeros(s, dtype) for s in (26, (2, 26), 26)))
    held = drive.stored(trainer, before)
    calls = wrong_calls(advance | {"weight_or_ones": np.ones(10, dtype)}, dtype)
    for name, value in calls:
        name = "weight" if name == "weight_or_ones" else name
        assert refused(trainer.advance, advance | {name: value}), f"{name}={value!r}"
    assert drive.same_bits(held, drive.stored(trainer, before))
    assert not advance["scores"].any()
    assert not advance["losses"].any()
    assert trainer.advance(**advance) == 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_places(core: Any, dtype: str) -> None:
    """Input that lies elsewhere gives the bits of input at its rows; places not there: refused."""
    outcomes = []
    for moved in (False, True):
        trainer, advance = ready(core, dtype, "huber")
        if moved:
            X, order = advance["X"], advance["order"]
            wide = np.zeros((2 * len(X) + 1, X.shape[1]), X.dtype)
            wide[::-2][: len(X)] = X
            places = len(wide) - 1 - 2 * order
            for wrong in (places - len(wide), places + 1, places[:-1], places.astype(np.int32)):
                given = advance | {"X": wide, "places": wrong}
                assert refused(trainer.advance, given), repr(wrong)
            advance |= {"X": wide, "places": places}
        assert trainer.advance(**advance) == 3
        outcomes.append((advance["scores"].tobytes(), advance["losses"].tobytes()))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_are_told(core: Any, dtype: str) -> None:
    """A trainer holds what is told of one that is not made; words that mean nothing are refused."""
    words, _, _ = right_calls(dtype, "huber")
    assert core.Trainer.bytes_for(**words) == core.Trainer(**words).bytes
    for name, value in WORDS:
        assert refused(core.Trainer.bytes_for, words | {name: value}), f"{name}={value!r}"
    assert core.forward_bytes([3, 4, 2], dtype) > 0
    for sizes in ([], [3], [3, 0], [3, 2**31]):
        assert refused(core.forward_bytes, {"sizes": sizes, "dtype": dtype})


@pytest.mark.parametrize("name", ["y", "scores"])
def test_turned_axes(core: Any, name: str) -> None:
    """Targets and scores as (n_outputs, n) are refused, though they hold as many numbers."""
    trainer, advance = ready(core, "float64", "huber")
    with pytest.raises(ValueError):
        trainer.advance(**advance | {name: np.ascontiguousarray(advance[name].T)})


@pytest.mark.parametrize("dtype", DTYPES)
def test_wrong_memory(core: Any, dtype: str) -> None:
    """load and store take θ, state and average of this network's sizes and dtype, and no others."""
    trainer, _ = ready(core, dtype, "huber")
    other = "float32" if dtype == "float64" else "float64"
    right = [np.ones(26, dtype), np.ones((2, 26), dtype), np.ones(26, dtype)]
    fixed = np.ones(26, dtype)
    fixed.setflags(write=False)
    for call in (trainer.load, trainer.store):
        call(*right)
        for place in range(3):
            a = right[place]
            wrong = [None, 1.0, a.astype(other), a[..., :-1], a[..., ::-1], a.tolist(), a[:0]]
            wrong += [np.concatenate([a, a], axis=-1)]
            wrong += [fixed] if call == trainer.store and place != 1 else []
            for value in wrong:
                with pytest.raises(REFUSED):
                    call(*(value if i == place else v for i, v in enumerate(right)))
    words, _, _ = right_calls(dtype, "huber")
    without = core.Trainer(**words | {"average": False})
    with pytest.raises(ValueError, match="average"):
        without.load(*right)


def test_before_load(core: Any) -> None:
    """Nothing is trained or stored before there are weights; an unmade trainer does nothing."""
    words, advance, _ = right_calls("float64", "huber")
    trainer = core.Trainer(**words)
    with pytest.raises(ValueError, match="load"):
        trainer.advance(**advance)
    with pytest.raises(ValueError, match="load"):
        trainer.store(np.ones(26), np.ones((2, 26)), np.ones(26))


@pytest.mark.parametrize("n", [1, 4, 5, 40])
@pytest.mark.parametrize("dtype", DTYPES)
def test_forward(core: Any, dtype: str, n: int) -> None:
    """Wrong arguments of forward are refused; the first row that is not finite is told."""
    _, _, forward = right_calls(dtype, "huber")
    forward |= {"X": np.ones((n, 3), dtype), "scores": np.zeros((n, 2), dtype)}
    other = "float32" if dtype == "float64" else "float64"
    theta, X, scores = forward["theta"], forward["X"], forward["scores"]
    assert core.forward(**forward) == -1
    wrong: list[tuple[str, Any]] = [
        ("sizes", [3, 2]),
        ("sizes", [3, 4, 3]),
        ("sizes", [2**30, 2**30, 2]),
        ("activations", [("none", 0.0)]),
        ("theta", theta[:-1]),
        ("theta", theta.astype(other)),
        ("theta", np.ones(52, dtype)[::2]),
        ("X", X[:, :2]),
        ("X", X.astype(np.int64)),
        ("scores", np.zeros((n + 1, 2), dtype)),
        ("scores", scores.astype(other)),
        ("shift", np.zeros(2)),
        ("isa", "sse9"),
        ("threads", 0.5),
    ]
    for name, value in wrong:
        assert refused(core.forward, forward | {name: value}), f"{name}={value!r}"
    for isa in ISAS:
        for bad in {0, n // 2, n - 1}:
            for value in (NAN, INF, -INF):
                rows = X.copy()
                rows[bad:, 1] = value
                assert core.forward(**forward | {"X": rows, "isa": isa}) == bad


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("where", ["X", "y", "weight", "theta", "lr"])
def test_stops_where_the_loss_is_not_finite(
    core: Any, where: str, value: float, dtype: str, threads: int
) -> None:
    """After the first step whose loss is not finite no more are taken, and their number is told."""
    for sizes in ((5, 7, 2), (515, 7, 2)):
        case = Case(
            sizes, ("tanh",), "squared_error", "sgd", batch=4, n=40, steps=10, weighted=True
        )
        data = drive.data_of(case)
        data.batches = [np.arange(4 * i, 4 * i + 4) for i in range(10)]
        if where in ("X", "y"):
            getattr(data, where)[22] = value
        elif where == "weight":
            data.weight[22] = value
        elif where == "theta":
            data.theta[0] = value
        with np.errstate(all="ignore"):
            data.X = data.X.astype(np.float32)
        if where == "lr":
            if np.isnan(value):
                continue
            # A rate that throws the weights away: the loss after it is not finite.
            case = Case(**{**case.__dict__, "lr": 1e300 if dtype == "float64" else 1e37})
        found = drive.engine(core, case, data, dtype, threads=threads)
        assert not np.isfinite(found.losses[-1])
        assert np.isfinite(found.losses[:-1]).all()
        if where != "lr":
            assert len(found.losses) in ((1, 2) if where == "theta" else (6,))
        assert not found.scores[4 * len(found.losses) :].any()


@pytest.mark.parametrize("clip", [0.0, 1.0])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rule", drive.RULES)
def test_stops_where_the_gradient_is_not_finite(
    core: Any, rule: str, isa: str, dtype: str, clip: float
) -> None:
    """It is told in its step, though that step's loss is finite; of a step without it, not."""
    large, root = (1e25, 1e18) if dtype == "float32" else (1e200, 1e150)
    for sizes, threads in itertools.product(((5, 2), (515, 40)), (1, 2)):
        case = Case(
            sizes, (), "squared_error", rule, batch=4, n=40, steps=10, scaled=False, clip=clip
        )
        data = drive.data_of(case)
        data.X, data.theta = data.X.astype(dtype), np.zeros_like(data.theta)
        trainer = drive.trainer_of(core, case, data, dtype, isa)
        for spoilt in (False, True):
            if spoilt:
                data.X[22, -1], data.y[22] = large, root
            X, y, _ = drive.typed(data, dtype)
            start = drive.beginning(case, data, dtype)
            trainer.load(start.theta, start.state, None)
            _, scalars = drive.optimizer_of(case, start.theta).ahead(1, 10)
            losses, still = np.zeros(10), np.zeros(10)
            done = trainer.advance(
                X, y, None, np.arange(40), still, scalars, np.ones(10), 0, 1,
                np.zeros((40, sizes[-1]), dtype), losses, drive.FOREVER, threads,
            )  # fmt: skip
            assert np.isfinite(losses[:done]).all()
            assert done == (6 if spoilt else 10)
            assert trainer.gradient_is_finite is not spoilt


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    "case",
    [
        Case((1, 1), loss="squared_error", n=1, batch=1),
        Case((1, 1, 1), n=1, batch=1),
        Case((1, 3), n=1, batch=100),
        Case((3, 1), loss="cross_entropy", n=7, batch=5),
        Case((2, 1, 1, 1, 2), ("gelu",), n=5, batch=7),
        Case((13, 11, 5, 3), n=11, batch=500),
        Case((100_000, 3), n=3, batch=2, steps=2, rows="uint8"),
        Case((100_000, 5, 2), ("tanh",), n=3, batch=3, steps=2, clip=0.1, average=0.9),
        Case((3, 20_000, 2), ("tanh",), n=3, batch=2, steps=2),
        Case((3, 2, 20_001), ("tanh",), n=3, batch=2, steps=2),
        Case((7, *[2] * 60, 3), ("tanh",), n=4, batch=3),
        Case((512, 1), loss="huber", n=1, batch=3, short=2),
        Case((511, 17, 2), n=3, batch=1),
    ],
    ids=lambda case: "x".join(map(str, case.sizes))[:20] + f" n={case.n} batch={case.batch}",
)
def test_odd_shapes(core: Any, case: Case, isa: str, threads: int) -> None:
    """One row, feature, class or layer, very many features, units or layers: all as always."""
    data = drive.data_of(case)
    with np.errstate(all="ignore"):
        expected = drive.reference(case, data, "float64")
    found = drive.engine(core, case, data, "float64", isa=isa, threads=threads)
    assert drive.apart(found, expected) <= 1e-12
    np.testing.assert_array_equal(np.isfinite(found.theta), True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_rows(core: Any, dtype: str) -> None:
    """Without rows, and without steps, nothing happens."""
    trainer, advance = ready(core, dtype, "huber")
    advance["weight"] = None
    none = {name: np.zeros(0) for name in ("lr", "pace", "losses")}
    none |= {"order": np.arange(0), "scalars": np.zeros((0, 2))}
    like = drive.Outcome(*(np.zeros(s, dtype) for s in (26, (2, 26), 26)))
    before = drive.stored(trainer, like)
    assert trainer.advance(**advance | none) == 0
    empty = {"X": np.zeros((0, 3), dtype), "y": np.zeros((0, 2), dtype)}
    empty["scores"] = np.zeros((0, 2), dtype)
    assert trainer.advance(**advance | none | empty) == 0
    with pytest.raises(ValueError, match="order"):
        trainer.advance(**advance | empty)
    assert drive.same_bits(before, drive.stored(trainer, like))
    _, _, forward = right_calls(dtype, "huber")
    assert core.forward(**forward | {k: v for k, v in empty.items() if k != "y"}) == -1


@pytest.mark.parametrize("task", ["guards(core)", "wrapping_sizes(core)", "fuzz(core, 350)"])
def test_nothing_ends_the_process(core: Any, task: str) -> None:
    """Not a byte beside the arrays is touched, and no argument whatever ends the process."""
    code = "import engine_fuzz\nfrom deltarule.engine import native\ncore = native.core()\n"
    in_own_process(f"{code}engine_fuzz.{task}")
