"""Each command: parsed arguments in, results and exit code out."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli.commands import COMMANDS
from deltarule.cli.main import main
from deltarule.engine import native
from deltarule.learning.gradients import Check, GradientReport
from deltarule.network import checks
from deltarule.runs.recipes import builtin_recipes

SMALL = ["--hidden-layer-sizes", "6", "--epochs", "2"]
OF_TRAIN = {
    "run",
    "epochs",
    "steps",
    "best_epoch",
    "val_loss",
    "val_accuracy",
    "train_loss",
    "seconds",
    "parameters",
    "engine",
    "weights_sha256",
    "notes",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work in a folder of their own, and a missing engine has been told of."""
    monkeypatch.setattr(native, "_told", True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def plain_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report without pictures, where the report is not what the test is about."""
    monkeypatch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")


class Shell:
    """Runs commands and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        """stdout and stderr of a command that ends with this code."""
        assert main(list(words)) == code
        out, err = self.capsys.readouterr()
        return out, err

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The JSON object on the last line of stdout."""
        out, _ = self(*words, "--json", code=code)
        return json.loads(out.splitlines()[-1])


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell."""
    return Shell(capsys)


def people(n: int = 80, shuffle: bool = False) -> str:
    """A census in small: numbers and text with gaps, and an income that follows from them."""
    generator = np.random.default_rng(n)
    lines = []
    for i in range(n):
        age, job = int(generator.integers(18, 80)), ["clerk", "smith, black", "?"][i % 3]
        rich = ">50K" if age > 45 and i % 3 else "<=50K"
        cells = {"age": "" if i % 11 == 0 else str(age), "job": f'"{job}"', "income": rich}
        if shuffle:
            cells = {"extra": "1", "income": "", "job": cells["job"], "age": cells["age"]}
        lines.append(cells)
    header = list(lines[0])
    return "\n".join([",".join(header), *(",".join(c[k] for k in header) for c in lines), ""])


# -- train ----------------------------------------------------------------------------------------


def test_train_for_people(shell: Shell) -> None:
    """A training ends with a short table: best epoch, validation, time, folder and report."""
    out, err = shell("train", "digits", *SMALL)
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert list(lines) == [
        "best epoch",
        "validation loss",
        "validation accuracy",
        "time",
        "run folder",
        "report",
    ]
    assert lines["run folder"].strip() == "runs/digits-1"
    assert Path(lines["report"].strip()).is_file()
    assert err.splitlines()[-1].startswith("epoch 2/2 ")
    assert "\x1b" not in out + err


@pytest.mark.usefixtures("plain_report")
def test_a_missing_engine_is_told_once(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the compiled core is missing, one sentence on stderr says so, the first time."""
    monkeypatch.setattr(native, "_told", False)
    monkeypatch.setattr(native, "_find", lambda: (None, native.NOT_COMPILED))
    errs = [shell("train", "digits", *SMALL, *more)[1] for more in (["--l2", "0.1"], [])]
    assert [native.NOT_COMPILED in err for err in errs] == [True, False]
    error = shell("train", "digits", *SMALL, "--engine", "fast", code=2)[1]
    assert native.NOT_COMPILED in error


@pytest.mark.usefixtures("plain_report")
def test_the_engine_is_chosen(shell: Shell) -> None:
    """--engine reference takes the reference, and the recipe of the run remembers it."""
    found = shell.json("train", "digits", *SMALL, "--engine", "reference", "--out", "run")
    assert found["engine"] == "reference"
    assert 'engine = "reference"' in Path("run/recipe.toml").read_text()


def test_train_for_scripts(shell: Shell) -> None:
    """With --json the last line of stdout is one object with the promised keys."""
    out, err = shell("train", "digits", *SMALL, "--json", "--out", "run")
    facts = json.loads(out)
    assert set(facts) >= OF_TRAIN
    assert facts["run"] == "run"
    assert facts["epochs"] == 2
    assert facts == json.loads(Path("run/result.json").read_text())
    assert err.startswith("epoch ")


@pytest.mark.usefixtures("plain_report")
def test_train_quietly(shell: Shell) -> None:
    """With --quiet nothing is printed but the result."""
    out, err = shell("train", "digits", *SMALL, "--quiet")
    assert err == ""
    assert out.startswith("best epoch")


@pytest.mark.usefixtures("plain_report")
def test_train_without_validation(shell: Shell) -> None:
    """Where nothing is held out, the table has the training's own values."""
    out, _ = shell("train", "digits", *SMALL, "--validation", "0", "--quiet")
    assert out.startswith("epochs ")
    assert "training loss" in out


@pytest.mark.usefixtures("plain_report")
def test_ways_to_say_it(shell: Shell) -> None:
    """An option, --set and a file say the same; --set comes last."""
    Path("mine.toml").write_text("lr = 0.01\nhidden_layer_sizes = [6]\nepochs = 2\n")
    sha = [
        shell.json("train", "digits", *words)["weights_sha256"]
        for words in (
            [*SMALL, "--lr", "0.01"],
            [*SMALL, "--set", "lr=0.01"],
            [*SMALL, "--lr", "0.5", "--set", "lr=1e-2"],
            ["--recipe", "mine.toml"],
            ["--recipe", "mine.toml", "--set", "optimizer.beta1=0.9"],
            ["--recipe", "runs/digits-1/recipe.toml"],
        )
    ]
    assert len(set(sha)) == 1
    other = shell.json("train", "digits", "--recipe", "mine.toml", "--set", "optimizer.beta1=0.5")
    assert other["weights_sha256"] not in sha


@pytest.mark.usefixtures("plain_report")
def test_seed(shell: Shell) -> None:
    """The same seed gives the same weights, another one others."""
    sha = [
        shell.json("train", "digits", *SMALL, "--seed", seed)["weights_sha256"]
        for seed in ("1", "1", "2")
    ]
    assert sha[0] == sha[1] != sha[2]


def test_a_training_that_diverges(shell: Shell) -> None:
    """It ends with code 1 and a sentence; the best weights and the report are there."""
    words = ["train", "digits", *SMALL, "--lr", "1e30", "--weight-decay", "0", "--out", "run"]
    out, err = shell(*words, "--json", "--quiet", code=1)
    assert out == ""
    assert err.startswith("deltarule: Training diverged: ")
    assert err.count("\n") == 1
    assert Path("run/report.html").is_file()
    assert np.isfinite(dr.load("run/best.safetensors").chain.theta).all()


def test_a_training_that_diverges_late(shell: Shell) -> None:
    """Stopped after an epoch it keeps the best, and says so once, with code 1; resumed, as well."""
    words = ["--hidden-layer-sizes", "30,30", "--epochs", "3", "--optimizer", "sgd", "--lr", "6"]
    words += ["--weight-decay", "0", "--schedule", "warmup", "--set", "schedule.length=0.99"]
    told = [shell("train", "digits", *words, "--out", "run", "--quiet", code=1)]
    best = dr.load("run/best.safetensors").chain.theta
    told.append(shell("resume", "run", "--quiet", code=1))
    np.testing.assert_array_equal(dr.load("run/best.safetensors").chain.theta, best)
    assert told[0] == told[1]
    out, err = told[0]
    assert out == ""
    assert re.fullmatch(
        r"deltarule: Training diverged: .* Kept are the weights of epoch 1, the best\.\n", err
    )
    (record,) = map(json.loads, Path("run/metrics.jsonl").read_text().splitlines())
    assert shell.json("evaluate", "run", "digits")["loss"] == record["val_loss"]
    assert Path("run/report.html").read_text(encoding="utf-8").count("Training diverged") == 1


def test_a_training_that_goes_back(shell: Shell) -> None:
    """With a rate that is far too high it recovers, with code 0, a note and a report of it."""
    words = ["train", "digits", *SMALL, "--optimizer", "sgd", "--lr", "30", "--weight-decay", "0"]
    words += ["--on-divergence", "rollback", "--out", "run"]
    out, err = shell(*words)
    notes = [line for line in err.splitlines() if "half the learning rate" in line]
    assert notes
    assert all(line.startswith("At step ") for line in notes)
    assert "validation accuracy" in out
    report = Path("run/report.html").read_text(encoding="utf-8")
    assert all(note in report for note in notes)
    assert shell.json("resume", "run")["notes"] == notes
    records = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert records[0]["lr"] == 30 / 2 ** len([n for n in notes if "to step 0 " in n])


# -- a table with text and gaps, end to end -------------------------------------------------------


def test_a_table_end_to_end(shell: Shell) -> None:
    """Train on a table with text and gaps, evaluate, and predict another one by column name."""
    Path("adult.csv").write_text(people())
    words = [
        "train",
        "adult.csv",
        "--target",
        "income",
        "--out",
        "run",
        "--epochs",
        "30",
        "--quiet",
    ]
    facts = shell.json(*words, "--batch-size", "16", "--lr", "0.01")
    assert facts["val_accuracy"] > 0.6
    held_out = shell.json("evaluate", "run", "adult.csv")
    assert held_out["n"] == 16
    assert held_out["accuracy"] == facts["val_accuracy"]
    assert held_out["loss"] == facts["val_loss"]

    Path("new.csv").write_text(people(30, shuffle=True).replace("clerk", "astronaut"))
    out, err = shell("predict", "run", "new.csv", "--proba")
    header, *rows = csv.reader(io.StringIO(out))
    assert header == ["income", "p(<=50K)", "p(>50K)"]
    assert len(rows) == 30
    assert {row[0] for row in rows} == {"<=50K", ">50K"}
    assert "'job' holds, in 10 of 30 rows, texts that the training did not see" in err
    model = dr.load("run/best.safetensors")
    table = dr.load_data("new.csv", need_target=False).X
    assert [row[0] for row in rows] == model.predict(table).tolist()


@pytest.mark.usefixtures("plain_report")
def test_regression_end_to_end(shell: Shell) -> None:
    """A column of numbers is predicted in its units, and r2 stands where accuracy would."""
    generator = np.random.default_rng(0)
    lines = [
        f"{a:.3f},{b:.3f},{5000 + 300 * a - 100 * b:.2f}" for a, b in generator.normal(size=(90, 2))
    ]
    Path("houses.csv").write_text("\n".join(["size,age,price", *lines, ""]))
    words = [
        "train",
        "houses.csv",
        "--target",
        "price",
        "--out",
        "run",
        "--epochs",
        "40",
        "--lr",
        "0.02",
    ]
    facts = shell.json(*words)
    assert facts["val_accuracy"] is None
    assert facts["metric_name"] == "r2"
    assert facts["val_metric"] > 0.8
    error = facts["val_root_mean_squared_error"]
    out, _ = shell("evaluate", "run", "houses.csv")
    assert f"RMSE  {error:.4g} (in units of the target)" in out
    assert shell.json("evaluate", "run", "houses.csv")["root_mean_squared_error"] == error
    out, _ = shell("resume", "run")
    assert f"validation RMSE  {error:.4g} (in units of the target)" in out
    out, _ = shell("predict", "run", "houses.csv")
    header, *rows = csv.reader(io.StringIO(out))
    assert header == ["price"]
    assert 4000 < float(rows[0][0]) < 6000


@pytest.mark.usefixtures("plain_report")
def test_what_the_data_look_like_is_told(shell: Shell) -> None:
    """Doubts about a table stand on stderr before the first epoch, in the facts, and once each."""
    lines = [f'"{i % 5 + 1},500",{i},{"ab"[i % 2]}' for i in range(60)]
    Path("odd.csv").write_text("\n".join(["size,age,kind", *lines, ""]))
    words = ["odd.csv", "--target", "kind", *SMALL]
    _, err = shell("train", *words, "--out", "run")
    doubt, *progress = err.splitlines()
    assert doubt.startswith("The column 'size' looks like numbers with commas, such as")
    assert all("size" not in line for line in progress)
    _, err = shell("train", *words, "--out", "quiet", "--quiet")
    assert err == ""
    assert json.loads(Path("quiet/result.json").read_text())["notes"] == [doubt]
    assert shell.json("train", *words, "--out", "facts")["notes"] == [doubt]


@pytest.mark.usefixtures("plain_report")
def test_decimal_commas_are_read(shell: Shell) -> None:
    """A table with decimal commas trains and predicts like one with points, and says so."""
    lines = [f"{i % 7};{i % 5};{i % 7 + 3 * (i % 5)}" for i in range(60)]
    for name, mark in (("points.csv", ".5"), ("commas.csv", ",5")):
        marked = [";".join(field + mark for field in line.split(";")) for line in lines]
        Path(name).write_text("\n".join(["a;b;y", *marked, ""]))
    said = "Numbers with decimal commas are read as such: 'a' (0,5), 'b' (0,5), 'y' (0,5)."
    for name, told in (("points.csv", []), ("commas.csv", [said])):
        _, err = shell("train", name, "--target", "y", "--out", name[:-4], *SMALL)
        assert [line for line in err.splitlines() if not line.startswith("epoch")] == told
    facts = [json.loads(Path(name, "result.json").read_text()) for name in ("points", "commas")]
    assert facts[0]["weights_sha256"] == facts[1]["weights_sha256"]
    outs = [shell("predict", name, f"{name}.csv")[0] for name in ("points", "commas")]
    assert outs[0] == outs[1]


@pytest.mark.usefixtures("plain_report")
def test_texts_never_seen_are_told(shell: Shell) -> None:
    """Predictions of rows with new texts say so on stderr, and leave the CSV as it is."""
    Path("people.csv").write_text(people())
    shell("train", "people.csv", "--target", "income", "--out", "run", *SMALL)
    Path("new.csv").write_text("job,age\ndiver,30\nclerk,40\n")
    out, err = shell("predict", "run", "new.csv")
    assert len(out.splitlines()) == 3
    (note,) = err.splitlines()
    assert "'job' holds, in 1 of 2 rows, texts" in note
    assert "'diver'" in note
    assert shell("predict", "run", "new.csv", "--quiet") == (out, "")
    assert shell.json("predict", "run", "new.csv", "--out", "out.csv")["notes"] == [note]
    assert shell.json("evaluate", "run", "people.csv")["notes"] == []


def test_targets_that_are_no_classes(shell: Shell) -> None:
    """Numbers with doubtful commas, or one class for each row, are refused in one sentence."""
    lines = [f"{i};{i + 1},500;p{i};{i * i}" for i in range(60)]
    Path("odd.csv").write_text("\n".join(["age;price;id;cents", *lines, ""]))
    for words, says in (
        (["--target", "price"], "'price' looks like numbers with commas"),
        (["--target", "price", "--task", "classification"], "write thousands without a comma"),
        (["--target", "id"], "'id' of odd has 60 different values in 60 rows"),
        (["--target", "cents", "--task", "classification"], "say --task regression"),
    ):
        _, err = shell("train", "odd.csv", *words, code=2)
        (sentence,) = err.splitlines()
        assert says in sentence
    assert not Path("runs").exists()


# -- evaluate and predict -------------------------------------------------------------------------


@pytest.mark.usefixtures("plain_report")
def test_evaluate(shell: Shell) -> None:
    """Loss, accuracy and how many rows, for people and for scripts."""
    shell("train", "digits", *SMALL, "--out", "run", "--quiet")
    out, err = shell("evaluate", "run", "digits")
    assert [line.split()[0] for line in out.splitlines()] == ["loss", "accuracy", "rows"]
    assert "359 (validation)" in out
    assert err == ""
    facts = shell.json("evaluate", "run", "digits", "--split", "all")
    assert set(facts) == {"loss", "accuracy", "n", "split", "notes"}
    assert facts["n"] == 1797


@pytest.mark.usefixtures("plain_report")
def test_predict_into_a_file(shell: Shell) -> None:
    """With --out the CSV goes into the file, and stdout says so."""
    shell("train", "digits", *SMALL, "--out", "run", "--quiet")
    printed, _ = shell("predict", "run", "digits")
    out, _ = shell("predict", "run", "digits", "--out", "p.csv")
    assert out == "1797 predictions in p.csv\n"
    assert Path("p.csv").read_text() == printed
    facts = shell.json("predict", "run", "digits", "--out", "p.csv")
    assert facts == {"n": 1797, "file": "p.csv", "notes": []}


@pytest.mark.usefixtures("plain_report")
def test_predict_for_scripts(shell: Shell) -> None:
    """Without a file, the JSON object follows the CSV as the last line."""
    shell("train", "digits", *SMALL, "--out", "run", "--quiet")
    out, _ = shell("predict", "run/best.safetensors", "digits", "--json")
    *lines, last = out.splitlines()
    assert lines[0] == "prediction"
    assert len(lines) == 1798
    assert set(lines[1:]) <= {str(i) for i in range(10)}
    assert json.loads(last) == {"n": 1797, "file": None, "notes": []}


# -- export ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain_report")
def test_export_of_a_run(shell: Shell) -> None:
    """A run's best weights leave as a predictor beside them; the greatest difference is told."""
    shell("train", "digits", *SMALL, "--out", "run")
    out, _ = shell("export", "run", "--to", "numpy")
    lines = [line.split("  ", 1) for line in out.splitlines()]
    assert lines[0][1].strip() == "run/best_numpy.py"
    assert lines[1][1].strip() == "run/best_numpy_weights.safetensors"
    assert lines[2][0] == "greatest difference"
    facts = shell.json("export", "run/best.safetensors", "--to", "numpy", "--out", "mine.py")
    assert facts["to"] == "numpy"
    assert facts["files"] == ["mine.py", "mine_weights.safetensors"]
    assert 0 <= facts["max_relative_difference"] <= facts["tolerance"] == 1e-4
    assert all(Path(name).is_file() for name in facts["files"])


@pytest.mark.usefixtures("plain_report")
def test_export_spares_the_model(shell: Shell) -> None:
    """An export never takes the place of the model that it is made of."""
    shell("train", "digits", *SMALL, "--out", "run")
    model = Path("net_weights.safetensors")
    model.write_bytes(Path("run/best.safetensors").read_bytes())
    _, err = shell("export", str(model), "--to", "torch", "--out", "net.py", code=2)
    assert "itself" in err
    assert model.read_bytes() == Path("run/best.safetensors").read_bytes()
    assert not Path("net.py").exists()


# -- the rest -------------------------------------------------------------------------------------


@pytest.fixture
def three_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of the standing set's networks; the whole is run in the test of the set."""
    every = checks.standard_cases
    monkeypatch.setattr(checks, "standard_cases", lambda seed: itertools.islice(every(seed), 3))


@pytest.mark.usefixtures("three_cases")
def test_check_gradients(shell: Shell) -> None:
    """All passed is code 0; the object has the promised keys, and each network is told of."""
    facts = shell.json("check-gradients")
    assert {"checks", "max_relative_error", "passed"} <= set(facts)
    assert facts["passed"] is True
    assert facts["combinations"] == 3
    assert facts["max_relative_error"] <= 1e-12
    out, err = shell("check-gradients", "--seed", "5")
    assert "0 failed" in out
    assert [line[:4] for line in err.splitlines()] == ["ok  "] * 3
    assert shell("check-gradients", "--quiet")[1] == ""


@pytest.mark.usefixtures("three_cases")
def test_check_gradients_that_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient that is wrong is code 1, and is told."""
    bad = GradientReport((Check("dense1.W", "complex step", 3, 0.5, 1e-12),))
    monkeypatch.setattr(checks.Case, "check", lambda case: bad)
    out, err = shell("check-gradients", code=1)
    assert "3 failed" in out
    assert err.count("FAILED") == 3
    assert shell.json("check-gradients", code=1)["passed"] is False


def test_datasets(shell: Shell) -> None:
    """The known data sets are listed with where they are, or how to get them."""
    out, _ = shell("datasets")
    assert [line.split()[0] for line in out.splitlines()] == ["digits", "cifar10", "mnist"]
    assert "deltarule datasets get mnist" in out
    facts = shell.json("datasets", "list")["datasets"]
    assert facts["digits"]["present"] is True
    assert facts["cifar10"] == {"present": False, "folder": facts["cifar10"]["folder"]}


def test_recipes(shell: Shell) -> None:
    """The built-in recipes are listed, and each is printed whole, ready for a file."""
    out, _ = shell("recipes")
    assert [line.split()[0] for line in out.splitlines()] == list(builtin_recipes())
    text, _ = shell("recipes", "report")
    Path("copy.toml").write_text(text)
    assert shell("recipes", "copy.toml")[0] == text
    assert shell.json("recipes", "report")["hidden_layer_sizes"] == [100, 100, 50]


def test_every_command_is_there() -> None:
    """The table of commands is what the parser offers."""
    from deltarule.cli.parser import build_parser

    assert set(COMMANDS) == set(build_parser().commands)


def test_plan(shell: Shell) -> None:
    """A plan takes the options of train, prints a table or one object, and writes nothing."""
    text, _ = shell("plan", "digits", *SMALL, "--normalization", "layer")
    assert "multiply-adds" in text
    assert "reference The layer layernorm1" in text
    told, _ = shell("plan", "digits", *SMALL, "--json")
    assert json.loads(told.splitlines()[-1])["steps_per_epoch"] == 23
    assert not list(Path.cwd().glob("runs*"))


def test_report(shell: Shell) -> None:
    """Pages are made anew from folders, in both formats; scripts get their files."""
    shell("train", "digits", *SMALL, "--out", "run", "--quiet")
    page = Path("run/report.html").read_bytes()
    Path("run/report.html").unlink()
    out, err = shell("report", "run")
    assert (out, err) == ("run  run/report.html\n", "")
    assert Path("run/report.html").read_bytes() == page
    facts = shell.json("report", "run", "--format", "md", "--out", "page.md")
    (made,) = facts["reports"]
    assert (made["folder"], made["kind"], made["missing"]) == ("run", "run", [])
    assert made["files"][0] == "page.md"
    assert all(Path(name).exists() for name in made["files"])
    out, _ = shell("report", "run", "--format", "md")
    assert f"run/report.md, with {len(made['files']) - 1} pictures beside it" in out


def test_report_tells_what_it_lacks(shell: Shell) -> None:
    """What could not be shown is told on stderr, and the page is made all the same."""
    shell("train", "digits", *SMALL, "--out", "run", "--quiet")
    Path("run/best.safetensors").unlink()
    _, err = shell("report", "run")
    assert err.startswith("run: The run has no best.safetensors")
    assert shell("report", "run", "--quiet")[1] == ""
