"""The embedded digits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from deltarule.data.digits import load_digits


def test_digits_are_those_of_scikit_learn():
    """Every pixel and label equals scikit-learn's own copy."""
    from sklearn.datasets import load_digits as original

    ours, theirs = load_digits(), original()
    np.testing.assert_array_equal(ours.X, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target)


def test_digits_are_images_of_bytes():
    """1,797 rows of 8 × 8 uint8 pixels, ten classes."""
    digits = load_digits()
    assert digits.X.shape == (1797, 64)
    assert digits.X.dtype == np.uint8
    assert digits.y.dtype == np.int64
    assert digits.image_shape == (1, 8, 8)
    assert digits.class_names == tuple("0123456789")


def test_loading_needs_no_heavy_package():
    """Loading the digits imports none of scikit-learn, scipy, pooch, pyarrow, PIL and pandas."""
    code = (
        "import sys; from deltarule.data.sources import load_data; load_data('digits');"
        "print([m for m in ('sklearn','scipy','pooch','pyarrow','PIL','pandas','torch')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
