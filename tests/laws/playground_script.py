"""The playground's script, asked from Python: in Node where it is, else in Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "playground" / "index.html"
CHAPTERS = sorted((ROOT / "docs" / "derivations").glob("[0-9]*.md"))
DRIVER = Path(__file__).with_name("playground_driver.js")
# The files that know nothing of a page, in its order.
MACHINE = [
    *("randomness", "activations", "network", "losses", "schedules", "optimizers"),
    *("datasets", "points", "features", "settings", "training"),
    *("formulas", "derivation", "update", "python"),
]
NODE = """
const fs = require("fs"), vm = require("vm");
for (const file of process.argv.slice(1)) vm.runInThisContext(fs.readFileSync(file, "utf8"));
require("readline").createInterface({ input: process.stdin }).on("line", (jobs) =>
  process.stdout.write(JSON.stringify(drive(JSON.parse(jobs))) + "\\n"));
"""
# A few points, few steps: what is compared is rounding, and it does not need many.
SMALL = {
    "data": "moons",
    "n": 40,
    "noise": 0.1,
    "validation": 0,
    "warmup": 0,
    "batch": 8,
    "epochs": 4,
    "hidden": [5, 4],
    "initializer": "he",
    "seed": 3,
    "lr": 0.01,
}

PLAIN = ("x1", "x2")  # what a network is given unless features are chosen

Ask = Callable[[list[dict[str, Any]]], list[Any]]


@pytest.fixture(scope="module")
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """`ask(jobs)`: what the page's functions answer, in Node where it is, else in Chromium."""
    node = shutil.which("node")
    if node:
        files = [PAGE.parent / "js" / f"{name}.js" for name in MACHINE]
        with subprocess.Popen(
            [node, "-e", NODE, *map(str, [*files, DRIVER])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as running:
            asked, answers, said = running.stdin, running.stdout, running.stderr
            assert asked is not None
            assert answers is not None
            assert said is not None

            def by_node(jobs: list[dict[str, Any]]) -> list[Any]:
                asked.write(json.dumps(jobs) + "\n")
                asked.flush()
                answer = answers.readline()
                assert answer, said.read()
                return json.loads(answer)

            yield by_node
        return
    page = request.getfixturevalue("browser").new_page()
    page.goto(PAGE.as_uri())
    page.add_script_tag(path=str(DRIVER))
    yield lambda jobs: page.evaluate("jobs => drive(jobs)", jobs)
    page.close()


@pytest.fixture(scope="module")
def offered(ask: Ask) -> dict[str, Any]:
    """The choices of the page, with the library's names and options."""
    return ask([{"errand": "offered"}])[0]


def agreement() -> float:
    """How closely the page says that both agree."""
    (text,) = re.findall(r'data-agreement="([^"]+)"', PAGE.read_text(encoding="utf-8"))
    return float(text)


def network_of(settings: dict[str, Any], offered: dict[str, Any], outputs: int) -> dr.Network:
    """The library's network of a page's settings."""
    s = SMALL | {"optimizer": "adam", "schedule": "constant", "activation": "tanh"} | settings
    rule, schedule = offered["optimizers"][s["optimizer"]], offered["schedules"][s["schedule"]]

    def chosen(options: dict[str, Any]) -> dict[str, Any]:
        return {key: s.get(key, value) for key, value in options.items()}

    schedules = [{"name": s["schedule"], **chosen(schedule)}]
    if s.get("warmup") and "warmup" not in schedule:
        schedules.append({"name": "warmup", "length": s["warmup"]})
    return dr.Network(
        [len(s.get("features", PLAIN)), *s["hidden"], outputs],
        activation=s["activation"],
        initializer=s["initializer"],
        optimizer={"name": rule["rule"], **rule["fixed"], **chosen(rule["options"])},
        schedule=schedules,
        weight_decay=s.get("weightDecay", 0.0),
        l2=s.get("l2", 0.0),
        dropout=s.get("dropout", 0.0),
        scaling=s.get("scaling", "none"),
        loss="squared_error" if outputs == 1 else "cross_entropy",
        standardize_targets="auto" if outputs > 1 else False,
        dtype="float64",
        seed=s["seed"],
    )


def points_of(ask: Ask, settings: dict[str, Any]) -> tuple[Any, Any]:
    """What the page's network is given of the training points, (n, features), and (n,) targets."""
    (found,) = ask([{"errand": "points", "settings": SMALL | settings}])
    return np.array(found["x"]).reshape(len(found["y"]), -1), np.array(found["y"])


def difference(a: Any, b: Any) -> float:
    """‖a − b‖/‖b‖."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300))
