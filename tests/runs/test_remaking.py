"""Reports made anew, from the folder of a run or of a comparison alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning.training import Training
from deltarule.runs.recipes import recipe_from
from deltarule.runs.remaking import facts_of_run, make_reports
from deltarule.runs.running import train_run

SMALL: dict[str, Any] = {"hidden_layer_sizes": [6], "epochs": 3}
TABLE = Path("table.csv")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs on images, on a table of text, on numbers, and one that diverged."""
    where = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(0)
    lines = [f"{a:.3f},{random.choice(['x', 'y'])},{3 * a:.3f}" for a in random.normal(size=80)]
    (where / TABLE).write_text("\n".join(["a,b,price", *lines, ""]))
    table = {"data": str(where / TABLE)}
    for name, changes in {
        "digits": {},
        "numbers": table | {"target": "price"},
        "classes": table | {"target": "b"},
        "bare": {"validation": 0},
    }.items():
        train_run(recipe_from(SMALL, changes), where / name, command=f"make {name}", progress=False)

    def wreck(training: Training) -> None:
        if training.epoch == 2:
            training.optimizer.lr = 1e30

    with pytest.raises(dr.Diverged):
        train_run(recipe_from(SMALL, {}), where / "diverged", progress=False, callbacks=[wreck])  # type: ignore[list-item]
    return where


@pytest.fixture
def copy(runs: Path, tmp_path: Path) -> Callable[[str], Path]:
    """`copy(name)`: a run's folder to damage."""

    def make(name: str) -> Path:
        return Path(shutil.copytree(runs / name, tmp_path / name))

    return make


@pytest.mark.parametrize("name", ["digits", "numbers", "classes", "bare", "diverged"])
def test_the_page_is_the_one_that_the_run_wrote(copy: Callable[[str], Path], name: str) -> None:
    """Made anew it is the same to the byte, and nothing else in the folder is touched."""
    run = copy(name)
    before = contents(run)
    (run / "report.html").unlink()
    (made,) = make_reports([run])
    assert contents(run) == before
    assert made.files == (run / "report.html",)
    assert (made.kind, made.missing) == ("run", ())


def test_markdown_stands_with_its_pictures(copy: Callable[[str], Path]) -> None:
    """Every picture that the text shows is a file beside it, and no other file is written."""
    run = copy("digits")
    before = contents(run)
    (made,) = make_reports([run], "md")
    text = (run / "report.md").read_text(encoding="utf-8")
    names = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert names
    assert {path.name for path in made.files} == {"report.md", *names}
    assert set(contents(run)) == set(before) | {path.name for path in made.files}
    assert all(contents(run)[name] == before[name] for name in before)


def test_pages_elsewhere(runs: Path, tmp_path: Path) -> None:
    """One page goes to a file or into a folder; several into a folder, under different names."""
    other = Path(shutil.copytree(runs / "bare", tmp_path / "other" / "digits"))
    make_reports([runs / "bare"], out=tmp_path / "page.html")
    make_reports([runs / "bare"], out=tmp_path)
    make_reports([runs / "digits", other, runs / "digits"], out=tmp_path / "pages")
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix) == ["page.html", "report.html"]
    found = sorted(path.name for path in (tmp_path / "pages").iterdir())
    assert found == ["digits-2.html", "digits-3.html", "digits.html"]
    (made,) = make_reports([other], "md", out=tmp_path / "a (b) ü.md")
    text = (tmp_path / "a (b) ü.md").read_text(encoding="utf-8")
    assert "(a%20%28b%29%20%C3%BC-curves-0.svg)" in text
    assert all(path.exists() for path in made.files)


@pytest.mark.parametrize("how", ["gone", "changed", "no column"])
def test_without_its_data(runs: Path, tmp_path: Path, how: str) -> None:
    """Where the data cannot be read, or are others, the page lacks what they show and says so."""
    data = tmp_path / "table.csv"
    shutil.copy(runs / TABLE, data)
    recipe = recipe_from(SMALL, {"data": str(data), "target": "b"})
    run = train_run(recipe, tmp_path / "run", progress=False).folder
    if how == "gone":
        data.unlink()
    elif how == "changed":
        data.write_text(data.read_text().replace("x", "z"))
    else:
        data.write_text(data.read_text().replace("a,b,price", "a,c,price"))
    (made,) = make_reports([run])
    page = (run / "report.html").read_text(encoding="utf-8")
    (sentence,) = made.missing
    assert sentence.startswith("What the validation rows would show is left out.")
    assert "What the validation rows would show is left out." in page
    assert "Confusion matrix" not in page
    assert "Learning curves" in page
    assert "64" in page  # how many rows there were is still known


def test_a_run_from_before_words_were_kept(copy: Callable[[str], Path]) -> None:
    """Without about.json the best epoch is found again, and a command is given."""
    run = copy("digits")
    about = json.loads((run / "about.json").read_text())
    (run / "about.json").unlink()
    facts, missing = facts_of_run(run)
    assert missing == []
    assert facts["best_epoch"] == about["best_epoch"]
    assert facts["monitor"] == about["monitor"]
    assert facts["command"].startswith("deltarule train digits --recipe")
    assert "versions" not in facts


@pytest.mark.parametrize(
    ("monitor", "up"), [("val_accuracy", True), ("train_loss", False), ("val_f1_macro", True)]
)
def test_the_best_epoch_is_that_of_the_monitor(
    copy: Callable[[str], Path], monitor: str, up: bool
) -> None:
    """Which way is better depends on what was watched."""
    run = copy("digits")
    (run / "about.json").unlink()
    recipe = (run / "recipe.toml").read_text() + f'monitor = "{monitor}"\n'
    (run / "recipe.toml").write_text(recipe)
    values = [0.2, 0.9, 0.1]
    records = [{"epoch": e, monitor: value} for e, value in enumerate(values, 1)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    assert facts_of_run(run)[0]["best_epoch"] == (2 if up else 3)


def test_a_run_that_was_killed(copy: Callable[[str], Path]) -> None:
    """Recipe and metrics alone, the last line half written, make a page that says what it lacks."""
    run = copy("digits")
    for name in ("best.safetensors", "result.json", "about.json", "report.html"):
        (run / name).unlink()
    with open(run / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"epoch": 4, "val_')
    (made,) = make_reports([run])
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "it has not come to its end" in made.missing[0]
    assert "Learning curves" in page
    assert "of 3</h1>" in page
    assert "First-layer weights" not in page


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("recipe.toml", "epochs = 'many'", "recipe.toml is damaged, or was made by another"),
        ("recipe.toml", "time_machine = 3", "another version of deltarule: A recipe has no key"),
        ("recipe.toml", "[[[", "not a TOML file"),
        ("metrics.jsonl", "{\n", "metrics.jsonl is damaged"),
        ("metrics.jsonl", "[1]\n", "is no record"),
        ("metrics.jsonl", '{"epoch": "x", "val_loss": {}}\n', ""),
        ("about.json", "[", "about.json is damaged"),
        ("about.json", "[]", "holds no object"),
        ("about.json", '{"versions": 3}', "another version of deltarule"),
        ("best.safetensors", "no", "best.safetensors"),
    ],
)
def test_damaged_runs(copy: Callable[[str], Path], name: str, text: str, says: str) -> None:
    """One sentence says which file is damaged; or the page is made, where it can be."""
    run = copy("digits")
    (run / name).write_text(text)
    before = contents(run)
    if not says:
        make_reports([run])
        return
    with pytest.raises(dr.FileRefused) as caught:
        make_reports([run])
    assert says in str(caught.value)
    assert contents(run) == before


def test_comparisons(tmp_path: Path) -> None:
    """A comparison's folder makes its page, in both formats."""
    history = [{"epoch": e, "seconds": e, "val_loss": 1 / e} for e in range(1, 5)]
    run = {"seed": 0, "status": "done", "seconds": 4.0, "best": 0.25, "history": history}
    arms = [{"name": name, "runs": [run]} for name in ("adam", "sgd")]
    facts = {"title": "Adam or SGD?", "verdict": ["Alike."], "arms": arms}
    (tmp_path / "comparison.json").write_text(json.dumps(facts))
    (tmp_path / "recipe.toml").write_text("")
    (made,) = make_reports([tmp_path])
    assert made.kind == "comparison"
    assert "Adam or SGD?" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (made,) = make_reports([tmp_path], "md")
    assert len(made.files) >= 4
    assert all(path.exists() for path in made.files)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is damaged"),
        ("[]", "holds no object"),
        ("{}", "it names no arms"),
        ('{"title": "t", "arms": 3}', "another version of deltarule"),
        ('{"title": "t", "arms": [{"runs": 5}]}', "another version of deltarule"),
        ('{"title": "t", "arms": ["adam"]}', "another version of deltarule"),
        ('{"title": "t", "arms": [], "differences": "none"}', "another version of deltarule"),
    ],
)
def test_damaged_comparisons(tmp_path: Path, text: str, says: str) -> None:
    """So does a comparison's file."""
    (tmp_path / "comparison.json").write_text(text)
    with pytest.raises(dr.FileRefused, match=says):
        make_reports([tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.json"]


def test_what_is_neither(tmp_path: Path, runs: Path) -> None:
    """A folder of something else, no folder, and a comparison that is not done: one sentence."""
    with pytest.raises(dr.NotAvailable, match="neither the folder of a run"):
        make_reports([tmp_path])
    with pytest.raises(
        dr.NotAvailable, match="is not the folder of a run, a comparison or a sweep"
    ):
        make_reports([tmp_path / "nothing"])
    (tmp_path / "comparison.toml").write_text("")
    with pytest.raises(dr.NotAvailable, match="has not come to its end"):
        make_reports([tmp_path])
    with pytest.raises(dr.UnknownName, match="Did you mean 'html'"):
        make_reports([runs / "digits"], "htlm")
    (tmp_path / "file").write_text("")
    with pytest.raises(dr.NotAvailable, match="need a folder"):
        make_reports([runs / "digits", runs / "bare"], out=tmp_path / "file")


def test_a_sweep(tmp_path: Path) -> None:
    """The page of a sweep is made from what it wrote down last; no store is asked."""
    facts = {"title": "t", "trials": [], "metric": "val_loss", "greater_is_better": False}
    (tmp_path / "sweep.toml").write_text("")
    (tmp_path / "result.json").write_text(json.dumps(facts))
    (made,) = make_reports([tmp_path])
    assert (made.kind, made.files) == ("sweep", (tmp_path / "report.html",))
    assert "No trial is complete" in (tmp_path / "report.html").read_text()
    with pytest.raises(dr.InvalidInput, match="html only; leave --format out"):
        make_reports([tmp_path], "md")


def test_a_sweep_without_findings(tmp_path: Path) -> None:
    """One that has not come so far, or whose findings are damaged, is one sentence."""
    (tmp_path / "sweep.toml").write_text("")
    with pytest.raises(dr.NotAvailable, match="has not written down anything yet"):
        make_reports([tmp_path])
    for text in ("{", "[]", json.dumps({"title": "t"}), json.dumps({"trials": 5})):
        (tmp_path / "result.json").write_text(text)
        with pytest.raises(dr.FileRefused, match="damaged"):
            make_reports([tmp_path])
