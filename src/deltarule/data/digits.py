"""The digits that come with the package, so that a first network needs no download.

1,797 grey images of handwritten digits, 8 × 8 pixels with values 0 to 16: the test part of
"Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, 1998, UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0; rows and order as in scikit-learn's
`load_digits`, stored as bytes in digits.npz.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import Dataset

__all__ = ["load_digits"]


def load_digits() -> Dataset:
    """The digits: X uint8 of shape (1797, 64), values 0 to 16; y int64 of shape (1797,)."""
    with np.load(Path(__file__).with_name("digits.npz")) as arrays:
        return Dataset(
            name="digits",
            X=arrays["X"],
            y=arrays["y"].astype(np.int64),
            class_names=tuple("0123456789"),
            image_shape=(1, 8, 8),
        )
