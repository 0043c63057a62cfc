"""A network from its file: the same network, or a refusal."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.dataset import Table
from deltarule.data.tables import TableEncoder
from deltarule.ground.errors import names_in
from deltarule.storage.container import read_tensors, write_tensors

RNG = np.random.default_rng(0)
N = 24
X = RNG.normal(size=(N, 12))
PIXELS = RNG.integers(0, 256, (N, 12)).astype(np.uint8)
Y = np.arange(N) % 3
NUMBERS = RNG.normal(1e3, 50.0, size=N)
TABLE = {
    "age": np.where(np.arange(N) % 5, np.arange(N), np.nan).astype(float),
    "town": np.array([None, "Köln", "a,b"] * 8, object),
}


def stretched(x: Any, *, by: float = 1.0) -> Any:
    """An activation of one's own, with an option."""
    return by * x, lambda g: by * g


def targets_of(loss: str) -> np.ndarray:
    """Targets that a loss takes at three outputs."""
    if loss == "cross_entropy":
        return Y
    if loss == "binary_cross_entropy":
        return RNG.integers(0, 2, (N, 3))
    return abs(RNG.normal(size=(N, 3)))


KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    **{f"loss {loss}": (X, targets_of(loss), {"loss": loss}) for loss in names_in(dr.losses)},
    **{f"rule {rule}": (X, Y, {"optimizer": rule}) for rule in names_in(dr.optimizers)},
    "batch normalisation": (X, Y, {"normalization": "batch"}),
    "layer normalisation": (X, Y, {"normalization": "layer", "dropout": 0.2}),
    "float64": (X, Y, {"dtype": "float64"}),
    "text labels": (X, np.array(["b", "ä", "c d"])[Y], {}),
    "named classes": (X, np.array([10, 30, 20])[Y], {"classes": [30, 20, 10]}),
    "booleans": (X, Y > 0, {"sizes": [12, 4, 2]}),
    "one output": (X, Y > 0, {"sizes": [12, 4, 1], "loss": "binary_cross_entropy"}),
    "one number": (X, NUMBERS, {"sizes": [12, 4, 1], "loss": "squared_error"}),
    "soft targets": (X, RNG.dirichlet(np.ones(3), N), {}),
    "bytes": (PIXELS, Y, {}),
    "scaled by feature": (PIXELS, Y, {"scaling": "feature"}),
    "scaled by channel": (PIXELS, Y, {"scaling": "channel", "image_shape": (3, 2, 2)}),
    "options": (
        X,
        Y,
        {
            "activation": [{"name": "elu", "alpha": 0.5}],
            "loss": {"name": "cross_entropy", "label_smoothing": 0.1},
            "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True},
            "schedule": ["warmup", {"name": "cosine", "end": 0.1}],
            "initializer": "orthogonal",
            "lr_decay": 1e-3,
            "weight_decay": 0.1,
            "l2": 0.01,
        },
    ),
}


def made(kind: str) -> tuple[dr.Network, Any, Any]:
    """A trained network of a kind, with its rows."""
    rows, y, options = KINDS[kind]
    net = dr.Network(
        options.get("sizes", [12, 4, 3]), **{k: v for k, v in options.items() if k != "sizes"}
    )
    net.train(rows, y, epochs=2, batch_size=10, progress=False)
    net.about = {"kind": kind}
    return net, rows, y


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(tmp_path: Path, kind: str) -> None:
    """A loaded network predicts, evaluates and goes on training as the saved one, to the bit."""
    net, rows, y = made(kind)
    net.save(tmp_path / "net")
    again = dr.load(tmp_path / "net")
    assert again.settings == net.settings
    assert again.about == net.about
    assert again.chain.theta.dtype == net.chain.theta.dtype
    assert again.chain.theta.tobytes() == net.chain.theta.tobytes()
    assert again.chain.statistics.tobytes() == net.chain.statistics.tobytes()
    ours, theirs = net.predict(rows), again.predict(rows)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(net.scores(rows), again.scores(rows))
    assert net.evaluate(rows, y) == again.evaluate(rows, y)
    for each in (net, again):
        each.train(rows, y, epochs=1, progress=False)
    assert again.chain.theta.tobytes() == net.chain.theta.tobytes()


def test_tables(tmp_path: Path) -> None:
    """A network with an encoder takes the same tables after it was loaded."""
    encoder = TableEncoder.fit(Table(TABLE))
    net = dr.Network([len(encoder.feature_names), 4, 3], encoder=encoder)
    net.train(TABLE, Y, epochs=2, progress=False)
    net.save(tmp_path / "net")
    again = dr.load(tmp_path / "net")
    new = {"town": ["Köln", "unseen", None], "age": [np.nan, 3.0, -1.0], "more": [1, 2, 3]}
    np.testing.assert_array_equal(net.predict_proba(new), again.predict_proba(new))


def test_before_any_training(tmp_path: Path) -> None:
    """A network that was not trained yet is saved and loaded as such."""
    net = dr.Network([12, 3])
    net.save(tmp_path / "net")
    again = dr.load(tmp_path / "net")
    assert again.preprocessing.scaling is None
    for each in (net, again):
        each.train(X, np.array(["x", "y", "z"])[Y], epochs=1, progress=False)
    np.testing.assert_array_equal(net.predict(X), again.predict(X))


@pytest.mark.parametrize("activation", [stretched, functools.partial(stretched, by=2.0)])
def test_functions_of_ones_own(tmp_path: Path, activation: Any) -> None:
    """They are saved by name and handed in again, with their options; without, it is told how."""
    net = dr.Network([12, 4, 3], activation=activation)
    net.train(X, Y, epochs=1, progress=False)
    net.save(tmp_path / "net")
    again = dr.load(tmp_path / "net", custom={"stretched": stretched})
    np.testing.assert_array_equal(net.scores(X), again.scores(X))
    with pytest.raises(dr.FileRefused, match="made with a function of your own, 'stretched'"):
        dr.load(tmp_path / "net")


def test_no_validation_is_remembered(tmp_path: Path) -> None:
    """A loaded network has no history: it is a model, not a run."""
    net, *_ = made("float64")
    net.save(tmp_path / "net")
    assert dr.load(tmp_path / "net").history is None


# -- damage and malice ----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files here need not survive a power cut."""
    monkeypatch.setattr("deltarule.storage.atomic.os.fsync", lambda handle: None)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a network with all that a file may hold."""
    encoder = TableEncoder.fit(Table(TABLE))
    net = dr.Network(
        [len(encoder.feature_names), 2, 3],
        encoder=encoder,
        normalization="batch",
        schedule=["linear"],
        activation={"name": "elu", "alpha": 0.5},
    )
    net.train(TABLE, np.array(["a", "b", "c"])[Y], epochs=1, progress=False)
    net.about = {"data": "x"}
    path = tmp_path_factory.mktemp("whole") / "net.safetensors"
    net.save(path)
    return path


def test_random_truncations(file: Path, tmp_path: Path) -> None:
    """A real model cut off anywhere is refused."""
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 17), len(whole) - 1]:
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(dr.FileRefused):
            dr.load(tmp_path / "cut")


def test_random_flips(file: Path, tmp_path: Path) -> None:
    """A real model with any one bit of 500 flipped is refused."""
    whole = file.read_bytes()
    generator = np.random.default_rng(7)
    for place, bit in zip(
        generator.integers(0, len(whole), 500), generator.integers(0, 8, 500), strict=True
    ):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(bit)
        (tmp_path / "flipped").write_bytes(bytes(damaged))
        with pytest.raises(dr.FileRefused):
            dr.load(tmp_path / "flipped")


STRANGE: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    "x",
    "",
    [],
    {},
    [1],
    ["a", "b"],
    {"name": "x"},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of a JSON value with another one at a place."""
    if not path:
        return new
    value = copy.copy(value)
    value[path[0]] = changed(value[path[0]], path[1:], new)
    return value


def refusal(path: Path) -> str | None:
    """The sentence with which a model file is refused; None where it is a network."""
    try:
        assert isinstance(dr.load(path), dr.Network)
    except dr.FileRefused as error:
        return str(error)
    return None


def test_every_place_of_the_description(file: Path, tmp_path: Path) -> None:
    """Whatever stands anywhere behind a right checksum, it is a network or a refusal."""
    tensors, description = read_tensors(file)
    sentences = []
    for place in places(description):
        for new in STRANGE:
            write_tensors(tmp_path / "net", tensors, changed(description, place, new))
            sentences.append(refusal(tmp_path / "net"))
    refused = [sentence for sentence in sentences if sentence is not None]
    assert len(refused) > 300
    assert all(str(tmp_path / "net") in sentence for sentence in refused)


def test_every_key_is_needed(file: Path, tmp_path: Path) -> None:
    """A description that lacks a key, or has one more among the settings, is refused."""
    tensors, description = read_tensors(file)
    lacking = [{k: v for k, v in description.items() if k != key} for key in description]
    inner = description["network"]
    lacking += [
        {**description, "network": {k: v for k, v in inner.items() if k != key}}
        for key in ("sizes", "activation", "loss", "optimizer")
    ]
    for each in [*lacking, {**description, "network": {**inner, "extra": 1}}]:
        write_tensors(tmp_path / "net", tensors, each)
        with pytest.raises(dr.FileRefused, match="does not describe a network"):
            dr.load(tmp_path / "net")


def test_every_tensor_is_needed(file: Path, tmp_path: Path) -> None:
    """A file that lacks a tensor, or holds one of another shape or type, is refused."""
    tensors, description = read_tensors(file)
    for name, tensor in tensors.items():
        others = [None, tensor.astype(np.int64), np.zeros((2, 2, 2), tensor.dtype)]
        for other in others:
            held = {k: v for k, v in tensors.items() if k != name}
            if other is not None:
                held[name] = other
            write_tensors(tmp_path / "net", held, description)
            with pytest.raises(dr.FileRefused):
                dr.load(tmp_path / "net")


def test_sizes_do_not_fill_the_memory(file: Path, tmp_path: Path) -> None:
    """A small file that announces a huge network is refused before anything is allocated."""
    tensors, description = read_tensors(file)
    for sizes in ([10**4, 10**4, 10**4], [10**8, 10**8], [2**62, 3], [1] * 10**6):
        hostile = {**description, "network": {**description["network"], "sizes": sizes}}
        write_tensors(tmp_path / "net", tensors, hostile)
        with pytest.raises(dr.FileRefused):
            dr.load(tmp_path / "net")


def test_nothing_is_run(file: Path, tmp_path: Path) -> None:
    """Names in a file reach the tables of the library only, never a module or a path."""
    tensors, description = read_tensors(file)
    for name in ("os.system", "__import__", "builtins.print", "declare", "l2_penalty", "np"):
        for part in ("activation", "loss", "optimizer", "schedule", "initializer"):
            value = [name] if part in ("activation", "schedule") else name
            hostile = {**description, "network": {**description["network"], part: value}}
            write_tensors(tmp_path / "net", tensors, hostile)
            with pytest.raises(dr.FileRefused, match=f"is no {part} of this library"):
                dr.load(tmp_path / "net")


def test_a_newer_version(file: Path, tmp_path: Path) -> None:
    """A file of a version to come says which, and what to do."""
    text = file.read_bytes().replace(b'"format_version":"1"', b'"format_version":"2"')
    (tmp_path / "new").write_bytes(text)
    with pytest.raises(dr.FileRefused, match=r"format version 2, .* reads up to 1; upgrade"):
        dr.load(tmp_path / "new")


def test_description_is_readable(file: Path) -> None:
    """Who opens the file by other means finds JSON."""
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        told = json.loads(opened.metadata()["description"])
    assert told["network"]["loss"] == "cross_entropy"
