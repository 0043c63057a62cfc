"""A run: from a recipe to a folder that holds everything about it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.engine.native import available
from deltarule.learning.checkpointing import Checkpointer
from deltarule.learning.interrupts import Interrupts
from deltarule.learning.training import Training
from deltarule.runs.recipes import Recipe, find_recipe, recipe_from
from deltarule.runs.running import Outcome, resume_run, train_run

SMALL: dict[str, Any] = {"hidden_layer_sizes": [6], "epochs": 3}
KEYS = [
    "run",
    "epochs",
    "steps",
    "best_epoch",
    "val_loss",
    "val_accuracy",
    "train_loss",
    "train_accuracy",
    "metric_name",
    "val_metric",
    "val_root_mean_squared_error",
    "seconds",
    "parameters",
    "engine",
    "device",
    "weights_sha256",
    "notes",
]


def recipe(**changes: Any) -> Recipe:
    """A small recipe on digits."""
    return recipe_from(SMALL, changes)


@pytest.fixture
def plain_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report without pictures, where the report is not what the test is about."""
    monkeypatch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A table with a column to predict."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 2))
    lines = [f"{a:.4f},{b:.4f},{3 * a - b + 10:.4f}" for a, b in x]
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(["a,b,price", *lines, ""]))
    return path


@pytest.fixture
def outcome(tmp_path: Path) -> Outcome:
    """A finished run."""
    return train_run(recipe(), tmp_path / "run", command="deltarule train digits", progress=False)


def test_the_folder(outcome: Outcome) -> None:
    """A run's folder holds recipe, metrics, weights, checkpoints, report, result, and no more."""
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        ".lock",
        "about.json",
        "best.safetensors",
        "checkpoints",
        "metrics.jsonl",
        "recipe.toml",
        "report.html",
        "result.json",
    ]
    lines = (outcome.folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == outcome.history.epochs
    columns = {"ratio_dense1", "ratio_dense2", "dead_dense1"}
    assert all(columns <= set(record) for record in outcome.history.epochs)
    assert json.loads((outcome.folder / "result.json").read_text()) == outcome.facts
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert len(page.encode()) < 500_000


def test_the_facts(outcome: Outcome) -> None:
    """What scripts read: the values of the best epoch, the steps, the weights and the time."""
    facts, history = outcome.facts, outcome.history
    assert list(facts) == KEYS
    assert facts["run"] == str(outcome.folder)
    best = history.epochs[facts["best_epoch"] - 1]
    assert facts["val_loss"] == best["val_loss"] == min(history["val_loss"])
    assert facts["val_accuracy"] == facts["val_metric"] == best["val_accuracy"]
    assert facts["train_loss"] == history.epochs[-1]["train_loss"]
    assert facts["metric_name"] == "accuracy"
    assert facts["steps"] == history.steps == 3 * 23
    assert facts["engine"] == history.engine == ("fast" if available() else "reference")
    assert facts["device"] is None
    assert facts["weights_sha256"] == history.weights_sha256
    model = dr.load(outcome.folder / "best.safetensors")
    assert facts["parameters"] == model.n_parameters == 64 * 6 + 6 + 6 * 10 + 10


def test_a_device(tmp_path: Path, outcome: Outcome) -> None:
    """A recipe's device takes the steps, stands in facts and report, and is taken when resumed."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    there = train_run(recipe(device="cpu"), tmp_path / "there", progress=False)
    assert (there.facts["engine"], there.facts["device"]) == ("torch", "cpu")
    assert there.facts["val_loss"] == pytest.approx(outcome.facts["val_loss"], rel=1e-4)
    page = (there.folder / "report.html").read_text(encoding="utf-8")
    assert "torch on cpu" in page
    assert torch.__version__ in page
    (there.folder / "result.json").unlink()
    again = resume_run(there.folder, progress=False)
    assert again.history.engine == "torch"
    assert again.facts["weights_sha256"] == there.facts["weights_sha256"]


def test_a_device_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on it is refused before data are read or anything is written."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(dr.NotAvailable, match="CUDA GPU"):
        train_run(recipe(device="cuda", data="nowhere.csv"), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("plain_report")
def test_the_model_is_that_of_the_best_epoch(outcome: Outcome) -> None:
    """The saved model evaluates to the recorded values on the rows that were held out."""
    from deltarule.runs.serving import evaluate_model

    found = evaluate_model(outcome.folder, "digits", {})
    assert found["split"] == "validation"
    assert found["loss"] == outcome.facts["val_loss"]
    assert found["accuracy"] == outcome.facts["val_accuracy"]


@pytest.mark.usefixtures("plain_report")
def test_the_recipe_makes_the_run_again(outcome: Outcome, tmp_path: Path) -> None:
    """The recipe in the folder is complete: run again, it gives the same weights and values."""
    again = recipe_from(find_recipe(str(outcome.folder / "recipe.toml")), {})
    other = train_run(again, tmp_path / "again", progress=False)
    assert other.facts["weights_sha256"] == outcome.facts["weights_sha256"]
    for key in ("val_loss", "val_accuracy", "train_loss", "best_epoch", "steps"):
        assert other.facts[key] == outcome.facts[key]
    best = [(run.folder / "best.safetensors").read_bytes() for run in (outcome, other)]
    assert best[0] == best[1]
    recipes = [(run.folder / "recipe.toml").read_text() for run in (outcome, other)]
    assert recipes[0] == recipes[1]


@pytest.mark.usefixtures("plain_report")
@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7},
        {"schedule": ["warmup", "cosine"], "optimizer.beta1": 0.8, "dropout": 0.2},
        {"schedule": None, "activation": ["tanh"], "normalization": "batch", "average": 0.9},
        {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}, "l2": 0.01, "dtype": "float64"},
    ],
)
def test_every_recipe_makes_its_run_again(tmp_path: Path, changes: dict[str, Any]) -> None:
    """So does one with options, lists and what TOML has no word for."""
    first = train_run(recipe(epochs=1, **changes), tmp_path / "a", progress=False)
    again = recipe_from(find_recipe(str(tmp_path / "a" / "recipe.toml")), {})
    second = train_run(again, tmp_path / "b", progress=False)
    assert first.facts["weights_sha256"] == second.facts["weights_sha256"]


@pytest.mark.usefixtures("plain_report")
def test_regression(numbers: Path, tmp_path: Path) -> None:
    """For numbers the accuracies are null, and the metric is named."""
    changes = {"data": str(numbers), "target": "price"}
    outcome = train_run(recipe(**changes), tmp_path / "run", progress=False)
    facts = outcome.facts
    assert list(facts) == KEYS
    assert facts["val_accuracy"] is None
    assert facts["train_accuracy"] is None
    assert facts["metric_name"] == "r2"
    assert facts["val_metric"] == outcome.history["val_r2"][facts["best_epoch"] - 1]


@pytest.mark.usefixtures("plain_report")
def test_without_validation(tmp_path: Path) -> None:
    """Where nothing is held out, what is of the best epoch is null, and the last weights stay."""
    outcome = train_run(recipe(validation=0), tmp_path / "run", progress=False)
    for key in ("best_epoch", "val_loss", "val_accuracy", "val_metric"):
        assert outcome.facts[key] is None
    model = dr.load(tmp_path / "run" / "best.safetensors")
    digest = hashlib.sha256(model.chain.theta.tobytes()).hexdigest()
    assert digest == outcome.facts["weights_sha256"]


@pytest.mark.usefixtures("plain_report")
def test_numbered_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name, runs go to runs/DATA-1, -2, …"""
    monkeypatch.chdir(tmp_path)
    folders = [train_run(recipe(epochs=1), progress=False).folder for _ in range(2)]
    assert [str(folder) for folder in folders] == ["runs/digits-1", "runs/digits-2"]


def test_a_refusal_writes_nothing(tmp_path: Path) -> None:
    """What is found wrong with recipe or data is found before the folder is made."""
    for changes in ({"data": "nothing.csv"}, {"patience": 3, "validation": 0}, {"metrics": ["r2"]}):
        with pytest.raises(dr.DeltaruleError):
            train_run(recipe(**changes), tmp_path / "run", progress=False)
        assert list(tmp_path.iterdir()) == []


def test_a_used_folder(tmp_path: Path) -> None:
    """A used folder is refused before training, and stays as it is."""
    (tmp_path / "note").write_text("mine")
    with pytest.raises(dr.FileRefused, match="is in use"):
        train_run(recipe(), tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


class Late(dr.Callback):
    """Does something after the second epoch."""

    def __init__(self, what: str) -> None:
        self.what = what

    def on_epoch(self, training: Training) -> None:
        if training.epoch == 2:
            if self.what == "interrupt":
                raise KeyboardInterrupt
            training.optimizer.lr = 1e30


@pytest.mark.parametrize(
    ("what", "policy", "error", "told"),
    [
        ("diverge", "stop", dr.Diverged, "Training diverged"),
        ("diverge", "rollback", dr.Diverged, "It had gone back 5 times"),
        ("diverge", "raise", dr.Diverged, "Training diverged"),
        ("interrupt", "stop", KeyboardInterrupt, "interrupted"),
    ],
)
def test_a_run_that_fails(
    tmp_path: Path, what: str, policy: str, error: type[BaseException], told: str
) -> None:
    """A run that diverges or is interrupted leaves its best weights and a report that says so."""
    folder = tmp_path / "run"
    given = recipe(weight_decay=0.0, on_divergence=policy)
    with pytest.raises(error, match=told if what == "diverge" else None):
        train_run(given, folder, callbacks=[Late(what)], progress=False)
    assert not (folder / "result.json").exists()
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert report.count("Training diverged") == (what == "diverge")
    assert told in report
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(records) == 2
    from deltarule.runs.serving import evaluate_model

    best = min(record["val_loss"] for record in records)
    assert evaluate_model(folder, "digits", {})["loss"] == best


def leaping(**changes: Any) -> Recipe:
    """A run whose rate leaps for a moment in its second epoch."""
    return recipe(optimizer="sgd", weight_decay=0.0, on_divergence="rollback", lr=0.01, **changes)


class Leap(dr.Callback):
    """Has the rate leap in the second epoch, by the number of the step alone."""

    every_step = False

    def on_start(self, training: Training) -> None:
        training.optimizer.schedule = lambda t, total: 3e3 if 25 <= t < 30 else 1.0


class Stop(Exception):
    """Ends a run as a killed process would."""


class Killer(dr.Callback):
    """Kills it after so many steps taken."""

    every_step = False

    def __init__(self, taken: int) -> None:
        self.taken = taken

    def on_step(self, training: Training) -> None:
        if training.taken >= self.taken:
            raise Stop


def test_a_run_that_goes_back(tmp_path: Path) -> None:
    """It ends well; its journal has each epoch once, as it ended, and the report tells of it."""
    outcome = train_run(leaping(), tmp_path / "run", callbacks=[Leap()], progress=False)
    assert outcome.facts["notes"] == list(outcome.history.notes) != []
    assert (tmp_path / "run" / "result.json").exists()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == outcome.history.epochs
    assert outcome.history["epoch"] == [1, 2, 3]
    assert outcome.history["lr"][1:] == [0.01 * 0.5 ** len(outcome.history.notes)] * 2
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert all(note in report for note in outcome.history.notes)


@pytest.mark.usefixtures("plain_report")
def test_a_run_killed_while_it_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumed from anywhere around the rollbacks, its journal and its weights are the same."""
    monkeypatch.setattr("deltarule.engine.fast.FIRST_STEPS", 1)
    monkeypatch.setattr("deltarule.engine.fast.SECONDS", 0.0)
    given = leaping(checkpoint_every="1 step")
    whole = train_run(given, tmp_path / "run", callbacks=[Leap()], progress=False)
    expected = [{**record, "seconds": 0} for record in whole.history.epochs]
    for taken in range(24, 75, 10):
        run = tmp_path / str(taken)
        with pytest.raises(Stop):
            train_run(given, run, callbacks=[Leap(), Killer(taken)], progress=False)
        outcome = resume_run(run, callbacks=[Leap()], progress=False)
        lines = (run / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line) | {"seconds": 0} for line in lines] == expected
        for key in ("weights_sha256", "notes", "val_loss", "steps"):
            assert outcome.facts[key] == whole.facts[key]


@pytest.mark.usefixtures("plain_report")
def test_class_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare class is found more often; a run killed with weights goes on to the same bits, and its
    validation is that of a later evaluation."""
    from deltarule.runs.serving import evaluate_model

    monkeypatch.setattr("deltarule.engine.fast.FIRST_STEPS", 1)
    monkeypatch.setattr("deltarule.engine.fast.SECONDS", 0.0)
    generator = np.random.default_rng(0)
    y = np.arange(1600) % 16 // 15
    X = generator.normal(size=(1600, 2)) + y[:, None]
    np.savez(tmp_path / "rare.npz", X=X, y=y)
    given = recipe_from(
        {"hidden_layer_sizes": [4], "epochs": 8, "lr": 0.02, "checkpoint_every": "1 step"},
        {"data": str(tmp_path / "rare.npz"), "metrics": ["balanced_accuracy"]},
    )
    weighed = dataclasses.replace(given, class_weight="balanced")
    plain = train_run(given, tmp_path / "plain", progress=False)
    whole = train_run(weighed, tmp_path / "whole", progress=False)
    assert whole.facts["val_metric"] > plain.facts["val_metric"] + 0.1
    assert evaluate_model(whole.folder, given.data, {})["loss"] == whole.facts["val_loss"]

    with pytest.raises(Stop):
        train_run(weighed, tmp_path / "cut", callbacks=[Killer(13)], progress=False)
    outcome = resume_run(tmp_path / "cut", progress=False)
    assert outcome.facts["weights_sha256"] == whole.facts["weights_sha256"]
    with pytest.raises(Stop):
        train_run(weighed, tmp_path / "other", callbacks=[Killer(13)], progress=False)
    recipe_of = tmp_path / "other" / "recipe.toml"
    recipe_of.write_text(recipe_of.read_text().replace('"balanced"', '"none"'))
    with pytest.raises(dr.InvalidInput, match="training rows"):
        resume_run(tmp_path / "other", progress=False)


@pytest.mark.usefixtures("plain_report")
def test_what_the_data_look_like_is_told_once(numbers: Path, tmp_path: Path) -> None:
    """Doubts are told before the first epoch, by a run and by one that goes on, and are kept."""
    numbers.write_text(numbers.read_text().replace(",", ",,").replace("a,,b,,", "a,empty,b,full,"))
    told: list[str] = []
    given = recipe_from(
        SMALL, {"data": str(numbers), "target": "price", "checkpoint_every": "1 step"}
    )
    with pytest.raises(Stop):
        train_run(given, tmp_path / "run", callbacks=[Killer(1)], progress=False, tell=told.append)
    (doubt,) = told
    assert "'empty' and 'full' are empty" in doubt
    outcome = resume_run(tmp_path / "run", progress=False, tell=told.append)
    assert told == [doubt, doubt]
    assert outcome.facts["notes"] == [doubt]


@pytest.mark.usefixtures("plain_report")
def test_callbacks_hear_of_the_run(tmp_path: Path) -> None:
    """The caller's callbacks run beside the journal."""
    seen: list[int] = []

    class Count(dr.Callback):
        def on_epoch(self, training: Training) -> None:
            seen.append(len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()))

    train_run(recipe(), tmp_path / "run", callbacks=[Count()], progress=False)
    assert seen == [1, 2, 3]  # the line is there before they are called


@pytest.mark.usefixtures("plain_report")
def test_a_resumed_run_listens_once(tmp_path: Path) -> None:
    """A resumed run has one who writes checkpoints and one who hears signals, and then none."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run, heard = tmp_path / "run", []

    def end(training: Training) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(recipe(), run, callbacks=[end], progress=False)
    resume_run(
        run,
        callbacks=[lambda training: heard.append([type(c) for c in training.callbacks])],
        progress=False,
    )
    assert [heard[-1].count(kind) for kind in (Checkpointer, Interrupts)] == [1, 1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
