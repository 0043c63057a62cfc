"""Any argument in the place of any other: run in a process of its own, which it must not end.

What a call was given is written down before the call, so that the last line tells what did it.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

import engine_driver as drive
import numpy as np
from engine_driver import Case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_process import guarded

MEMORY = 4 << 30  # what a process may take: beyond it there is MemoryError, not a busy machine
ALLOWED = (TypeError, ValueError, MemoryError)

NUMBERS: list[Any] = [
    0,
    -1,
    1,
    2,
    3,
    7,
    2**31 - 1,
    2**31,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63),
    0.5,
    1.5,
    -0.5,
    float("nan"),
    float("inf"),
    -float("inf"),
    1e-320,
    1e308,
    None,
    "x",
    b"x",
    True,
    (),
    np.float32(2),
]
LISTS: list[Any] = [
    [],
    [1],
    [3],
    [0, 1],
    [1, 0],
    [3, -4, 2],
    [3, 2**30, 2],
    [3, 2**30, 2**30, 2],
    [2**31, 2],
    [1, 1],
    [3, 4, 2],
    [3, 100_000, 2],
    [1] * 300,
    [3, None],
    None,
    5,
    "sizes",
    [3.5, 2],
    [[3], [2]],
    (3, 4, 2),
    np.array([3, 4, 2]),
    [True, True, True],
]
TUPLES: list[Any] = [
    ("relu", 0.0),
    ("leaky_relu", float("nan")),
    ("elu", -1e308),
    ("none", 0.0),
    ("relu",),
    (0.0, "relu"),
    ("cross_entropy", 0.0),
    ("huber", 0.0),
    ("quantile", 5.0),
    ("poisson", 0.0),
    (0.5, 1),
    (1.0, 1),
    (float("nan"), 1),
    (0.3, -1),
    (0.3, 2**64 - 1),
    ("adam", 0.9, 0.999, 1e-8, False),
    ("adam",),
    ("sgd", 1.0, 1.0, 0.0, True),
    ("lion", -1.0, 0.0, 0.0, False),
    ("nadam", 0.0, 0.0, 0.0, False),
    ("rmsprop", float("nan"), 0.0, 0.0, False),
    None,
    "adam",
    3,
]
DTYPES = [
    "f4",
    "f8",
    "u1",
    "i8",
    "i4",
    "u8",
    "?",
    "f2",
    "c16",
    "O",
    "U3",
    ">f8",
    "M8[s]",
    "i1",
    "V8",
]
SHAPES = [
    (),
    (0,),
    (1,),
    (3,),
    (10,),
    (30,),
    (10, 3),
    (3, 10),
    (10, 2),
    (2, 10),
    (0, 3),
    (10, 0),
    (1, 3),
    (2, 26),
    (26,),
    (52,),
    (10, 3, 1),
    (100, 3),
    (10, 1),
]


def placed(a: np.ndarray, draw: Any) -> Any:
    """An array as it is, guarded, strided, backwards, transposed, spread out or read-only."""
    kind = draw(
        st.sampled_from(["plain", "guarded", "strided", "back", "turned", "spread", "fixed"])
    )
    if kind == "guarded" and a.dtype.kind in "fiub":
        return guarded(a, draw(st.booleans()))
    if kind == "strided" and a.ndim:
        return np.repeat(a, 2, axis=-1)[..., ::2]
    if kind == "back" and a.ndim:
        return a[::-1]
    if kind == "turned":
        return a.T
    if kind == "spread" and a.size:
        return np.broadcast_to(a.reshape(-1)[0], a.shape)
    if kind == "fixed":
        a.setflags(write=False)
    return a


@st.composite
def arrays(draw: Any) -> Any:
    """An array of any dtype, shape and layout, of ordinary, odd or huge numbers."""
    dtype, shape = np.dtype(draw(st.sampled_from(DTYPES))), draw(st.sampled_from(SHAPES))
    fill = draw(st.sampled_from([0, 1, -1, 2**62, 1e300, np.nan, np.inf]))
    a = np.zeros(shape, dtype)
    if dtype.kind in "fiu":
        with np.errstate(all="ignore"):
            a[...] = np.array(fill).astype(dtype)
        if dtype.kind == "i" and fill == 1:
            a[...] = np.arange(a.size).reshape(shape) % 10
    return placed(a, draw)


ANYTHING = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(LISTS),
    st.sampled_from(TUPLES),
    st.lists(st.sampled_from(TUPLES), max_size=3),
    arrays(),
)


def likely(old: Any) -> Any:
    """What might stand in the place of a value: mostly of its kind."""
    if isinstance(old, np.ndarray):
        return st.one_of(arrays(), arrays(), ANYTHING)
    if isinstance(old, tuple):
        return st.one_of(st.sampled_from(TUPLES), ANYTHING)
    if isinstance(old, list):
        return st.one_of(
            st.sampled_from(LISTS), st.lists(st.sampled_from(TUPLES), max_size=2), ANYTHING
        )
    return st.one_of(st.sampled_from(NUMBERS), ANYTHING)


def changed(draw: Any, given_: dict[str, Any]) -> dict[str, Any]:
    """A right call with up to three arguments replaced, left out or put elsewhere in memory."""
    given_ = dict(given_)
    for name in draw(st.lists(st.sampled_from(sorted(given_)), max_size=3, unique=True)):
        given_[name] = draw(likely(given_[name]))
    return {
        name: placed(v, draw) if isinstance(v, np.ndarray) and v.dtype.kind in "fiu" else v
        for name, v in given_.items()
    }


def right_calls(dtype: str, loss: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Arguments of Trainer, of advance and of forward that are right together."""
    case = Case((3, 4, 2), ("tanh",), loss, n=10, batch=4)
    data = drive.data_of(case)
    words = {
        "sizes": [3, 4, 2],
        "activations": [("tanh", 0.0)],
        "dropout": [(0.25, 2)],
        "loss": (loss, 0.5),
        "rule": ("adam", 0.9, 0.999, 1e-8, False),
        "weight_decay": 0.1,
        "l2": 0.1,
        "clip": 1.0,
        "average": True,
        "shift": data.shift,
        "factor": data.factor,
        "scaled": True,
        "dtype": dtype,
        "batch_size": 4,
        "isa": "auto",
    }
    y = data.y if loss == "cross_entropy" else data.y.astype(dtype)
    advance = {
        "X": data.X.astype(dtype),
        "y": y,
        "weight": np.ones(10, dtype),
        "order": np.arange(10),
        "lr": np.full(3, 0.01),
        "scalars": np.full((3, 2), 0.5),
        "pace": np.full(3, 0.1),
        "dropout_key": 5,
        "t": 1,
        "scores": np.zeros((10, 2), dtype),
        "losses": np.zeros(3),
        "seconds": 9.0,
        "threads": 1,
    }
    forward = {
        "sizes": [3, 4, 2],
        "activations": [("tanh", 0.0)],
        "theta": np.ones(26, dtype),
        "X": data.X.astype(dtype),
        "shift": data.shift,
        "factor": data.factor,
        "scaled": True,
        "scores": np.zeros((10, 2), dtype),
        "threads": 1,
        "isa": "auto",
    }
    return words, advance, forward


def told(what: str, given_: dict[str, Any]) -> None:
    """Leave word of a call."""
    print(
        what,
        {
            k: (v.dtype, v.shape, v.strides) if isinstance(v, np.ndarray) else v
            for k, v in given_.items()
        },
        file=sys.stderr,
    )


def attempt(what: str, function: Any, given_: dict[str, Any]) -> Any:
    """A call, or None where it is refused as it may be."""
    told(what, given_)
    try:
        return function(**given_)
    except ALLOWED:
        return None


def fuzz(core: Any, examples: int) -> None:
    """Wrong arguments of every function, many times."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=quiet,
    )
    @given(
        data=st.data(),
        dtype=st.sampled_from(["float32", "float64"]),
        loss=st.sampled_from(core.LOSSES),
    )
    def run(data: Any, dtype: str, loss: str) -> None:
        draw = data.draw
        words, advance, forward = right_calls(dtype, loss)
        attempt("forward", core.forward, changed(draw, forward))
        trainer = attempt(
            "Trainer", core.Trainer, changed(draw, words) if draw(st.booleans()) else words
        )
        if trainer is None:
            return
        memory = {
            "theta": np.ones(26, dtype),
            "state": np.zeros((2, 26), dtype),
            "average": np.ones(26, dtype),
        }
        if draw(st.integers(0, 4)) == 0:
            attempt("load", trainer.load, changed(draw, memory))
        else:
            attempt("load", trainer.load, memory)
        for _ in range(2):
            attempt("advance", trainer.advance, changed(draw, advance))
        attempt("store", trainer.store, changed(draw, memory))
        named = {
            "name": "gelu",
            "option": 0.0,
            "x": np.ones(5, dtype),
            "y": np.ones(5, dtype),
            "derivative": np.ones(5, dtype),
            "isa": "auto",
        }
        attempt("elementwise", core.elementwise, changed(draw, named))

    run()


def guards(core: Any) -> None:
    """Right calls with every array at the end, and at the beginning, of its memory."""
    for at_end in (True, False):
        for isa in core.ISAS:
            for dtype in ("float32", "float64"):
                for sizes in (
                    (5, 1),
                    (1, 1),
                    (3, 2),
                    (37, 17, 3),
                    (7, 33, 1),
                    (600, 9, 2),
                    (513, 70),
                ):
                    within_guards(core, sizes, dtype, isa, at_end)


def within_guards(core: Any, sizes: tuple[int, ...], dtype: str, isa: str, at_end: bool) -> None:
    """One training and its scores."""
    for loss, rows in (("cross_entropy", "own"), ("huber", "uint8"), ("poisson", "float64")):
        case = Case(
            sizes, ("tanh",), loss, rows=rows, n=9, batch=4, steps=3, weighted=True, average=0.9
        )
        data = drive.data_of(case)

        def put(a: Any) -> Any:
            return guarded(a, at_end) if isinstance(a, np.ndarray) else a

        class Guarded:
            @staticmethod
            def Trainer(**words: Any) -> Any:
                trainer = core.Trainer(**{k: put(v) for k, v in words.items()})

                class Handle:
                    load = staticmethod(lambda *given: trainer.load(*map(put, given)))
                    store = trainer.store
                    advance = staticmethod(
                        lambda **given: trainer.advance(**{k: put(v) for k, v in given.items()})
                    )

                return Handle

        told("advance", {"sizes": sizes, "dtype": dtype, "isa": isa, "rows": rows})
        X = data.X.astype(dtype) if data.own else data.X
        drive.engine(Guarded, case, data, dtype, isa=isa)
        for n in (1, 3, 5, 9):
            told("forward", {"sizes": sizes, "dtype": dtype, "isa": isa, "rows": rows, "n": n})
            core.forward(
                list(case.sizes),
                [("tanh", 0.0)] * (len(sizes) - 2),
                put(data.theta.astype(dtype)),
                put(X[:n]),
                put(data.shift),
                put(data.factor),
                True,
                put(np.zeros((n, sizes[-1]), dtype)),
                1,
                isa,
            )


def wrapping_sizes(core: Any) -> None:
    """Sizes whose number of parameters is 2 modulo 2⁶⁴ are refused, not taken for two numbers."""
    sizes = [1, 1, 1, *[2**24 - 1] * (2**16 + 1), 65534]
    activations = [("relu", 0.0)] * (len(sizes) - 2)
    assert sum((a + 1) * b for a, b in itertools.pairwise(sizes)) % 2**64 == 2
    one = np.ones(1)
    for n in (1, 5):
        scores = np.zeros((n, 65534))
        try:
            core.forward(
                sizes, activations, np.ones(2), np.ones((n, 1)), one, one, False, scores, 1
            )
        except ALLOWED:
            continue
        raise AssertionError("It was computed.")
