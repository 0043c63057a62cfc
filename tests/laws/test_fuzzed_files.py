"""What is read besides data sets: models, checkpoints, recipes, and the files of a run folder.

Some are changed with their checksums made right again, as nobody would by accident.
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import EXAMPLES, anything, damaged, mutated

import deltarule as dr
from deltarule.cli.main import main
from deltarule.runs.recipes import Recipe, find_recipe, recipe_from
from deltarule.runs.running import train_run
from deltarule.runs.serving import open_model
from deltarule.storage.container import read_tensors, write_tensors
from deltarule.storage.generations import Generations

X, Y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
GIVEN: dict[str, Any] = {"epochs": 3, "batch_size": 10, "progress": False, "engine": "reference"}
fuzzed = settings(max_examples=EXAMPLES, deadline=None, database=None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a checkpoint, a recipe and a finished run."""
    folder = tmp_path_factory.mktemp("place")
    net = dr.Network([3, 4, 2], normalization="batch", seed=1)
    net.train(X, Y, **GIVEN, checkpoints=folder / "c", checkpoint_every="7 steps")
    net.save(folder / "model.safetensors")
    given = recipe_from({}, {"epochs": 2, "hidden_layer_sizes": [4], "dropout": 0.1})
    train_run(given, folder / "run", progress=False)
    return folder


def or_refused(work: Callable[[], Any]) -> Any:
    """What comes of it, or None where it is refused as it should be, in sentences on one line."""
    try:
        return work()
    except dr.DeltaruleError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 20_000
    return None


def resealed(data: bytes) -> bytes:
    """The same bytes with the checksum that they should have, where there is a place for it."""
    start = data.find(b'"sha256":"') + 10
    if start < 10:
        return data
    blank = data[:start] + b"0" * 64 + data[start + 64 :]
    digest = hashlib.sha256(blank).hexdigest().encode()
    return blank[:start] + digest + blank[start + 64 :]


@pytest.mark.parametrize("seal", [False, True], ids=["as it came", "sealed anew"])
def test_models(place: Path, tmp_path: Path, seal: bool) -> None:
    """A model file of any bytes is a network that predicts, or is refused."""
    path, valid = tmp_path / "m.safetensors", (place / "model.safetensors").read_bytes()

    @fuzzed
    @given(damaged(valid))
    def law(content: bytes) -> None:
        path.write_bytes(resealed(content) if seal else content)
        net = or_refused(lambda: dr.load(path))
        if net is not None:
            assert len(net.predict(X[:, :1].repeat(net.settings.sizes[0], 1))) == len(X)

    law()


def changed(value: Any) -> st.SearchStrategy[Any]:
    """A JSON value with something within it replaced, removed or added."""
    odd = st.sampled_from(
        [None, True, -1, 0, 1, 2**70, 1e308, "", "x", "nan", [], {}, [[]], {"a": 1}, 10**6, 0.5]
    )

    @st.composite
    def one(draw: st.DrawFn) -> Any:
        whole = {"": copy.deepcopy(value)}
        holder: Any = whole
        key: Any = ""
        while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 4)):
            holder = holder[key]
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(keys))
        if holder is not whole and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(odd)
        return whole[""]

    return one()


def test_models_of_odd_descriptions(place: Path, tmp_path: Path) -> None:
    """A whole file whose description is not that of a network is refused."""
    path = tmp_path / "m.safetensors"
    tensors, told = read_tensors(place / "model.safetensors")

    @fuzzed
    @given(changed(told), st.sampled_from([None, *tensors]))
    def law(description: Any, missing: str | None) -> None:
        write_tensors(path, {k: v for k, v in tensors.items() if k != missing}, description)
        or_refused(lambda: dr.load(path))

    law()


def test_checkpoints_of_odd_descriptions(place: Path, tmp_path: Path) -> None:
    """A whole checkpoint of odd content is refused, and the network is as it was, or it goes on."""
    where = Generations(place / "c")
    tensors, told = read_tensors(where.path(where.numbers()[-1]))

    @fuzzed
    @given(changed(told), st.sampled_from([None, *tensors]), st.booleans())
    def law(description: Any, missing: str | None, force: bool) -> None:
        shutil.rmtree(tmp_path / "c", ignore_errors=True)
        (tmp_path / "c").mkdir()
        path = Generations(tmp_path / "c").path(1)
        write_tensors(path, {k: v for k, v in tensors.items() if k != missing}, description)
        net = dr.Network([3, 4, 2], normalization="batch", seed=1)
        before = net.chain.theta.copy()
        given = {**GIVEN, "resume": tmp_path / "c", "force_resume": force}
        if or_refused(lambda: net.train(X, Y, **given)) is None:
            assert np.array_equal(net.chain.theta, before)

    law()


def test_checkpoints_of_any_bytes(place: Path, tmp_path: Path) -> None:
    """A newest checkpoint of any bytes is passed over for the one before, and it is said."""
    where = Generations(place / "c")
    good = where.path(where.numbers()[-1]).read_bytes()
    (tmp_path / "c").mkdir()
    there = Generations(tmp_path / "c")
    there.path(1).write_bytes(good)

    @fuzzed
    @given(damaged(good).filter(lambda content: content != good))
    def law(content: bytes) -> None:
        there.path(2).write_bytes(content)
        found = there.newest()
        assert found is not None
        assert len(found[2]) == 1

    law()


def test_recipes(place: Path, tmp_path: Path) -> None:
    """A recipe of any bytes is one that can be trained by, or is refused."""
    path, valid = tmp_path / "r.toml", (place / "run" / "recipe.toml").read_bytes()
    lines = valid.splitlines()
    many = [b"9" * 5000, b"0x" + b"f" * 5000, b"[" * 3000, b"1e999", b"nan", b"-1", b"1_000"]
    odd = [b"1979-05-27", b"99:99:99", b"0000-00-00", b'"\\ud800"', b"{a=1}", b"[[1]]", b'"']
    words = st.sampled_from([*many, *odd])

    @st.composite
    def with_words(draw: st.DrawFn) -> bytes:
        changed = list(lines)
        i = draw(st.integers(0, len(lines) - 1))
        changed[i] = changed[i].partition(b"=")[0] + b"= " + draw(words)
        return b"\n".join(changed)

    @fuzzed
    @given(mutated(valid) | anything(valid) | with_words())
    def law(content: bytes) -> None:
        path.write_bytes(content)
        found = or_refused(lambda: recipe_from(find_recipe(str(path)), {}))
        assert found is None or isinstance(found, Recipe)

    law()


FILES = ("result.json", "metrics.jsonl", "recipe.toml", "best.safetensors")


@pytest.mark.parametrize("name", FILES)
def test_run_folders(
    name: str,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever stands in a file of a run folder, `resume` and what opens the model end in a result
    or in one sentence.
    """
    monkeypatch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")
    run, valid = tmp_path / "run", (place / "run" / name).read_bytes()
    odd: st.SearchStrategy[bytes] = damaged(valid)
    if name == "result.json":
        texts = changed(json.loads(valid)).map(lambda value: json.dumps(value).encode())
        odd = odd | texts

    @settings(max_examples=max(EXAMPLES // 10, 8), deadline=None, database=None)
    @given(odd)
    def law(content: bytes) -> None:
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(place / "run", run)
        (run / name).write_bytes(content)
        code = main(["resume", str(run), "--quiet"])
        said = capsys.readouterr()
        assert code in (0, 2)
        assert said.err.count("\n") == (code == 2)
        assert bool(said.out) == (code == 0)
        or_refused(lambda: open_model(run))

    law()
