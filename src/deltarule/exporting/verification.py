"""An exported file against the network that it was made of, on rows of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..ground.arrays import quiet
from ..ground.contracts import Array
from ..ground.errors import FileRefused, InvalidInput
from ..network.inputs import greatest
from ..network.network import Network
from ..network.preprocessing import Encoded
from .forward import Forward

__all__ = ["TOLERANCES", "Answers", "Comparison", "compare", "rows_like_training"]

# Of a row's scores, as a share of the largest of them (of 1, where that is smaller).
TOLERANCES = {"float32": 1e-4, "float64": 1e-10}
ORDINARY, EXTREME = 64, 8
# How many times a network's own rounding error may come on top.
ROUNDINGS = 16


@dataclass(frozen=True, eq=False)
class Answers:
    """What an exported file says of some rows.

    Attributes
    ----------
    scores : array, (n, k)
    probabilities : array or None
    predictions : array, (n,) or (n, k)
    """

    scores: Array
    probabilities: Array | None
    predictions: Array


@dataclass(frozen=True)
class Comparison:
    """How far an exported file is from its network.

    Attributes
    ----------
    rows : int
    difference : float
        The greatest of the scores of ordinary rows.
    relative : float
        The greatest of all rows, as a share of the row's largest score, or of 1; more is forgiven
        where terms cancel, so that the network's own rounding, known by float64, is large.
    tolerance : float
        Of the latter.
    """

    rows: int
    difference: float
    relative: float
    tolerance: float


def rows_like_training(network: Network, forward: Forward) -> Array:
    """Rows to compare on, (72, n_features) of the input's dtype: the last 8 are extreme.

    They lie where the scaling says that training rows lay, or around 0 where it says nothing.
    """
    generator = np.random.default_rng(20)
    shape = (ORDINARY + EXTREME, forward.n_features)
    if forward.input_dtype == "uint8":
        rows = generator.integers(0, 256, shape).astype(np.uint8)
        rows[ORDINARY:] = np.where(generator.random((EXTREME, shape[1])) < 0.5, 0, 255)
        rows[-1], rows[-2] = 0, 255
        return rows
    scaling = network.preprocessing.scaling
    assert scaling is not None
    unit = (
        generator.uniform(0, 1, shape) if scaling.kind == "unit" else generator.normal(size=shape)
    )
    unit[ORDINARY:] *= 1000.0
    unit[-1] = 0.0
    most = greatest(forward.input_dtype)
    return np.clip(scaling.shift + unit / scaling.factor, -most, most).astype(forward.input_dtype)


def compare(
    network: Network, forward: Forward, rows: Array, ask: Callable[[Array], Answers], what: str
) -> Comparison:
    """Hold an exported file's answers against the network's own.

    Scores are held against the network's; probabilities and predictions against what the library
    makes of the file's own scores, so that labels must agree whatever the rounding.

    Raises
    ------
    FileRefused
        If they differ by more than rounding explains.
    """
    answers = ask(rows)
    own, exact = _scores(network, rows)
    tolerance = TOLERANCES[forward.dtype]
    if answers.scores.shape != own.shape or answers.scores.dtype != own.dtype:
        raise _refusal(what, "scores are not of the network's shape and type")
    finite: Array = np.asarray(np.isfinite(own).all(1) & np.isfinite(exact).all(1))
    if not finite[:ORDINARY].all():
        raise InvalidInput(
            "The network's scores of ordinary rows are not finite, so that no export of it can be "
            "checked; train it with a lower learning rate first."
        )
    size = np.maximum(abs(exact[finite]).max(1, initial=1.0), 1.0)
    apart = abs(answers.scores[finite].astype(np.float64) - own[finite]).max(1)
    rounding = abs(own[finite] - exact[finite]).max(1)
    relative = float((apart / (size + ROUNDINGS / tolerance * rounding)).max(initial=0.0))
    if not relative <= tolerance:
        raise _refusal(
            what, f"scores differ by up to {relative:.1e} of the largest; {tolerance:g} is allowed"
        )
    _compare_outputs(network, forward, answers, finite, what)
    return Comparison(len(apart), float(apart[:ORDINARY].max()), relative, tolerance)


@quiet
def _scores(network: Network, rows: Array) -> tuple[Array, Array]:
    """z of the network as it is, and computed in float64."""
    chain = network.chain
    own = network.scores(Encoded(rows))
    exact = chain.over(chain.theta.astype(np.float64), chain.statistics.astype(np.float64))
    x = network.preprocessing.scaling_for(rows)(rows, chain.theta.dtype)
    return own, exact(x.astype(np.float64))[0]


@quiet
def _compare_outputs(
    network: Network, forward: Forward, answers: Answers, finite: Array, what: str
) -> None:
    targets, z = network.preprocessing.targets, answers.scores[finite]
    close = TOLERANCES[forward.dtype] / 10
    p = targets.probabilities(z)
    if (p is None) != (answers.probabilities is None):
        raise _refusal(what, "probabilities are missing")
    if p is not None and answers.probabilities is not None:
        found = answers.probabilities[finite]
        if found.shape != p.shape or not np.allclose(found, p, rtol=0, atol=close):
            raise _refusal(what, "probabilities are not those of its scores")
    expected, given = targets.present(targets.decide(z)), answers.predictions[finite]
    same = given.shape == expected.shape
    if same and expected.dtype.kind == "f":
        output = forward.output
        assert output.mean is not None
        assert output.std is not None
        units = float((abs(output.mean) + output.std).max())
        same = np.allclose(given, expected, rtol=1e-11, atol=1e-13 * units, equal_nan=True)
    elif same:
        same = given.tolist() == expected.tolist()
    if not same:
        raise _refusal(what, "predictions are not those of its scores")


def _refusal(what: str, difference: str) -> FileRefused:
    return FileRefused(
        f"The exported {what} was checked against the network, and its {difference}. Nothing was "
        "written; please report this with the network's settings, or choose another format."
    )
