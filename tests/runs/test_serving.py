"""The use of a trained model: find it, evaluate it, predict with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.runs.recipes import recipe_from
from deltarule.runs.running import train_run
from deltarule.runs.serving import evaluate_model, open_model, predictions_csv

N = 60


def table(n: int = N, target: bool = True, shuffle: int | None = None) -> str:
    """A table with numbers, gaps and text; whether one is rich follows from age and town."""
    columns = {
        "age": [str(20 + i % 40) if i % 9 else "" for i in range(n)],
        "town": [["Köln", "Bonn", "?"][i % 3] for i in range(n)],
        "id": [str(i) for i in range(n)],
    }
    if target:
        columns["rich"] = ["yes" if i % 40 > 20 and i % 3 == 0 else "no" for i in range(n)]
    names = list(columns)
    if shuffle is not None:
        names = [names[i] for i in np.random.default_rng(shuffle).permutation(len(names))]
    lines = [",".join(names)] + [",".join(columns[k][i] for k in names) for i in range(n)]
    return "\n".join([*lines, ""])


@pytest.fixture(autouse=True, scope="module")
def _plain_report() -> Iterator[None]:
    """Reports without pictures: they are not what these tests are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")
        yield


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, arrays with a test part, and runs on them."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "people.csv").write_text(table(), encoding="utf-8")
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(50, 4)), np.arange(50) % 2
    np.savez(folder / "parts.npz", X_train=X[:40], y_train=y[:40], X_test=X[40:], y_test=y[40:])
    np.savez(folder / "numbers.npz", X=X, y=X @ [1.0, 2.0, 3.0, 4.0] * 1e6 + 0.5)
    np.savez(folder / "other.npz", X=X + 1, y=y)
    small = {"hidden_layer_sizes": [6], "epochs": 4}
    for name, changes in {
        "people": {"data": str(folder / "people.csv"), "target": "rich"},
        "parts": {"data": str(folder / "parts.npz")},
        "numbers": {"data": str(folder / "numbers.npz")},
        "all": {"data": str(folder / "people.csv"), "target": "rich", "validation": 0},
    }.items():
        train_run(recipe_from(small, changes), folder / name, progress=False)
    return folder


def rows(text: str) -> list[list[str]]:
    """The rows of a CSV, header first."""
    return list(csv.reader(io.StringIO(text)))


# -- evaluation -----------------------------------------------------------------------------------


def test_the_held_out_rows(bench: Path) -> None:
    """On its own data a run is evaluated on the rows that it held out, however they are named."""
    own = str(bench / "people.csv")
    found = evaluate_model(bench / "people", own, {})
    assert (found["n"], found["split"]) == (12, "validation")
    around = str(bench / "people" / ".." / "people.csv")
    assert evaluate_model(bench / "people", around, {}) == found
    assert evaluate_model(bench / "people", own, {}, "validation") == found
    assert list(found)[:2] == ["loss", "accuracy"]


def test_all_rows(bench: Path) -> None:
    """Other data, a bare model file, or `all` mean all rows."""
    own = str(bench / "people.csv")
    (bench / "others.csv").write_text(table(30), encoding="utf-8")
    for model, data, split, n in (
        (bench / "people", own, "all", 60),
        (bench / "people", str(bench / "others.csv"), "auto", 30),
        (bench / "people" / "best.safetensors", own, "auto", 60),
        (bench / "all", own, "auto", 60),
    ):
        found = evaluate_model(model, data, {}, split)
        assert (found["n"], found["split"]) == (n, "all")


def test_the_test_part(bench: Path) -> None:
    """Where the data have a test part, it is what one is evaluated on."""
    data = str(bench / "parts.npz")
    for split in ("auto", "test"):
        found = evaluate_model(bench / "parts", data, {}, split)
        assert (found["n"], found["split"]) == (10, "test")
    assert evaluate_model(bench / "parts", data, {}, "all")["n"] == 40
    assert evaluate_model(bench / "parts", data, {}, "validation")["n"] == 8


@pytest.mark.parametrize(
    ("model", "data", "split", "says"),
    [
        ("people", "people.csv", "test", "no test part"),
        ("parts", "other.npz", "validation", "held out of its own data"),
        ("all", "people.csv", "validation", "held some out"),
        ("people", "people.csv", "tset", "Did you mean 'test'"),
    ],
)
def test_splits_that_are_not_there(
    bench: Path, model: str, data: str, split: str, says: str
) -> None:
    """A split that the data or the run lack is refused."""
    with pytest.raises(dr.InvalidInput, match=says):
        evaluate_model(bench / model, str(bench / data), {}, split)


def test_data_that_have_changed(bench: Path, tmp_path: Path) -> None:
    """Where the file is no longer the one that was trained on, no rows count as held out."""
    (tmp_path / "people.csv").write_text(table(), encoding="utf-8")
    changes = {"data": str(tmp_path / "people.csv"), "target": "rich"}
    recipe = recipe_from({"hidden_layer_sizes": [3], "epochs": 1}, changes)
    train_run(recipe, tmp_path / "run", progress=False)
    (tmp_path / "people.csv").write_text(table(50), encoding="utf-8")
    with pytest.raises(dr.InvalidInput, match="has changed since this run"):
        evaluate_model(tmp_path / "run", str(tmp_path / "people.csv"), {})
    assert evaluate_model(tmp_path / "run", str(tmp_path / "people.csv"), {}, "all")["n"] == 50


def test_numbers(bench: Path) -> None:
    """For numbers the accuracy is null, and r2 and the error in their units stand beside it."""
    found = evaluate_model(bench / "numbers", str(bench / "numbers.npz"), {})
    assert found["accuracy"] is None
    assert set(found) == {"loss", "accuracy", "r2", "root_mean_squared_error", "n", "split"}


def test_a_missing_column_is_told_with_its_file(bench: Path, tmp_path: Path) -> None:
    """All columns that a model needs and a table lacks are named with the file."""
    (tmp_path / "new.csv").write_text("agee,id\n3,4\n")
    new = str(tmp_path / "new.csv")
    with pytest.raises(dr.UnknownName, match="2 problems") as caught:
        predictions_csv(bench / "people", new, {})
    assert f"{new} has no column 'age', which the model" in str(caught.value)
    assert "Did you mean 'agee'" in str(caught.value)


def test_texts_never_seen_are_told(bench: Path, tmp_path: Path) -> None:
    """Who predicts or evaluates rows with new texts hears of how many rows and which column."""
    path = tmp_path / "new.csv"
    path.write_text(table() + "30,Ulm,60,no\n31,Ulm,61,no\n", encoding="utf-8")
    told: list[str] = []
    predictions_csv(bench / "people", str(path), {}, tell=told.append)
    evaluate_model(bench / "people", str(path), {}, "all", tell=told.append)
    assert told[0] == told[1]
    assert len(told) == 2
    assert "'town' holds, in 2 of 62 rows" in told[0]
    assert "'Ulm'" in told[0]
    predictions_csv(bench / "people", str(bench / "people.csv"), {}, tell=told.append)
    assert len(told) == 2


# -- prediction -----------------------------------------------------------------------------------


def test_one_prediction_for_each_row(bench: Path) -> None:
    """Every row gets a prediction, in order, also on the data that were trained on."""
    text, n = predictions_csv(bench / "people", str(bench / "people.csv"), {})
    header, *cells = rows(text)
    assert header == ["rich"]
    assert n == len(cells) == N
    assert {cell for (cell,) in cells} <= {"yes", "no"}


@pytest.mark.parametrize("shuffle", [None, 1, 2, 3])
@pytest.mark.parametrize("target", [True, False])
def test_columns_by_name(bench: Path, tmp_path: Path, shuffle: int | None, target: bool) -> None:
    """The order of columns, and whether the target is there, do not change the predictions."""
    expected, _ = predictions_csv(bench / "people", str(bench / "people.csv"), {}, proba=True)
    (tmp_path / "new.csv").write_text(table(target=target, shuffle=shuffle), encoding="utf-8")
    assert (
        predictions_csv(bench / "people", str(tmp_path / "new.csv"), {}, proba=True)[0] == expected
    )


def test_new_columns_and_categories(bench: Path, tmp_path: Path) -> None:
    """A column that was not there and a town that nobody knew are no obstacle."""
    text = "weight,town,age,id,rich\n70,Ulm,30,1,\n80,Köln,,2,perhaps\n"
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    _, n = predictions_csv(bench / "people", str(tmp_path / "new.csv"), {})
    assert n == 2


def test_probabilities(bench: Path) -> None:
    """On request each class has its probability; they add up to one and name the prediction."""
    text, _ = predictions_csv(bench / "people", str(bench / "people.csv"), {}, proba=True)
    header, *cells = rows(text)
    assert header == ["rich", "p(no)", "p(yes)"]
    for label, no, yes in cells:
        assert float(no) + float(yes) == pytest.approx(1, abs=1e-6)
        assert label == ("yes" if float(yes) > float(no) else "no")


def test_predictions_are_the_models(bench: Path) -> None:
    """What is written is what `predict` returns, to the last digit of the model's numbers."""
    model = dr.load(bench / "numbers" / "best.safetensors")
    data = dr.load_data(bench / "numbers.npz", task="regression")
    text, _ = predictions_csv(bench / "numbers", str(bench / "numbers.npz"), {}, "all")
    header, *cells = rows(text)
    assert header == ["prediction"]
    written = np.array([float(cell) for (cell,) in cells])
    np.testing.assert_allclose(written, model.predict(data.X), rtol=1e-8)


def test_several_outputs(tmp_path: Path) -> None:
    """Several numbers are several columns."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    net = dr.Network([3, 2], loss="squared_error")
    net.train(X, X[:, :2], epochs=1, progress=False)
    net.save(tmp_path / "net.safetensors")
    np.savez(tmp_path / "rows.npz", X=X)
    text, _ = predictions_csv(tmp_path / "net.safetensors", str(tmp_path / "rows.npz"), {})
    header, *cells = rows(text)
    assert header == ["prediction_0", "prediction_1"]
    np.testing.assert_allclose(np.array(cells, float), net.predict(X), rtol=1e-8)


def test_several_quantiles(tmp_path: Path) -> None:
    """Quantiles are columns that are named by their levels."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    net = dr.Network([3, 2], loss={"name": "quantile", "level": [0.05, 0.5]})
    net.train(X, X[:, 0], epochs=1, progress=False)
    net.save(tmp_path / "net.safetensors")
    np.savez(tmp_path / "rows.npz", X=X)
    text, _ = predictions_csv(tmp_path / "net.safetensors", str(tmp_path / "rows.npz"), {})
    assert rows(text)[0] == ["prediction_0.05", "prediction_0.5"]


def test_labels_that_need_quotes(tmp_path: Path) -> None:
    """Labels with commas, quotes and line ends come back as they were."""
    labels = ["a,b", 'say "x"', "two\nlines"]
    X = np.random.default_rng(0).normal(size=(30, 3))
    net = dr.Network([3, 8, 3])
    net.train(X, np.array(labels)[np.arange(30) % 3], epochs=1, progress=False)
    net.save(tmp_path / "net.safetensors")
    np.savez(tmp_path / "rows.npz", X=X)
    text, _ = predictions_csv(tmp_path / "net.safetensors", str(tmp_path / "rows.npz"), {})
    assert [cell for (cell,) in rows(text)[1:]] == net.predict(X).tolist()


# -- models ---------------------------------------------------------------------------------------


def test_open(bench: Path) -> None:
    """A run's folder and its model file hold the same network; the folder knows the recipe."""
    folder, file = open_model(bench / "people"), open_model(bench / "people" / "best.safetensors")
    assert folder.network.chain.theta.tobytes() == file.network.chain.theta.tobytes()
    assert folder.recipe is not None
    assert folder.recipe.target == "rich"
    assert file.recipe is None


@pytest.mark.parametrize("changes", [{"target": "town"}, {"task": "regression"}])
def test_changes_of_the_command(bench: Path, changes: dict[str, Any]) -> None:
    """What the command line names wins over what the run remembers."""
    with pytest.raises(dr.InvalidInput):
        evaluate_model(bench / "people", str(bench / "people.csv"), changes)
