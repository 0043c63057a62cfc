"""Laws of the pictures."""

from __future__ import annotations

import base64
import io
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deltarule.ground.errors import InvalidInput
from deltarule.report import plots


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


def description(svg: str) -> str:
    found = ElementTree.fromstring(svg).find("{*}desc")
    assert found is not None
    return found.text or ""


def image(svg: str) -> np.ndarray:
    encoded = re.search(r"base64,([^\"]+)", svg)
    assert encoded
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded[1]))))


@pytest.mark.parametrize("k", [1, 2, 12, 13, 50, 100])
def test_confusion_matrices_of_any_size_are_drawn(k: int) -> None:
    """Counts stand in the cells up to 12 classes, not above; the image has one pixel a cell."""
    names = [f"class {i}" for i in range(k)]
    svg = plots.confusion(np.full((k, k), 777), names)
    assert texts(svg).count("777") == (k * k if k <= 12 else 0)
    assert image(svg).shape[:2] == (k, k)
    assert "class 0" in texts(svg)


def test_an_empty_class_is_no_division_by_zero() -> None:
    """A matrix of zeros is drawn without a share."""
    assert "0 rows" in description(plots.confusion(np.zeros((3, 3)), ["a", "b", "c"]))


def test_hostile_class_names_stay_text(hostile: list[str]) -> None:
    """Markup, TeX, control and reordering characters in names leave a well-formed picture."""
    svg = plots.confusion(np.eye(len(hostile)), hostile)
    assert not re.search("<(img|script|svg onload)", svg)
    assert all(len(t) <= 14 for t in texts(svg) if "class" not in t)


@pytest.mark.parametrize(
    ("matrix", "names"),
    [
        (np.zeros((2, 3)), ["a", "b"]),
        (np.zeros((2, 2)), ["a"]),
        (np.zeros((0, 0)), []),
        ([[1, -1], [0, 2]], ["a", "b"]),
        ([[1, math.nan], [0, 2]], ["a", "b"]),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(matrix: Any, names: list[str]) -> None:
    """Wrong shapes and what is no count get a sentence."""
    with pytest.raises(InvalidInput, match="confusion matrix"):
        plots.confusion(matrix, names)


def test_weight_tiles_are_symmetric_around_grey() -> None:
    """The largest weight is white or black, zero is middle grey, each tile on its own scale."""
    W = np.array([[1.0, -0.01], [0.0, 0.0], [-1.0, 0.01], [0.5, 0.0]])
    pixels = image(plots.weight_tiles(W, (1, 2, 2)))
    assert pixels[0, 0].tolist() == [255, 255, 255, 255]
    assert pixels[0, 1].tolist() == [128, 128, 128, 255]
    assert pixels[1, 0].tolist() == [0, 0, 0, 255]
    assert pixels[0, 3].tolist() == [0, 0, 0, 255]
    assert pixels[0, 2].tolist()[3] == 0


def test_colour_tiles_keep_their_channels() -> None:
    """The features are channel by channel: red, then green, then blue."""
    W = np.array([[1.0], [-1.0], [0.0]])
    assert image(plots.weight_tiles(W, (3, 1, 1)))[0, 0].tolist() == [255, 0, 128, 255]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 96, 50), (1, 1, 500)])
def test_weight_pictures_stay_small(shape: tuple[int, int, int]) -> None:
    """At most 36 tiles of at most 40 pixels: below 260 kB whatever the images."""
    W = np.random.default_rng(0).normal(size=(math.prod(shape), 50)).astype(np.float32)
    svg = plots.weight_tiles(W, shape)
    assert len(svg) < 260_000
    assert "36 of 50 units" in description(svg)


def test_weights_that_are_zero_or_not_finite_are_drawn() -> None:
    """Dead units are grey; NaN, infinities and huge weights count as zero."""
    W = np.array([[0.0, math.nan, 1e308, 5e-324], [0.0, math.inf, 1.0, 0.0]])
    pixels = image(plots.weight_tiles(W, (1, 1, 2)))
    assert pixels[0, :2, 0].tolist() == [128, 128]
    assert pixels[0, 3:5, 0].tolist() == [128, 128]
    assert pixels[0, 6:8, 0].tolist() == [128, 255]


@pytest.mark.parametrize(
    ("W", "shape"),
    [
        (np.zeros((12, 2)), (4, 1, 3)),
        (np.zeros((12, 2)), (3, 2, 3)),
        (np.zeros((12, 0)), (3, 2, 2)),
        (np.zeros(12), (3, 2, 2)),
        (np.zeros((12, 2)), (3, 4)),
    ],
)
def test_weights_that_are_no_images_are_refused(W: np.ndarray, shape: Any) -> None:
    """Shapes that do not fit, and two or four channels, get a sentence."""
    with pytest.raises(InvalidInput, match="mages of"):
        plots.weight_tiles(W, shape)


def test_scatters_draw_at_most_2000_points() -> None:
    """A large validation set is thinned to 2,000 dots, in less than 140 kB."""
    y = np.random.default_rng(0).normal(size=(5000, 1))
    svg = plots.predicted_against_true(y, y + 0.1)
    assert "2,000 of 5,000 points" in description(svg)
    assert "correlation is 1." in description(svg)
    assert len(re.findall(r"M [\d. -]+ L", svg)) >= 2000
    assert len(svg) < 140_000


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=5))
def test_any_predictions_can_be_drawn(pairs: list[tuple[float, float]]) -> None:
    """NaN, infinities, constants, one row and no row at all make a picture."""
    y, z = np.array(pairs).reshape(-1, 2).T
    assert plots.predicted_against_true(y, z).startswith("<svg")


def test_predictions_of_another_number_are_refused() -> None:
    """Each true value needs one prediction."""
    with pytest.raises(InvalidInput, match="3 values and 2 predictions"):
        plots.predicted_against_true([1, 2, 3], [1, 2])


def test_calibration_is_told_bin_by_bin() -> None:
    """Each bin's rows, confidence and share of right answers stand in the words."""
    svg = plots.reliability([0.55, 0.95], [0.4, 0.9], [10, 1200])
    assert "1,200 rows with a confidence of 95 %: 90 % right" in description(svg)
    assert {"confidence (%)", "right answers (%)", "rows", "gap"} <= set(texts(svg))


def test_bins_that_are_not_finite_or_do_not_fit() -> None:
    """An empty bin's NaN is left out; three lists of different lengths are refused."""
    assert "10 rows" in description(plots.reliability([0.5, math.nan], [0.5, math.nan], [10, 0]))
    with pytest.raises(InvalidInput, match="got 2, 1 and 2"):
        plots.reliability([0.5, 0.6], [0.5], [1, 2])


@pytest.mark.parametrize(
    ("shape", "drawn"), [((8, 8, 1), (8, 8)), ((32, 20, 3), (32, 20)), ((640, 320, 3), (64, 32))]
)
def test_photographs_are_the_pixels(shape: tuple[int, ...], drawn: tuple[int, int]) -> None:
    """Bytes as they are, grey or colour; only what is larger than 64 pixels is made smaller."""
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = image(plots.photograph(pixels, "title", "words"))
    assert found.shape[:2] == drawn
    if drawn == shape[:2]:
        assert (found.reshape(shape) == pixels).all()


def test_fewer_tiles_when_asked() -> None:
    """`most` limits how many units are drawn, and the words say how many."""
    W = np.random.default_rng(0).normal(size=(12, 50))
    assert "4 of 50 units" in description(plots.weight_tiles(W, (3, 2, 2), most=4))
