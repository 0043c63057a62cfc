"""What stands between people's rows and the network's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.dataset import Table
from deltarule.data.tables import TableEncoder
from deltarule.ground.errors import InvalidInput, Problems
from deltarule.network.preprocessing import Encoded

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 12)).astype(np.uint8)
NUMBERS = RNG.normal(3.0, 5.0, size=(20, 12))
Y = np.arange(20) % 2


def scaled(kind: str, X: np.ndarray, **options: Any) -> np.ndarray:
    """The rows as a network with this scaling sees them."""
    net = dr.Network([X.shape[1], 2], scaling=kind, dtype="float64", **options)
    return net.preprocessing.scaling_for(X)(X, np.float64)


def test_auto() -> None:
    """By default bytes go to [0, 1] and other numbers are taken as they are."""
    seen = scaled("auto", PIXELS)
    assert seen.min() == 0.0
    assert seen.max() == 1.0
    np.testing.assert_array_equal(scaled("auto", NUMBERS), NUMBERS)
    np.testing.assert_array_equal(scaled("auto", PIXELS.astype(np.int64)), PIXELS)


def test_feature_and_channel() -> None:
    """Each feature, or each colour, gets mean 0 and spread 1 over the training rows."""
    seen = scaled("feature", NUMBERS)
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(seen.std(0), 1, rtol=1e-12)
    colours = scaled("channel", NUMBERS, image_shape=(3, 2, 2)).reshape(20, 3, 4)
    np.testing.assert_allclose(colours.mean((0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(colours.std((0, 2)), 1, rtol=1e-12)


def test_scaling_is_learned_once_from_the_training_rows() -> None:
    """Validation rows and later trainings do not move it, and predictions are made with it."""
    net = dr.Network([12, 4, 2], scaling="feature")
    net.train(NUMBERS, Y, NUMBERS * 9, Y, epochs=1, progress=False)
    first = net.preprocessing.scaling
    assert first is not None
    np.testing.assert_allclose(first.shift, NUMBERS.mean(0))
    before = net.predict_proba(NUMBERS)
    np.testing.assert_array_equal(net.predict_proba(NUMBERS[:3]), before[:3])
    net.train(NUMBERS * 5, Y, epochs=1, progress=False)
    assert net.preprocessing.scaling is not None
    np.testing.assert_array_equal(net.preprocessing.scaling.shift, first.shift)


def test_memory_mapped_rows(tmp_path: Path) -> None:
    """Rows on disk train to the same bytes as rows in memory."""
    np.save(tmp_path / "X.npy", PIXELS)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    nets = [dr.Network([12, 4, 2], scaling="feature") for _ in range(2)]
    for net, X in zip(nets, (PIXELS, mapped), strict=True):
        net.train(X, Y, epochs=2, batch_size=8, progress=False)
    assert nets[0].chain.theta.tobytes() == nets[1].chain.theta.tobytes()


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64, ">f8"])
def test_the_type_of_the_rows_does_not_matter(dtype: str) -> None:
    """Whole numbers of any type, in any byte order, are the same numbers, to rounding: those that a
    float32 might not hold are scaled in float64.
    """
    nets = [dr.Network([12, 4, 2], scaling="feature") for _ in range(2)]
    for net, X in zip(nets, (PIXELS, PIXELS.astype(dtype)), strict=True):
        net.train(X, Y, epochs=1, progress=False)
    np.testing.assert_allclose(nets[0].chain.theta, nets[1].chain.theta, rtol=1e-5, atol=1e-7)


def test_inputs_are_never_changed() -> None:
    """Training, evaluation and prediction leave the arrays of the user as they were."""
    X, y, w = NUMBERS.copy(), np.where(Y, "b", "a"), np.ones(20)
    kept = X.tobytes(), y.tobytes(), w.tobytes()
    for array in (X, y, w):
        array.setflags(write=False)
    net = dr.Network([12, 4, 2], scaling="feature", normalization="batch", dropout=0.2)
    net.train(X, y, X, y, sample_weight=w, epochs=2, progress=False)
    net.evaluate(X, y, w)
    net.predict_proba(X)
    net.backward(X, y, w, step=1)
    dr.check_gradients(net, X, y, w, max_entries=2)
    assert (X.tobytes(), y.tobytes(), w.tobytes()) == kept


TABLE = {
    "age": np.array([20.0, math.nan, 40.0, 60.0]),
    "town": np.array(["a", "b", None, "a"], object),
    "noise": np.array([1.0, 2.0, 3.0, 4.0]),
}


@pytest.fixture
def census() -> dr.Network:
    """A network trained on a table with text and gaps."""
    encoder = TableEncoder.fit(Table(TABLE))
    net = dr.Network([len(encoder.feature_names), 3, 2], encoder=encoder)
    net.train(TABLE, ["no", "yes", "no", "yes"], epochs=3, progress=False)
    return net


def test_columns_are_found_by_name(census: dr.Network) -> None:
    """The order of columns, and columns that were not there, do not matter."""
    expected = census.predict_proba(TABLE)
    reordered = {name: TABLE[name] for name in reversed(TABLE)} | {"other": ["x"] * 4}
    np.testing.assert_array_equal(census.predict_proba(reordered), expected)
    np.testing.assert_array_equal(census.predict_proba(Table(TABLE)), expected)


def test_data_frames(census: dr.Network) -> None:
    """A pandas data frame is a table."""
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(
        census.predict_proba(pandas.DataFrame(TABLE)), census.predict_proba(TABLE)
    )


def test_unseen_categories_are_like_missing_ones(census: dr.Network) -> None:
    """A category that training did not see counts as none."""
    unseen = {**TABLE, "town": np.array(["z", "z", "z", "z"], object)}
    missing = {**TABLE, "town": np.array([None] * 4, object)}
    np.testing.assert_array_equal(census.predict_proba(unseen), census.predict_proba(missing))


def test_encoded_rows_are_taken_too(census: dr.Network) -> None:
    """Encoded rows go past the encoder where they say so; a bare array of that width is refused."""
    encoder = census.preprocessing.encoder
    assert encoder is not None
    rows = encoder.transform(Table(TABLE), np.float32)
    np.testing.assert_array_equal(census.predict_proba(Encoded(rows)), census.predict_proba(TABLE))
    with pytest.raises(InvalidInput, match="must be a table"):
        census.predict_proba(rows)


def test_every_problem_of_a_table_is_told(census: dr.Network) -> None:
    """Two columns that are missing are two sentences."""
    problems = Problems()
    assert census.preprocessing.features({"age": [1.0]}, problems) is None
    with pytest.raises(InvalidInput) as caught:
        problems.raise_if_any()
    assert len(caught.value.sentences) == 2
    assert all(sentence.startswith("X: ") for sentence in caught.value.sentences)
