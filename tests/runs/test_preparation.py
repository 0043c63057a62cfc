"""From a recipe and a data set to rows and a network."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.data.dataset import Dataset, Table
from deltarule.runs.preparation import load_for, pieces_for, prepare, validation_rows
from deltarule.runs.recipes import recipe_from

laws = settings(deadline=None, derandomize=True, max_examples=60)


def recipe(**changes: Any) -> Any:
    """A recipe with changes."""
    return recipe_from({}, {"hidden_layer_sizes": [4], **changes})


ONE_QUANTILE = {"name": "quantile", "level": 0.1}
QUANTILES = {"name": "quantile", "level": [0.1, 0.9]}


def dataset(y: Any, n: int | None = None, **changes: Any) -> Dataset:
    """A data set with these targets."""
    y = np.asarray(y)
    X = np.random.default_rng(0).normal(size=(n or len(y), 3))
    return Dataset("made", X, y, **changes)


@laws
@given(
    y=st.lists(st.integers(0, 3), min_size=8, max_size=60),
    share=st.floats(0.1, 0.6),
    seed=st.integers(0, 5),
)
def test_split(y: list[int], share: float, seed: int) -> None:
    """Training and validation rows are disjoint and complete, and a function of the seed."""
    made, data = recipe(validation=share, seed=seed), dataset(y)
    training, held_out = validation_rows(made, data)
    assert sorted([*training, *held_out]) == list(range(len(y)))
    assert len(held_out) == round(share * len(y))
    again = validation_rows(made, dataset(y))
    np.testing.assert_array_equal(again[1], held_out)
    counts = np.bincount(np.array(y)[held_out], minlength=4)
    expected = len(held_out) * np.bincount(y, minlength=4) / len(y)
    assert (abs(counts - expected) <= 1 + 1e-9).all()


def test_seeds_split_differently() -> None:
    """Another seed holds out other rows."""
    data = dataset(np.arange(100) % 5)
    splits = {tuple(validation_rows(recipe(seed=seed), data)[1]) for seed in range(5)}
    assert len(splits) == 5


def test_not_stratified() -> None:
    """Where asked to, rows are held out regardless of their class; numbers have none."""
    y = np.arange(100) % 2
    plain = validation_rows(recipe(stratify=False, validation=10), dataset(y))[1]
    numbers = validation_rows(recipe(validation=10), dataset(y.astype(float)))[1]
    np.testing.assert_array_equal(plain, numbers)
    halves = [
        np.bincount(y[validation_rows(recipe(stratify=False, seed=s), dataset(y))[1]]).tolist()
        for s in range(8)
    ]
    assert any(half != [10, 10] for half in halves)


def test_a_standing_validation_split() -> None:
    """A data set that always validates on its last rows keeps them, whatever the seed."""
    data = dataset(np.arange(50) % 2, validation_rows=15)
    for seed in (0, 1):
        training, held_out = validation_rows(recipe(seed=seed), data)
        np.testing.assert_array_equal(training, np.arange(35))
        np.testing.assert_array_equal(held_out, np.arange(35, 50))
    training, held_out = validation_rows(recipe(validation=0), data)
    assert len(training) == 50
    assert len(held_out) == 0


def test_rows_go_where_they_belong() -> None:
    """X and y of the two parts are the rows of the data set, in order."""
    data = dataset(np.arange(40) % 2)
    training, held_out = validation_rows(recipe(), data)
    prepared = prepare(recipe(), data)
    np.testing.assert_array_equal(prepared.X, data.X[training])
    np.testing.assert_array_equal(prepared.y, data.y[training])
    np.testing.assert_array_equal(prepared.X_val, data.X[held_out])
    np.testing.assert_array_equal(prepared.y_val, data.y[held_out])


def test_no_validation() -> None:
    """Without held-out rows all train."""
    prepared = prepare(recipe(validation=0), dataset(np.arange(40) % 2))
    assert prepared.X_val is None
    assert prepared.y_val is None
    assert len(prepared.X) == 40


@pytest.mark.parametrize(
    ("y", "changes", "outputs", "loss", "classes"),
    [
        (np.arange(30) % 3, {}, 3, "cross_entropy", None),
        (np.arange(30) % 3 + 1, {}, 3, "cross_entropy", (1, 2, 3)),
        (np.array(["a", "b"] * 15, object), {}, 2, "cross_entropy", ("a", "b")),
        (np.arange(30) % 2, {"loss": "binary_cross_entropy"}, 1, "binary_cross_entropy", None),
        (np.linspace(0, 1, 30), {}, 1, "squared_error", None),
        (np.linspace(0, 1, 30), {"loss": "huber"}, 1, "huber", None),
        (np.linspace(0, 1, 30), {"loss": QUANTILES}, 2, QUANTILES, None),
        (np.linspace(0, 1, 30), {"loss": ONE_QUANTILE}, 1, ONE_QUANTILE, None),
    ],
)
def test_the_network_fits(
    y: Any, changes: Any, outputs: int, loss: Any, classes: tuple[Any, ...] | None
) -> None:
    """Outputs, loss and labels follow from the targets, where the recipe leaves them open."""
    prepared = prepare(recipe(**changes), dataset(y))
    settings_ = prepared.network.settings
    assert settings_.sizes == (3, 4, outputs)
    assert settings_.loss.spec() == loss == prepared.recipe.loss
    assert settings_.classes == classes


def test_a_class_that_does_not_occur() -> None:
    """Names that the data set knows have outputs even if no row has them."""
    data = dataset(np.array([0, 2] * 10), class_names=("cat", "dog", "owl"))
    prepared = prepare(recipe(), data)
    assert prepared.network.settings.sizes[-1] == 3
    assert prepared.network.about["class_names"] == ["cat", "dog", "owl"]


def test_what_is_left_open_is_settled() -> None:
    """The recipe of the run says what `auto` became, so that it is complete."""
    prepared = prepare(recipe(), dataset(np.linspace(0, 1, 30)))
    assert prepared.recipe.loss == "squared_error"
    assert prepared.recipe.task == "regression"


TABLE = Table(
    {
        "age": np.array([*range(39), math.nan]),
        "town": np.array(["a", "b", None, "c"] * 10, object),
    }
)


def test_tables_are_encoded_from_the_training_rows() -> None:
    """Medians, spreads and categories come from the rows that train, and go into the model."""
    data = Dataset("table", TABLE, np.arange(40) % 2, target_name="y")
    made = recipe(seed=3)
    training, held_out = validation_rows(made, data)
    prepared = prepare(made, data)
    encoder = prepared.network.preprocessing.encoder
    assert encoder is not None
    age = encoder.columns[0]
    known = TABLE["age"][training]
    assert age.median == pytest.approx(np.nanmedian(known))
    assert prepared.network.settings.scaling == "none"
    assert prepared.network.about["target"] == "y"
    assert len(prepared.X) == len(training)
    assert prepared.X_val is not None
    assert len(prepared.X_val) == len(held_out)


def test_a_column_that_is_almost_numbers_is_told() -> None:
    """That a few words make a column text is said, as it is likely a slip."""
    column = np.array([*(str(i) for i in range(39)), "unknown"], object)
    data = Dataset("table", Table({"age": column}), np.arange(40) % 2)
    (note,) = prepare(recipe(), data).notes
    assert "'age'" in note
    assert "'unknown'" in note


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.arange(300) % 60 * 7, "60 classes, of 5.0 rows each.*--task regression"),
        (np.array([f"t{i % 60}" for i in range(300)], object), "60 classes, of 5.0 rows each"),
        (np.array([f"{i % 60},5" for i in range(300)], object), "decimal commas, such as '0,5'"),
        (
            np.array([*map(str, np.arange(299) % 60), "x"], object),
            "because of the value 'x'",
        ),
        (np.array([f"t{i % 60}" for i in range(900)], object), None),
        (np.arange(300) % 60, "60 classes, of 5.0 rows each on average; little"),
        (np.arange(900) % 60, None),
        (np.arange(60) % 20, None),
    ],
)
def test_doubtful_classes_are_told(y: Any, says: str | None) -> None:
    """Many classes of few rows, or of what looks like quantities, are taken, and it is said."""
    notes = prepare(recipe(), dataset(y)).notes
    assert len(notes) == (says is not None)
    assert says is None or re.search(says, notes[0])


@pytest.mark.parametrize("y", [np.arange(90) % 9 // 8, np.array([*"aaabbbbbbc"] * 9, object)])
def test_balanced_classes_weigh_the_same(y: Any) -> None:
    """Training rows weigh as scikit-learn's "balanced" has it; else there are no weights."""
    utils = pytest.importorskip("sklearn.utils", reason="needs scikit-learn")
    prepared = prepare(recipe(class_weight="balanced"), dataset(y))
    expected = utils.compute_sample_weight("balanced", prepared.y)
    np.testing.assert_allclose(prepared.weight, expected, rtol=1e-15)
    assert prepare(recipe(), dataset(y)).weight is None


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": ["1,5", "2,5"] * 30}, "column 'a' looks like .*commas, such as '1,5', and is taken"),
        (
            {"a": ["1,5", "2,5"] * 30, "b": ["7,25", None] * 30},
            "columns 'a' and 'b' look like numbers with decimal commas",
        ),
        ({"a": ["2024-01-02", "2024-01-03"] * 30}, "'a' looks like dates"),
        ({"a": [f"t{i}" for i in range(120)]}, "'a' (120) holds more than 100 different texts"),
        ({"a": [np.nan] * 60}, "column 'a' is empty in all rows that are learned from"),
        ({"a": [np.nan] * 60, "b": [np.nan] * 60}, "columns 'a' and 'b' are empty"),
        ({"a": ["x", "y"] * 30, "b": [1.0, np.nan] * 30}, None),
    ],
)
def test_doubtful_columns_are_told(columns: dict[str, list[Any]], says: str | None) -> None:
    """What columns look like they got wrong is said, of columns alike in one sentence."""
    n = len(next(iter(columns.values())))
    table = Table({name: np.array(column) for name, column in columns.items()})
    notes = prepare(recipe(), Dataset("table", table, np.arange(n) % 2)).notes
    assert len(notes) == (says is not None)
    assert says is None or re.search(says.replace("(120)", r"\(120\)"), notes[0])


def test_the_scaling_of_a_table_is_told_as_it_is() -> None:
    """A table is standardised by its encoder, so its settled recipe says so, whatever it said."""
    table = Dataset("table", Table({"a": np.arange(40.0)}), np.arange(40) % 2)
    assert prepare(recipe(), table).recipe.scaling == "feature"
    assert not prepare(recipe(), table).notes
    other = prepare(recipe(scaling="unit"), table)
    assert other.recipe.scaling == "feature"
    assert "scaling='unit' changes nothing" in other.notes[0]
    assert prepare(other.recipe, table).notes == ()


@pytest.mark.parametrize(
    ("y", "changes", "says"),
    [
        (["a"] * 20, {}, "one class only, 'a'"),
        ([f"id{i}" for i in range(40)], {}, "40 different values in 40 rows, too many.*'id0'"),
        (np.arange(40) * 7, {}, "too many for classes; .*--task regression"),
        ([f"{i},5" for i in range(40)], {}, "decimal commas, such as '0,5': .* such as 0.5"),
        ([1] * 20, {}, "one class only, 1"),
        (
            np.arange(30) % 3,
            {"loss": "binary_cross_entropy"},
            "2 classes apart, and the data have 3",
        ),
        (np.arange(30) % 3, {"loss": "huber"}, "huber is for regression"),
        (np.linspace(0, 1, 30), {"loss": "cross_entropy"}, "target is a number"),
        (np.linspace(0, 1, 30), {"class_weight": "balanced"}, "weighs classes, but"),
        (np.arange(30) % 3, {"validation": 30}, "leaves 0 to train"),
        (np.arange(30) % 3, {"scaling": "channel"}, "image_shape"),
    ],
)
def test_refusals(y: Any, changes: Any, says: str) -> None:
    """A recipe that does not fit the data is refused with the reason."""
    with pytest.raises(dr.InvalidInput, match=says):
        prepare(recipe(**changes), dataset(y))


def test_images_keep_their_shape() -> None:
    """What is known of images reaches the network, for channels and for pictures of weights."""
    prepared = prepare(recipe(scaling="channel"), load_for(recipe(data="digits")))
    assert prepared.network.image_shape == (1, 8, 8)
    assert np.asarray(prepared.X).dtype == np.uint8


def numbers(n_rows: int, n_columns: int) -> Table:
    """A table of numbers, without memory for each column."""
    return Table({f"c{i}": np.broadcast_to(np.arange(1.0), n_rows) for i in range(n_columns)})


@pytest.mark.parametrize(
    ("pieces", "n_rows", "n_columns", "n_train", "expected"),
    [
        ("auto", 10_000, 5, 8_000, 32),
        ("auto", 1_000, 64, 800, 12),
        ("auto", 100, 5, 63, 0),
        ("auto", 10_000, 65, 8_000, 0),
        ("auto", 10_000_000, 5, 8_000_000, 0),
        (8, 10_000_000, 100, 8_000_000, 8),
        (32, 100, 5, 10, 32),
    ],
)
def test_into_how_many_pieces(
    pieces: Any, n_rows: int, n_columns: int, n_train: int, expected: int
) -> None:
    """Unless a number is asked for: as many as rows teach, none where they would be too large."""
    assert pieces_for(pieces, numbers(n_rows, n_columns), n_train) == expected


def test_pieces_are_settled_and_learned() -> None:
    """The recipe of the run holds the number, and the network has an input for each piece."""
    data = Dataset("table", Table({"x": np.arange(200.0)}), np.arange(200) % 2)
    prepared = prepare(recipe(), data)
    assert prepared.recipe.pieces == 160 // 64
    assert prepared.network.settings.sizes[0] == 1 + 160 // 64
    assert prepare(prepared.recipe, data).network.settings.sizes[0] == 1 + 160 // 64
    assert prepare(recipe(pieces=0), data).network.settings.sizes[0] == 1
    assert prepare(recipe(), dataset(np.arange(30) % 3)).recipe.pieces == 0  # of an array


def test_numbers_that_stay_whole_are_told() -> None:
    """A table too wide for pieces is trained with whole numbers; the run says so, resumed, too."""
    X = numbers(128, 65)
    data = Dataset("table", X, np.arange(128) % 2)
    prepared = prepare(recipe(), data)
    assert any("--pieces 32 would cut them up" in note for note in prepared.notes)
    assert prepare(prepared.recipe, data).notes == prepared.notes


def test_pieces_of_an_array_are_told() -> None:
    """Rows that are no table are not cut up, and whoever asked for it hears so."""
    notes = prepare(recipe(pieces=16), dataset(np.arange(30) % 3)).notes
    assert notes == ("pieces=16 changes nothing: only tables are cut up.",)
