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
