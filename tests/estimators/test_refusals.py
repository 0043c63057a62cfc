"""Rows in the place of others are refused."""

from __future__ import annotations

import numpy as np
import pytest

import deltarule as dr


def test_one_column_alone_is_refused() -> None:
    """A column of a frame in the place of X is refused by scikit-learn's sentence."""
    pd = pytest.importorskip("pandas")
    column = pd.Series(np.arange(10.0))
    with pytest.raises(ValueError, match="2-dimensional"):
        dr.MLPClassifier().fit(column, np.arange(10) % 2)


ROWS = np.random.default_rng(0).normal(size=(30, 8))
LABELS = (ROWS[:, 0] > 0).astype(int)


@pytest.mark.parametrize("fitted", [False, True], ids=["fit", "predict"])
def test_columns_with_gaps_are_named(fitted: bool) -> None:
    """Of a frame by name, of an array by number, at most five; scikit-learn's phrase stays."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=list("abcdefgh"))
    model = dr.MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0)
    asked = model.fit(frame, LABELS).predict if fitted else lambda X: model.fit(X, LABELS)
    holed = frame.copy()
    holed.loc[3, ["b", "h"]] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN in the columns 'b', 'h'; .*SimpleImputer"):
        asked(holed)
    holed.loc[4, :] = np.nan
    with pytest.raises(ValueError, match=r"columns 'a', 'b', 'c', 'd', 'e' and 3 more; "):
        asked(holed)
    array = ROWS.copy()
    array[5, 2] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN in column 2, counted from 0; .*TableEnc"):
        dr.MLPRegressor().fit(array, ROWS[:, 0])


def test_columns_with_text_are_named() -> None:
    """Columns of text, not those of numbers beside them, and what to do with them."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": ROWS[:, 0], "city": "Ulm", "bill": "12.5", "plan": "basic"})
    with pytest.raises(
        ValueError,
        match=r"could not convert string to float.*\(the columns 'city', 'plan'\); .*train",
    ):
        dr.MLPClassifier().fit(frame, LABELS)
    with pytest.raises(ValueError, match="column 1, counted from 0"):
        dr.MLPClassifier().fit(frame[["age", "city"]].to_numpy(), LABELS)


def test_what_the_messages_name_helps() -> None:
    """A frame with text and gaps, through the encoder that they name, is learned from."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": ROWS[:, 0], "city": ["Ulm", None, "Bonn"] * 10})
    frame.loc[2, "age"] = np.nan
    X = dr.TableEncoder.fit(frame).transform(frame)
    model = dr.MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0)
    assert model.fit(X, LABELS).score(X, LABELS) > 0.8
