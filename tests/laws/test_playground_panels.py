"""What the playground says beside its pictures: panels, programs, files and links."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playground_script import (
    CHAPTERS,
    PAGE,
    SMALL,
    Ask,
    agreement,
    ask,
    difference,
    network_of,
    offered,
)

__all__ = ["ask", "offered"]


@pytest.mark.parametrize(("data", "label", "outputs"), [("moons", 1, 2), ("hills", 0.75, 1)])
def test_the_panel_shows_the_numbers_of_backward(
    data: str, label: float, outputs: int, ask: Ask, offered: dict[str, Any]
) -> None:
    """One point's values and gradients on the page are those of `net.backward` for that row."""
    job = {"steps": 7, "point": [0.3, -1.2], "label": label, "weight": [0, 0, 0]}
    settings = SMALL | {"activation": "silu", "data": data}
    (found,) = ask([{"errand": "panels", "settings": settings, **job}])
    seen = found["derivation"]
    net = network_of(settings, offered, outputs)
    net.chain.theta[:] = found["theta"]
    ours = net.backward(np.array([[0.3, -1.2]]), np.array([label]))
    assert abs(seen["loss"] - ours.loss) <= agreement() * ours.loss
    expected = {"z": ours.values["dense3"], "dz": ours.incoming["dense3"]}
    for i in (1, 2, 3):
        expected[f"dW{i}"] = ours.parameters[f"dense{i}.W"]
        expected[f"db{i}"] = ours.parameters[f"dense{i}.b"]
    for i in (1, 2):
        expected[f"a{i}"], expected[f"h{i}"] = ours.values[f"dense{i}"], ours.values[f"silu{i}"]
        expected[f"da{i}"] = ours.incoming[f"dense{i}"]
        expected[f"dh{i}"] = ours.incoming[f"silu{i}"]
    for name, value in expected.items():
        assert difference(seen[name], value.ravel()) <= agreement(), name


@pytest.mark.parametrize(
    "optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam", "lion"]
)
def test_the_next_step_shown_is_the_next_step(optimizer: str, ask: Ask) -> None:
    """What the page says a step will do to a weight is what the step does, term by term."""
    more = {"optimizer": optimizer, "weightDecay": 0.4, "l2": 0.1, "clip": 0.2, "warmup": 30}
    settings = SMALL | more | {"schedule": "cosine", "activation": "mish"}
    job = {"point": [0.1, 0.2], "label": 0, "weight": [1, 4, 2], "settings": settings}
    (before,) = ask([{"errand": "panels", "steps": 6, **job}])
    (after,) = ask([{"errand": "train", "steps": 7, "settings": settings}])
    at = 2 * 5 + 4 * 4 + 2
    seen = before["update"]
    assert before["untouched"]
    assert seen["w"] == before["theta"][at]
    assert seen["new"] == after["theta"][at]
    assert abs(seen["decayed"] + seen["move"] - seen["new"]) <= 1e-15
    assert abs(seen["mean"] + 0.1 * seen["w"] - seen["l2"]) <= 1e-15
    assert abs(seen["clip"]) < abs(seen["l2"])
    assert abs(0.01 * seen["s"] * seen["warmup"] - seen["lr"]) <= 1e-17


def test_every_tag_shown_is_derived(ask: Ask, offered: dict[str, Any]) -> None:
    """Each tag beside a number stands on an equation of the chapter that it leads to."""
    chapters = {path.stem: path.read_text(encoding="utf-8") for path in CHAPTERS}
    text = (PAGE.parent / "js" / "formulas.js").read_text(encoding="utf-8")
    where = dict(re.findall(r'([A-Z]): "(\d\d-\w+)"', text))
    files = [path.read_text(encoding="utf-8") for path in (PAGE.parent / "js").glob("*.js")]
    tags = {tag for code in files for tag in re.findall(r'"([A-Z]\d+)"', code)}
    assert len(tags) > 30
    assert not [tag for tag in tags if f"\\tag{{{tag}}}" not in chapters[where[tag[0]]]]


@pytest.mark.parametrize(
    "more",
    [
        {"optimizer": "nesterov", "lr": 0.05},
        {"schedule": "cosine", "warmup": 10, "weightDecay": 0.1, "hidden": [4]},
        {"validation": 0, "clip": 1.0, "l2": 0.01, "optimizer": "rmsprop", "activation": "elu"},
        {"data": "blobs", "dropout": 0.2, "scaling": "feature", "seed": 5},
        {"hidden": [], "data": "xor"},
        {"hidden": [], "data": "xor", "features": ["x1", "x2x2", "x1x2", "sin1"]},
        {"data": "ripples", "scaling": "feature", "lr": 0.02},
    ],
    ids=str,
)
def test_the_program_shown_ends_where_the_page_ends(
    more: dict[str, Any], ask: Ask, tmp_path: Path
) -> None:
    """The page's Python, run on the page's points.csv, prints the page's losses."""
    settings = {"n": 50, "epochs": 8, "batch": 8, **more}
    (found,) = ask([{"errand": "program", "settings": settings}])
    (tmp_path / "points.csv").write_text(found["csv"], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", found["program"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1 if settings.get("validation") == 0 else -2 :]
    parts = ["train"] if settings.get("validation") == 0 else ["train", "validation"]
    for line, part in zip(last, parts, strict=True):
        printed = ast.literal_eval(line.partition(": ")[2])
        assert abs(printed["loss"] - found[part]["loss"]) <= 1e-9 * found[part]["loss"]
        score = printed["r2" if settings.get("data") == "ripples" else "accuracy"]
        assert score == pytest.approx(found[part]["score"])


def test_csv_is_read_as_people_write_it(ask: Ask) -> None:
    """Commas, semicolons, tabs or blanks, with or without names; what cannot be read is named."""
    good = {
        "1,2,a\n3,4,b": ["a", "b"],
        "x1,x2,class,validation\n0.5,-1e-3,0,1\n1,2,1,0\n": ["0", "1"],
        '"1.5";"2";"yes"\r\n-1;0;"no"\r\n': ["no", "yes"],
        "1,5;2,25;a\n-3,5;4;b": ["a", "b"],
        "1 2 10\n3   4 9\n": ["9", "10"],
        "1\t2\ta b\n\n3\t4\tc\n": ["a b", "c"],
    }
    for text, found in zip(good, ask([{"errand": "csv", "text": t} for t in good]), strict=True):
        assert found.get("names") == good[text], (text, found)
        assert found["back"] == found["x"]
    bad = {
        "": "There are no lines",
        "x1,x2,class": "There must be at least two classes",
        "1,2,a\n3,b": "Line 2, “3,b”, is not two numbers and a class",
        "1,2,a\n3,inf,b": "Line 2",
        "1,2,a\n3,4,a": "at least two classes, and all points are “a”",
        "1,2,a\n3,4,b\n1,2,c\n1,2,d\n1,2,e": "more than 4 classes",
        "1,2,a\n3,4,b\n" * 1001: "2002 points, and this page takes at most 2000",
    }
    for text, found in zip(bad, ask([{"errand": "csv", "text": t} for t in bad]), strict=True):
        assert bad[text] in found.get("error", ""), found


def test_links_come_back(ask: Ask) -> None:
    """A link's words are written as they were read; strange ones are named and change nothing."""
    links = [
        "data=spirals&hidden=8-8&optimizer=lion&lr=0.003&schedule=cosine&end=0.1&t=70",
        "hidden=none&weightDecay=0.1&seed=7",
        "features=x1-x2-x1x2&hidden=4",
        "data=own&points=0.5_-1.25_0~2_3_1",
        "data=xor&t=5&point=7&weight=2-1-3",
        "",
    ]
    jobs = [{"errand": "link", "fragment": f"#{link}"} for link in links]
    for link, found in zip(links, ask(jobs), strict=True):
        assert (found["again"], found["problems"]) == (link, [])
    strange = "#lr=-1&color=red&hidden=99&seed=1.5&t=x&optimizer=adom&noise=%zz&points=a_b_c~1_2_9"
    strange += "&point=0&weight=2-1&features=x9"
    (found,) = ask([{"errand": "link", "fragment": strange}])
    assert len(found["problems"]) == 9
    assert found["again"] == ""
    assert found["n"] == 0
