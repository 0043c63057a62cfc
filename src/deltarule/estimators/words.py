"""What the floors below say, in the words of an estimator's parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..ground.errors import Diverged, InvalidInput, Problems

__all__ = ["NAMES", "in_our_words", "retold"]

# What the estimators call what the doctor speaks of.
NAMES: dict[str, str | None] = {
    "lr": "learning_rate_init",
    "epochs": "max_iter",
    "l2": "alpha",
    "patience": "n_iter_no_change",
    "scaling": 'put a StandardScaler before it, or scaling="feature"',
}

# What the estimators call what a network and its training speak of.
PHRASES = (
    (r"\bsizes (\[[^\]]*\]?…?\]?)", r"hidden_layer_sizes, with features and outputs \1,"),
    (r"\b[Tt]he learning rate is\b", "learning_rate_init is"),
    (r"\blower the learning rate\b", "lower learning_rate_init"),
    (r"\boptimizer\b", "solver"),
    (r"\bhuber\.delta\b", "delta"),
    (r"\bquantile\.level\b", "quantile"),
)


def in_our_words(sentence: str) -> str:
    """A sentence about a network as one about the estimator's parameters."""
    sentence = re.sub(
        r"\bsizes\[(\d+)\]", lambda m: f"hidden_layer_sizes[{int(m[1]) - 1}]", sentence
    )
    for theirs, ours in PHRASES:
        sentence = re.sub(theirs, ours, sentence)
    return sentence


@contextmanager
def retold() -> Iterator[None]:
    """Raise what is raised inside in the estimator's words.

    Raises
    ------
    InvalidInput, Diverged
        As the code inside does.
    """
    try:
        yield
    except Diverged as error:
        error.args = (in_our_words(str(error)),)
        raise
    except InvalidInput as error:
        problems = Problems()
        for sentence in error.sentences or (str(error),):
            problems.add(in_our_words(sentence))
        problems.raise_if_any()
