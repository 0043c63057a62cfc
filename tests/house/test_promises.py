"""Small promises that were once broken: each stays mended."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.scaling import learn_scaling
from deltarule.ground.randomness import StepNoise
from deltarule.learning.step import clip_norm
from deltarule.runs.recipes import recipe_from
from deltarule.runs.running import train_run
from deltarule.runs.serving import evaluate_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5))


def csv(path: Path, rows: int = 120) -> Path:
    values = RNG.normal(size=(rows, 2))
    lines = [f"{a:.6f},{b:.6f},{'yes' if a > b else 'no'}" for a, b in values]
    path.write_text("a,b,y\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("seed", range(6))
def test_a_negative_loss_is_no_divergence(seed: int) -> None:
    """Poisson's loss may be far below zero; the guard looks at its size."""
    y = RNG.poisson(200, len(X))
    dr.Network([5, 16, 1], loss="poisson", seed=seed).train(X, y, epochs=2, progress=False)


def test_rows_without_weight_start_no_alarm() -> None:
    """A first batch in which no row counts says nothing about the size of the loss."""
    y, weight = 1000.0 + X[:, 0], np.ones(len(X))
    weight[: len(X) // 2] = 0
    net = dr.Network([5, 4, 1], loss="squared_error", standardize_targets=False)
    net.train(X, y, sample_weight=weight, epochs=2, batch_size=1, progress=False)


def test_a_runaway_epoch_is_never_the_best() -> None:
    """Good weights survive a second training whose loss is finite but absurd."""
    y = (X[:, 0] > 0).astype(int)
    net = dr.Network([5, 16, 2])
    net.train(X, y, X, y, epochs=20, lr=0.01, progress=False)
    before = net.evaluate(X, y)
    with pytest.raises(dr.Diverged):
        net.train(X, y, X, y, epochs=1, batch_size=len(X), lr=1e9, progress=False)
    assert net.evaluate(X, y) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": None},
        {"activation": None},
        {"scaling": "none"},
        {"scaling": None},
        {"optimizer": {"name": "adam", "beta1": 0.8}, "metrics": ["f1_macro"], "patience": 3},
    ],
)
def test_a_recipe_survives_its_file(changes: dict[str, Any]) -> None:
    """What a run writes down trains the same again."""
    recipe = recipe_from({}, changes)
    assert recipe_from(tomllib.loads(recipe.to_toml()), {}) == recipe


def test_a_resolved_recipe_trains_the_same(tmp_path: Path) -> None:
    """The recipe of a run folder leads to the same bits, for a table, too."""
    recipe = recipe_from({}, {"data": str(csv(tmp_path / "t.csv")), "target": "y", "epochs": 3})
    first = train_run(recipe, tmp_path / "one", progress=False)
    written = tomllib.loads((tmp_path / "one" / "recipe.toml").read_text())
    second = train_run(recipe_from(written, {}), tmp_path / "two", progress=False)
    assert first.facts["weights_sha256"] == second.facts["weights_sha256"]
    assert written["scaling"] == "feature"  # by the table's encoder
    assert written["loss"] == "cross_entropy"


def test_a_name_of_the_table_does_not_replace_a_function_of_ones_own(tmp_path: Path) -> None:
    """A model made with one's own `relu` is not read back with the library's."""

    def relu(x: Any) -> Any:
        return np.tanh(x), lambda g: g / np.cosh(x) ** 2

    net = dr.Network([5, 4, 2], activation=relu)
    net.save(tmp_path / "net")
    with pytest.raises(dr.FileRefused, match="function of your own, 'relu'"):
        dr.load(tmp_path / "net")
    again = dr.load(tmp_path / "net", custom={"relu": relu})
    np.testing.assert_array_equal(net.scores(X), again.scores(X))


def test_large_offsets_keep_their_digits() -> None:
    """Times in seconds differ by seconds after scaling, in float32, too."""
    times = (1.7e9 + np.arange(100.0))[:, None]
    scaled = learn_scaling("feature", times)(times, np.float32)
    assert len(np.unique(scaled)) == 100
    whole = learn_scaling("feature", times.astype(np.int64))
    assert len(np.unique(whole(times.astype(np.int64), np.float32))) == 100


def test_one_row_teaches_batch_normalisation_no_variance() -> None:
    """A last batch of one row leaves the running statistics; batches of one are refused."""
    net = dr.Network([5, 4, 2], normalization="batch")
    net.chain.forward(X[:1].astype(np.float32), StepNoise(0, 1, np.arange(1)))
    assert not net.chain.increments.any()
    with pytest.raises(dr.InvalidInput, match="batch_size=1"):
        net.train(X, (X[:, 0] > 0).astype(int), batch_size=1)


def test_validation_rows_are_those_of_the_run(tmp_path: Path) -> None:
    """They are known by content: not mixed when the file grew, and found from another folder."""
    path = csv(tmp_path / "t.csv")
    recipe = recipe_from({}, {"data": str(path), "target": "y", "epochs": 2})
    outcome = train_run(recipe, tmp_path / "run", progress=False)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(path.read_bytes())
    for data in (path, copy):
        found = evaluate_model(tmp_path / "run", str(data), {})
        assert (found["split"], found["n"]) == ("validation", 24)
        assert found["loss"] == outcome.facts["val_loss"]
    with path.open("a") as file:
        file.write("1,2,no\n")
    with pytest.raises(dr.InvalidInput, match="has changed"):
        evaluate_model(tmp_path / "run", str(path), {})
    assert evaluate_model(tmp_path / "run", str(path), {}, "all")["n"] == 121


def test_a_run_that_held_nothing_out_has_no_validation_rows(tmp_path: Path) -> None:
    """Training rows are never called validation rows."""
    path = csv(tmp_path / "t.csv")
    recipe = recipe_from({}, {"data": str(path), "target": "y", "epochs": 1, "validation": 0})
    train_run(recipe, tmp_path / "run", progress=False)
    with pytest.raises(dr.InvalidInput, match="held out"):
        evaluate_model(tmp_path / "run", str(path), {}, "validation")


def test_trainings_draw_their_own_orders() -> None:
    """Three trainings of one epoch are not three times the same epoch."""
    y = (X[:, 0] > 0).astype(int)
    seen = []
    net = dr.Network([5, 4, 2], dropout=0.5)
    for _ in range(3):
        net.train(X, y, epochs=1, progress=False, callbacks=[lambda t: seen.append(t.plan.seed)])
    assert len(set(seen)) == 3


def test_an_untrained_network_gives_all_its_outputs() -> None:
    """Two outputs are two columns, before any training, too."""
    assert dr.Network([5, 8, 2], loss="squared_error").predict(X).shape == (200, 2)


def test_counts_are_not_standardised() -> None:
    """Standardised counts are negative, and Poisson's loss has no lower bound there."""
    with pytest.raises(dr.InvalidInput, match="standardize_targets"):
        dr.Network([5, 8, 1], loss="poisson", standardize_targets=True)


def test_classes_of_several_labels_are_refused() -> None:
    """Labels that hold at once are columns, not classes."""
    with pytest.raises(dr.InvalidInput, match="columns of 0 and 1"):
        dr.Network([5, 8, 3], loss="binary_cross_entropy", classes=["a", "b", "c"])


def test_a_long_gradient_is_clipped_not_lost() -> None:
    """Squares that overflow in float32 do not turn the gradient to zero."""
    grad = np.array([3e30, 4e30], np.float32)
    with np.errstate(over="ignore"):
        clip_norm(grad, 5.0)
    np.testing.assert_allclose(grad, [3.0, 4.0], rtol=1e-6)


def test_accuracy_is_always_told(tmp_path: Path) -> None:
    """A script finds val_accuracy whatever metrics were asked for."""
    recipe = recipe_from({}, {"epochs": 1, "metrics": ["f1_macro"]})
    facts = train_run(recipe, tmp_path / "run", progress=False).facts
    assert facts["metric_name"] == "f1_macro"
    assert facts["val_accuracy"] is not None


def test_a_slip_in_a_column_of_numbers_is_told(tmp_path: Path) -> None:
    """A column that one typo turns into text is named in the report."""
    path = csv(tmp_path / "t.csv")
    path.write_text(path.read_text() + "oops,2,no\n")
    recipe = recipe_from({}, {"data": str(path), "target": "y", "epochs": 1})
    train_run(recipe, tmp_path / "run", progress=False)
    assert "&#39;oops&#39;" in (tmp_path / "run" / "report.html").read_text()


def test_the_split_of_a_data_set_stands_in_the_recipe(tmp_path: Path) -> None:
    """Where a data set brings its own validation rows, the recipe says how many."""
    for i in range(1, 6):
        records = RNG.integers(0, 256, (40, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(40) % 10
        (tmp_path / f"data_batch_{i}.bin").write_bytes(records.tobytes())
    recipe = recipe_from(
        {}, {"data": "cifar10", "data_dir": str(tmp_path), "epochs": 1, "validation": 0.5}
    )
    outcome = train_run(recipe, tmp_path / "run", progress=False)
    written = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())
    assert written["validation"] == 20
    assert dataclasses.asdict(recipe_from(written, {}))["validation"] == 20
    assert outcome.facts["epochs"] == 1


def test_a_prepared_network_treats_all_rows_alike() -> None:
    """What a row becomes does not depend on the rows beside it."""
    y = (X[:, 0] > 0).astype(int)
    net = dr.Network([5, 4, 2], scaling="feature")
    net.prepare(X, y)
    np.testing.assert_array_equal(net.batch(X[:10], y[:10]).x, net.batch(X, y).x[:10])
    np.testing.assert_array_equal(net.predict(X[:1]), net.predict(X)[:1])


def test_huge_weights_are_ratios() -> None:
    """Weights near the largest float32 teach what the same ratios teach."""
    y = (X[:, 0] > 0).astype(int)
    weight = np.where(y == 1, 2.0, 1.0)
    thetas = []
    for scale in (1.0, 1e38):
        net = dr.Network([5, 4, 2])
        net.train(X, y, sample_weight=weight * scale, epochs=3, progress=False)
        thetas.append(net.chain.theta)
    np.testing.assert_allclose(*thetas, rtol=1e-4, atol=1e-6)


def test_functions_of_one_name_are_all_recorded() -> None:
    """Two metrics written as lambdas do not overwrite each other."""
    y = (X[:, 0] > 0).astype(int)
    metrics = [lambda y, p, w: 1.0, lambda y, p, w: 2.0]
    history = dr.Network([5, 4, 2]).train(X, y, epochs=1, metrics=metrics, progress=False)
    values = [v for k, v in history.epochs[0].items() if "lambda" in k]
    assert values == [1.0, 2.0]


def test_a_run_folder_can_be_loaded(tmp_path: Path) -> None:
    """dr.load takes the folder of a run as well as the model file in it."""
    train_run(recipe_from({}, {"epochs": 1}), tmp_path / "run", progress=False)
    digits = dr.load_data("digits").X
    one, other = dr.load(tmp_path / "run"), dr.load(tmp_path / "run" / "best.safetensors")
    np.testing.assert_array_equal(one.scores(digits), other.scores(digits))


def test_unknown_keys_and_wrong_values_are_told_together() -> None:
    """One message tells every mistake of a recipe."""
    with pytest.raises(dr.InvalidInput, match="3 problems") as caught:
        recipe_from({"foo": 1, "lr": "x"}, {"batch_size": 0})
    assert all(word in str(caught.value) for word in ("'foo'", "lr must", "batch_size must"))
