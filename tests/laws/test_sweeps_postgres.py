"""A sweep on a real PostgreSQL server: several workers, a dead server, a wrong password."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweep_cases import SPACE, Postgres, ended, postgres, small_sweep, start

import deltarule as dr
from deltarule.cli.main import main

pytest.importorskip("optuna", reason="needs Optuna")
pytest.importorskip("psycopg", reason="needs psycopg")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")

EPOCHS = 400 if os.environ.get("DELTARULE_LONG") == "1" else 100


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that is stopped at the end."""
    with postgres() as running:
        yield running


@pytest.mark.parametrize("shared", [True, False], ids=["one folder", "two folders"])
def test_two_processes_on_one_server(tmp_path: Path, server: Postgres, shared: bool) -> None:
    """Together exactly so many trials as were asked for; in one folder, or, as on two machines, in
    two.
    """
    name = f"two-{shared}"
    folders = [tmp_path / "a", tmp_path / ("a" if shared else "b")]
    says = tmp_path / "says"
    children = [
        start(functools.partial(small_sweep, f, trials=10, storage=server.url(), study=name), says)
        for f in folders
    ]
    assert [ended(child) for child in children] == [0, 0], says.read_text()
    result = small_sweep(folders[0], trials=10, storage=server.url(), study=name, page=True)
    assert len(result.trials) == 10
    assert {t["state"] for t in result.trials} <= {"complete", "pruned"}
    runs = [f.name for folder in set(folders) for f in folder.glob("trials/[0-9]*")]
    assert sorted(runs, key=int) == [str(t["trial"]) for t in result.trials]
    told = (tmp_path / "a" / "sweep.toml").read_text() + (
        tmp_path / "a" / "report.html"
    ).read_text()
    assert server.QUOTED not in told
    assert server.PASSWORD not in told


def test_a_server_that_dies_in_the_middle(
    tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch, plain_pages: None
) -> None:
    """One sentence, a code that is not 0, and nothing lost: with the server back it goes on."""
    monkeypatch.chdir(tmp_path)
    space = "[lr]\nlow = 1e-3\nhigh = 1e-1\nlog = true\n"
    Path("space.toml").write_text(space)
    words = f"sweep digits --space space.toml --trials 3 --epochs {EPOCHS} --batch-size 256"
    words += " --out s --quiet"
    words += " --pruner none --set checkpoint_every=0.01 --study dies --storage"
    child = start(lambda: main([*words.split(), server.url()]), tmp_path / "says")
    while not list(tmp_path.glob("s/trials/1/checkpoints/*.safetensors")):
        time.sleep(0.02)
    server.stop()
    try:
        code, says = ended(child), (tmp_path / "says").read_text()
        assert code == 2, says
        assert says.startswith("deltarule: The store postgresql://sweeper:***@127.0.0.1")
        assert says.count("\n") == 1
        assert "give the same command again" in says
        assert "Trial 1 stands at its last checkpoint in s/trials/1" in says
        assert server.QUOTED not in says
        began = (tmp_path / "s/trials/1/recipe.toml").read_bytes()
    finally:
        server.start()
    assert ended(start(lambda: main([*words.split(), server.url()]), tmp_path / "again")) == 0
    assert (tmp_path / "s/trials/1/recipe.toml").read_bytes() == began
    trials = json.loads((tmp_path / "s/result.json").read_text())["trials"]
    assert [(t["trial"], t["state"]) for t in trials] == [(n, "complete") for n in range(3)]


def test_a_wrong_password(tmp_path: Path, server: Postgres) -> None:
    """It is told without any password, and nothing is made."""
    with pytest.raises(dr.NotAvailable, match="does not let this user in") as caught:
        small_sweep(tmp_path / "s", storage=server.url(password="hush%2Fhush"))
    assert "hush" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_not_there(tmp_path: Path, server: Postgres) -> None:
    """It is told how to make it."""
    with pytest.raises(dr.NotAvailable, match=r"nowhere.*does not exist.*createdb"):
        small_sweep(tmp_path / "s", storage=server.url("nowhere"))


def test_a_study_of_somebody_else(tmp_path: Path, server: Postgres) -> None:
    """A study that is no sweep of ours is refused, and stays as it is."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    address = server.url().replace("postgresql:", "postgresql+psycopg:")
    theirs = optuna.create_study(storage=address, study_name="theirs")
    theirs.ask()
    with pytest.raises(dr.InvalidInput, match=r"'theirs'.*is not a sweep of this library"):
        dr.sweep("digits", SPACE, storage=server.url(), study="theirs", out=tmp_path / "s")
    assert len(theirs.trials) == 1
    assert not list(tmp_path.iterdir())
    theirs._storage._backend.engine.dispose()
