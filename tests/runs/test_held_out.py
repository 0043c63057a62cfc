"""What the validation rows say of a network: where it errs, and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deltarule.data.dataset import Dataset, Table
from deltarule.runs.held_out import _pixels, held_out_facts
from deltarule.runs.preparation import Prepared, prepare
from deltarule.runs.recipes import recipe_from

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))


def made(y: Any, data: Any = X, image_shape: Any = None, **changes: Any) -> Prepared:
    """Rows and a network that has learned a little."""
    recipe = recipe_from({}, {"hidden_layer_sizes": [5], "epochs": 2, **changes})
    prepared = prepare(recipe, Dataset("made", data, np.asarray(y), image_shape=image_shape))
    prepared.network.train(prepared.X, prepared.y, epochs=2, progress=False)
    return prepared


def facts_of(prepared: Prepared) -> dict[str, Any]:
    return held_out_facts(prepared, prepared.network)


def test_calibration_is_that_of_the_answers() -> None:
    """The bins add up to the rows, the sums to confidence and accuracy, the gaps to the ECE."""
    prepared = made(np.arange(200) % 3)
    found = facts_of(prepared)["calibration"]
    p = prepared.network.predict_proba(np.asarray(prepared.X_val))
    right = p.argmax(1) == prepared.y_val
    n = found["n"]
    assert n.sum() == 40
    assert n @ found["confidence"] == pytest.approx(p.max(1).sum())
    assert n @ found["right"] == pytest.approx(right.sum())
    gaps = abs(n * (found["confidence"] - found["right"])).sum() / 40
    assert found["error"] == pytest.approx(gaps)


def test_mistakes_are_the_surest_wrong_answers() -> None:
    """Worst first, only wrong ones, with the confidence in both classes."""
    names = np.array(["a", "b", "c"], object)
    prepared = made(names[np.arange(200) % 3])
    found = facts_of(prepared)["mistakes"]
    p = prepared.network.predict_proba(np.asarray(prepared.X_val))
    said, true = p.argmax(1), np.searchsorted(names.astype(str), prepared.y_val.astype(str))  # type: ignore[union-attr]
    wrong = np.flatnonzero(said != true)
    assert found["wrong"] == len(wrong)
    assert found["n"] == 40
    worst = wrong[np.argsort(-p.max(1)[wrong], kind="stable")][:12]
    expected = [
        (names[true[i]], names[said[i]], pytest.approx(p[i].max()), pytest.approx(p[i, true[i]]))
        for i in worst
    ]
    assert [tuple(row.values()) for row in found["rows"]] == expected
    assert "images" not in found
    assert "cells" not in found


def test_one_output() -> None:
    """Two classes at one output have confidences for both."""
    found = facts_of(made(np.arange(200) % 2, loss="binary_cross_entropy"))
    row = found["mistakes"]["rows"][0]
    assert row["confidence"] + row["of_true"] == pytest.approx(1.0)
    assert found["calibration"]["n"].sum() == 40


@pytest.mark.parametrize("kind", ["bytes", "numbers"])
def test_images_of_mistakes(kind: str) -> None:
    """Pixels as they are, channels last; numbers are stretched to bytes with 0 as black."""
    pixels = RNG.integers(0, 256, (200, 12)).astype(np.uint8)
    prepared = made(np.arange(200) % 3, pixels if kind == "bytes" else pixels / 255.0, (3, 2, 2))
    images = facts_of(prepared)["mistakes"]["images"]
    assert images.dtype == np.uint8
    assert images.shape[1:] == (2, 2, 3)
    rows = {tuple(row) for row in np.asarray(prepared.X_val).reshape(-1, 3, 4).transpose(0, 2, 1)
            .reshape(-1, 12).tolist()}  # fmt: skip
    if kind == "bytes":
        assert {tuple(image.ravel().tolist()) for image in images} <= rows
    else:
        assert images.max() == 255


def test_rows_of_a_table() -> None:
    """Values stand as they are written, with gaps as None, and they are those of the mistakes."""
    job = np.array(["clerk", "cook", None], object)[np.arange(200) % 3]
    table = Table({"age": np.where(np.arange(200) % 7, X[:, 0], np.nan), "job": job})
    prepared = made(np.arange(200) % 2, table)
    assert prepared.shown is not None
    assert prepared.y_val is not None
    found = facts_of(prepared)["mistakes"]
    assert found["columns"] == ["age", "job"]
    everything = prepared.shown.take(np.arange(len(prepared.y_val)))
    shown = list(zip(*everything.columns.values(), strict=True))
    known = [tuple(None if v is None or v != v else v for v in row) for row in shown]
    assert all(tuple(row) in known for row in found["cells"])


def test_mistakes_are_of_all_rows() -> None:
    """However late the worst row of a long table stands, it is shown."""
    n = 60_000
    table = Table(
        {"age": np.arange(n) % 7.0, "job": np.array(["cook", "clerk"] * (n // 2), object)}
    )
    prepared = made(np.arange(n) % 2 + 0.5, table, batch_size=1000)
    assert prepared.shown is not None
    assert prepared.y_val is not None
    prepared.y_val[-1] = 1e6
    found = facts_of(prepared)["mistakes"]
    assert found["rows"][0]["true"] == 1e6
    last = prepared.shown.take(np.array([len(prepared.y_val) - 1]))
    assert found["cells"][0] == [values[0] for values in last.columns.values()]


def test_errors_of_numbers() -> None:
    """The predictions farthest from the truth come first, in the units of the target."""
    prepared = made(1000 + 50 * X[:, 0])
    found = facts_of(prepared)["mistakes"]
    errors = [abs(row["predicted"] - row["true"]) for row in found["rows"]]
    predicted = prepared.network.predict(np.asarray(prepared.X_val))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(abs(predicted - prepared.y_val).max())
    assert found["wrong"] is None


def test_points_are_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows that are sorted by their target the points drawn reach from the least to the most."""
    monkeypatch.setattr("deltarule.runs.held_out.MOST_POINTS", 5)
    prepared = made(np.arange(200.0))
    points = facts_of(prepared)["scatter"]["y"]
    assert len(points) == 5
    assert prepared.y_val is not None
    assert points.min() == pytest.approx(prepared.y_val.min())
    assert points.max() == pytest.approx(prepared.y_val.max())


def test_without_validation_there_is_nothing_to_say() -> None:
    """No rows, no facts."""
    assert facts_of(made(np.arange(200) % 3, validation=0)) == {}


def test_pictures_of_any_scale_can_be_seen() -> None:
    """Bytes from 0 to 16 are shown from black to white; bytes up to 255 as they are."""
    dim = np.array([[0, 4, 8, 16]], np.uint8)
    assert _pixels(dim, (1, 2, 2)).ravel().tolist() == [0, 64, 128, 255]
    bright = np.array([[0, 4, 8, 200]], np.uint8)
    assert _pixels(bright, (1, 2, 2)).ravel().tolist() == [0, 4, 8, 200]
