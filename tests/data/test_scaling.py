"""Laws of scaling the input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deltarule.data import scaling as module
from deltarule.data.scaling import KINDS, learn_scaling
from deltarule.ground.errors import InvalidInput

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (300, 12), dtype=np.uint8)
SHAPE = (3, 2, 2)


def test_features_become_standard() -> None:
    """Each feature has mean 0 and deviation 1; scikit-learn's StandardScaler agrees."""
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X = RNG.normal(5, 3, (200, 4))
    ours = learn_scaling("feature", X)(X, np.float64)
    np.testing.assert_allclose(ours, preprocessing.StandardScaler().fit_transform(X), atol=1e-12)


def test_unit_is_from_zero_to_one() -> None:
    """The least number of all becomes 0, the greatest 1."""
    scaled = learn_scaling("unit", IMAGES)(IMAGES, np.float32)
    assert scaled.dtype == np.float32
    assert scaled.min() == 0
    assert scaled.max() == pytest.approx(1)
    np.testing.assert_allclose(scaled, (IMAGES - IMAGES.min()) / np.ptp(IMAGES), rtol=1e-6)


def test_channels_become_standard() -> None:
    """Each colour channel has mean 0 and deviation 1 over all of its pixels."""
    scaled = learn_scaling("channel", IMAGES, SHAPE)(IMAGES, np.float64).reshape(300, 3, 4)
    np.testing.assert_allclose(scaled.mean((0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std((0, 2)), 1, atol=1e-12)


def test_none_changes_nothing_but_the_dtype() -> None:
    """Rows are taken as they are, in a fresh array."""
    scaled = learn_scaling("none", IMAGES)(IMAGES, np.float32)
    np.testing.assert_array_equal(scaled, IMAGES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_the_input_is_not_touched(kind: str, dtype: type) -> None:
    """The rows stay as they were, and the result has the dtype asked for."""
    X = IMAGES.astype(dtype)
    before = X.copy()
    scaled = learn_scaling(kind, X, SHAPE)(X, np.float32)
    scaled += 1
    np.testing.assert_array_equal(X, before)
    assert scaled.dtype == np.float32


def test_a_constant_feature_is_only_shifted() -> None:
    """Nothing is divided by a deviation of zero, or of rounding."""
    X = np.column_stack([np.full(50, 0.1), np.arange(50.0)])
    scaled = learn_scaling("feature", X)(X, np.float64)
    np.testing.assert_allclose(scaled[:, 0], 0, atol=1e-12)
    assert np.isfinite(learn_scaling("unit", np.ones((5, 2)))(np.ones((5, 2)), np.float64)).all()


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned does not depend on how many rows are read at once."""
    whole = learn_scaling("feature", IMAGES)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    parts = learn_scaling("feature", IMAGES)
    np.testing.assert_allclose(whole.shift, parts.shift, rtol=1e-14)
    np.testing.assert_allclose(whole.factor, parts.factor, rtol=1e-12)


def test_a_memory_map_is_read(tmp_path: Path) -> None:
    """Rows on disk teach what rows in memory teach."""
    np.save(tmp_path / "X.npy", IMAGES)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        learn_scaling("feature", mapped).factor, learn_scaling("feature", IMAGES).factor
    )


def test_refusals() -> None:
    """An unknown kind gets the nearest, and channels need images."""
    with pytest.raises(InvalidInput, match="Did you mean 'feature'"):
        learn_scaling("features", IMAGES)
    with pytest.raises(InvalidInput, match="needs images"):
        learn_scaling("channel", IMAGES)
