"""From a name or a path to a data set."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from deltarule.data.dataset import Table
from deltarule.data.sources import load_data
from deltarule.data.tables import TableEncoder
from deltarule.ground.errors import (
    DeltaruleError,
    FileRefused,
    InvalidInput,
    NotAvailable,
    UnknownName,
)

CSV = "age,sex,label\n30,F,yes\n41,M,no\n,F,yes\n"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """No test sees the user's own cache folder."""
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "cache"))


def test_digits_need_nothing():
    """The digits load by name; they have no test part, so both splits are all rows."""
    assert len(load_data("digits").X) == len(load_data("digits", split="test").X) == 1797


def test_a_table_needs_its_target(write):
    """The target column becomes y, the other columns stay a table."""
    data = load_data(write("people.csv", CSV), target="label")
    assert data.name == "people"
    assert isinstance(data.X, Table)
    assert data.feature_names == data.X.names == ("age", "sex")
    assert data.target_name == "label"
    assert data.y.tolist() == ["yes", "no", "yes"]
    assert data.class_names == ("no", "yes")


def test_compressed_tables_have_the_same_name_and_content(write):
    """people.csv.gz is people.csv."""
    plain = load_data(write("people.csv", CSV), target="label")
    packed = load_data(write("people.csv.gz", gzip.compress(CSV.encode())), target="label")
    assert packed.name == plain.name
    assert packed.fingerprint() == plain.fingerprint()


def test_no_target_is_told_with_the_columns(write):
    """Without a target the message says how to name one, and what columns there are."""
    with pytest.raises(InvalidInput, match=r"--target COLUMN.*age, sex, label"):
        load_data(write("people.csv", CSV))


def test_an_unknown_target_gets_a_suggestion(write):
    """A misspelled target gets the nearest column."""
    with pytest.raises(InvalidInput, match="Did you mean 'label'"):
        load_data(write("people.csv", CSV), target="labell")


def test_missing_targets_are_counted(write):
    """A target with gaps is refused, with how many."""
    with pytest.raises(InvalidInput, match=r"people\.csv.*'age'.*missing in 1 of 3"):
        load_data(write("people.csv", CSV), target="age")


def test_rows_to_predict_need_no_target(write):
    """For prediction the target may be absent, unnamed or full of gaps; if there, it is kept."""
    path = write("people.csv", CSV)
    assert load_data(path, need_target=False).X.names == ("age", "sex", "label")
    assert load_data(path, target="other", need_target=False).y is None
    gaps = load_data(path, target="age", need_target=False)
    assert gaps.y is None
    assert gaps.X.names == ("sex", "label")
    assert load_data(path, target="label", need_target=False).y is not None


def test_the_task_can_be_given(write):
    """A whole-numbered target is what `task` says."""
    path = write("t.csv", "a,y\n" + "1,0\n2,1\n" * 4)
    assert load_data(path, target="y").y.dtype == np.int64
    assert load_data(path, target="y", task="regression").y.dtype == np.float64
    with pytest.raises(UnknownName, match="Did you mean 'regression'"):
        load_data(path, target="y", task="regresion")


def test_published_sets_are_looked_for_in_order(tmp_path, make):
    """cifar10 and mnist are found in data_dir, in its sub-folder, or in the cache folder."""
    make.cifar(tmp_path / "cache" / "cifar10")
    assert len(load_data("cifar10").X) == 20
    make.cifar(tmp_path / "mine", n=2)
    assert len(load_data("cifar10", data_dir=tmp_path / "mine").X) == 10
    assert len(load_data("cifar10", data_dir=tmp_path).X) == 20
    make.mnist(tmp_path / "mnist")
    mnist = load_data("mnist", data_dir=tmp_path)
    assert mnist.name == "mnist"
    assert mnist.image_shape == (1, 5, 4)
    assert len(load_data("mnist", data_dir=tmp_path, split="test").X) == 3


def test_an_archive_may_be_the_data_dir(write, make):
    """--data may name the archive itself."""
    path = write("cifar-10-binary.tar.gz", make.cifar_archive())
    assert len(load_data("cifar10", data_dir=path).X) == 20
    assert len(load_data(path).X) == 20


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_an_absent_set_says_how_to_get_it(name, tmp_path):
    """The message names the command that fetches it, and the option that points to it."""
    with pytest.raises(NotAvailable, match=rf"deltarule datasets get {name}.*--data DIR"):
        load_data(name, data_dir=tmp_path)


def test_an_unknown_source_gets_a_suggestion():
    """A name that is neither a data set nor a file gets the nearest name."""
    with pytest.raises(NotAvailable, match="Did you mean 'cifar10'"):
        load_data("cifar-10")


def test_a_file_nearly_named_gets_a_suggestion(write):
    """The packed file beside it, or one that is spelled nearly so, is offered."""
    packed = write("people.csv.gz", gzip.compress(CSV.encode()))
    for name in ("people.csv", "peple.csv.gz"):
        with pytest.raises(NotAvailable, match=r"Did you mean '.*people\.csv\.gz'"):
            load_data(packed.with_name(name), target="label")


def test_an_unknown_delimiter_is_told(write):
    """A target that stands within the only column's name shows a delimiter that is not known."""
    with pytest.raises(InvalidInput, match="delimiter was not recognised"):
        load_data(write("people.csv", CSV.replace(",", "|")), target="label")


def test_an_impossible_path_is_told():
    """A name that no file system takes gives a sentence, not an error of the system."""
    with pytest.raises(NotAvailable, match="cannot be read: File name too long"):
        load_data("x" * 5000)


def test_an_unknown_split_is_refused():
    """A split is train or test."""
    with pytest.raises(UnknownName, match="Did you mean 'train'"):
        load_data("digits", split="training")


@pytest.mark.parametrize("size", [(0, 3), (3,), (1.5, 2), "ab"])
def test_an_odd_image_size_is_refused(size):
    """An image size is two positive integers."""
    with pytest.raises(InvalidInput, match="height, width"):
        load_data("digits", image_size=size)


def test_folders_are_told_by_their_content(tmp_path, make):
    """CIFAR-10, idx files, arrays and class folders are each recognised."""
    from PIL import Image

    make.cifar(tmp_path / "a", "py")
    assert load_data(tmp_path / "a").image_shape == (3, 32, 32)
    make.mnist(tmp_path / "fashion" / "MNIST" / "raw")
    assert load_data(tmp_path / "fashion").name == "fashion"
    arrays = make.folder(tmp_path / "c", {})
    np.save(arrays / "X.npy", np.eye(4))
    np.save(arrays / "y.npy", np.array([0, 1, 0, 1]))
    assert isinstance(load_data(arrays).X, np.memmap)
    for split, count in (("train", 3), ("test", 2)):
        for name in ("cat", "dog"):
            folder = make.folder(tmp_path / "pets" / split / name, {})
            for i in range(count):
                Image.new("L", (4, 5), i).save(folder / f"{i}.png")
    pets = load_data(tmp_path / "pets")
    assert pets.name == "pets"
    assert len(pets.X) == 6
    assert len(load_data(tmp_path / "pets", split="test").X) == 4
    assert len(load_data(tmp_path / "pets" / "test").X) == 4


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    """An empty folder gets a sentence that says what would be read."""
    with pytest.raises(NotAvailable, match="holds no data that is known"):
        load_data(tmp_path)


def test_an_unknown_ending_is_refused(write):
    """The ending tells the format; an unknown one gets the list."""
    with pytest.raises(InvalidInput, match=r"\.csv.*\.npz"):
        load_data(write("table.xlsx", b"PK\x03\x04"))


def test_arrays_carry_text_labels(tmp_path):
    """Text labels of an .npz become objects with class names."""
    np.savez(tmp_path / "d.npz", X=np.eye(4), y=np.array(["u", "v", "u", "v"]))
    data = load_data(tmp_path / "d.npz")
    assert data.y.dtype == object
    assert data.class_names == ("u", "v")


def test_arrays_without_labels_serve_prediction_only(tmp_path):
    """An array without labels is refused for training and read for prediction."""
    np.save(tmp_path / "rows.npy", np.eye(3))
    with pytest.raises(InvalidInput, match="has no labels"):
        load_data(tmp_path / "rows.npy")
    assert load_data(tmp_path / "rows.npy", need_target=False).y is None


def test_rows_named_x_bring_their_labels(tmp_path):
    """X_train.npy takes y_train.npy beside it."""
    np.save(tmp_path / "X_train.npy", np.eye(4))
    np.save(tmp_path / "y_train.npy", np.array([0, 1, 0, 1]))
    assert load_data(tmp_path / "X_train.npy").y.tolist() == [0, 1, 0, 1]


REAL_TABLES = {
    # name: (target, task, rows, features, text-valued, missing)
    "adult": ("income", "classification", 48_842, 14, 8, 6_465),
    "letter": ("lettr", "classification", 20_000, 16, 0, 0),
    "spambase": ("is_spam", "classification", 4_601, 57, 0, 0),
    "credit_g": ("class", "classification", 1_000, 20, 13, 0),
    "phoneme": ("class", "classification", 5_404, 5, 0, 0),
    "california_housing": ("median_house_value", "regression", 20_640, 9, 1, 207),
    "wine_quality": ("quality", "regression", 6_497, 12, 1, 0),
    "abalone": ("rings", "regression", 4_177, 8, 1, 0),
    "concrete": ("strength", "regression", 1_030, 8, 0, 0),
    "kin8nm": ("y", "regression", 8_192, 8, 0, 0),
    "diamonds": ("price", "regression", 53_940, 9, 3, 0),
}


@pytest.mark.parametrize("name", REAL_TABLES)
def test_real_tables(name, real_data):
    """Every real table has its published rows, columns and gaps, and its task is guessed."""
    target, task, rows, features, texts, missing = REAL_TABLES[name]
    data = load_data(real_data("tabular") / f"{name}.csv.gz", target=target)
    assert data.X.shape == (rows, features)
    columns = [data.X[column] for column in data.X]
    gaps = [(c == None).sum() if c.dtype == object else np.isnan(c).sum() for c in columns]  # noqa: E711
    assert sum(c.dtype == object for c in columns) == texts
    assert sum(gaps) == missing
    assert (data.y.dtype == np.float64) == (task == "regression")
    encoded = TableEncoder.fit(data.X).transform(data.X)
    assert len(encoded) == rows
    assert np.isfinite(encoded).all()


def test_real_cifar10(real_data):
    """The 50,000 training images: 5,000 of each class, the last 5,000 rows for validation."""
    data = load_data("cifar10", data_dir=real_data("cifar-10-batches-bin"))
    assert data.X.shape == (50_000, 3072)
    assert data.X.dtype == np.uint8
    assert np.bincount(data.y).tolist() == [5000] * 10
    assert data.y[:5].tolist() == [6, 9, 9, 4, 1]
    assert data.class_names[6] == "frog"
    assert data.validation_rows == 5000


def test_real_cifar10_without_a_test_batch(real_data):
    """Where the test batch is absent, asking for it says so."""
    folder = real_data("cifar-10-batches-bin")
    if (folder / "test_batch.bin").exists():
        assert len(load_data("cifar10", data_dir=folder, split="test").X) == 10_000
    else:
        with pytest.raises(NotAvailable, match="no test batch"):
            load_data("cifar10", data_dir=folder, split="test")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.npz", "a.npy", "a.parquet", "a.tar.gz", "a.csv"])
def test_an_image_is_refused_under_any_other_name(name, write):
    """A PNG image called something else is refused for what it is."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    with pytest.raises(FileRefused, match="PNG image"):
        load_data(write(name, png), target="a")


@pytest.mark.parametrize("source", [None, 5, [1], {"a": 1}, b"digits", "~nobody-of-this-name/x"])
def test_what_is_no_source(source: object) -> None:
    """Anything that is no name and no path is refused in a sentence."""
    with pytest.raises(DeltaruleError, match=r"name or a path|There is no|cannot be found"):
        load_data(source)  # type: ignore[arg-type]


def test_image_size_must_be_a_pair() -> None:
    """A single number is no size."""
    with pytest.raises(InvalidInput, match="height, width"):
        load_data("digits", image_size=5)  # type: ignore[arg-type]


def test_a_table_of_targets_alone(tmp_path: Path) -> None:
    """A file that holds only the target is named, with what is missing."""
    path = tmp_path / "one.csv"
    path.write_text("y\n1.5\n2.5\n")
    with pytest.raises(InvalidInput, match=r"one\.csv has no column besides the target 'y'"):
        load_data(path, target="y")


def test_strange_labels_do_not_hinder_a_prediction(tmp_path: Path) -> None:
    """Where no targets are needed, gaps in them do not matter."""
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), y=np.array([1.0, np.nan, 2.0]))
    assert load_data(tmp_path / "a.npz", need_target=False).y is None
