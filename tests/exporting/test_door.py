"""The door: every network in every format, checked; or a refusal that leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_cases import FORMATS, KINDS, NUMBERS, X, Y, name_for, trained

import deltarule as dr
from deltarule.data.dataset import Table
from deltarule.data.tables import TableEncoder
from deltarule.exporting import door
from deltarule.exporting.verification import Answers
from deltarule.ground.errors import names_in
from deltarule.mathematics import losses


def listing(folder: Path) -> list[str]:
    """The names of a folder's files."""
    return sorted(path.name for path in folder.iterdir())


def own_activation(x: Any) -> Any:
    """An activation of one's own."""
    return x, lambda g: g


@losses.declare("regression")
def own_loss(y: Any, z: Any, weight: Any, total: float) -> Any:
    """A loss of one's own."""
    return losses.squared_error(y, z, weight, total)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_target(tmp_path: Path, kind: str, to: str) -> None:
    """Classes, labels, numbers and quantiles: exported answers are the network's own."""
    done = dr.export(trained(kind), name_for(tmp_path, to), to)
    assert done.comparison is not None
    assert done.comparison.relative <= 1e-5
    assert listing(tmp_path) == sorted(path.name for path in done.files)


def test_every_loss_is_tried() -> None:
    """The table of kinds holds each loss of the library."""
    named = [own.get("loss", "cross_entropy") for _, _, _, own in KINDS.values()]
    used = {loss if isinstance(loss, str) else loss["name"] for loss in named}
    assert used == set(names_in(losses))


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", names_in(dr.activations))
def test_every_activation(tmp_path: Path, activation: str, dtype: str, to: str) -> None:
    """Each activation of the library, in the precision of the network."""
    net = trained(activation=activation, dtype=dtype, dropout=0.2)
    done = dr.export(net, name_for(tmp_path, to), to)
    assert done.comparison is not None
    assert done.comparison.relative <= (1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalization_in_evaluation_mode(
    tmp_path: Path, normalization: str, dtype: str, to: str
) -> None:
    """Normalisation layers use what they learned, with activations that have options."""
    activation = [{"name": "elu", "alpha": 0.5}, {"name": "elu", "alpha": 2.0}]
    net = trained(normalization=normalization, activation=activation, dtype=dtype, dropout=0.5)
    done = dr.export(net, name_for(tmp_path, to), to)
    assert done.comparison is not None
    assert done.comparison.relative <= (1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("to", FORMATS)
def test_without_a_hidden_layer(tmp_path: Path, to: str) -> None:
    """A linear model is a network, too."""
    net = dr.Network([6, 1], loss="squared_error")
    net.train(X, NUMBERS, epochs=1, progress=False)
    assert dr.export(net, name_for(tmp_path, to), to).comparison is not None


@pytest.mark.parametrize("to", FORMATS)
def test_exporting_again_replaces(tmp_path: Path, to: str) -> None:
    """The same network exports to the same bytes, and another takes its place."""
    path = name_for(tmp_path, to)
    done = dr.export(trained(), path, to)
    before = [file.read_bytes() for file in done.files]
    dr.export(trained(), path, to)
    assert [file.read_bytes() for file in done.files] == before
    dr.export(trained(seed=5), path, to)
    assert [file.read_bytes() for file in done.files] != before


@pytest.mark.parametrize("to", FORMATS)
def test_a_wrong_answer_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """Scores, probabilities or labels that are off are an error, and nothing is written."""
    right = getattr(door, f"ask_{to}")

    def off_by(scores: float, probabilities: float, flip: bool) -> Any:
        def ask(what: Any, rows: np.ndarray) -> Answers:
            a = right(what, rows)
            labels = a.predictions[::-1] if flip else a.predictions
            return Answers(a.scores + np.float32(scores), a.probabilities + probabilities, labels)

        return ask

    for wrong in ((0.01, 0.0, False), (0.0, 0.001, False), (0.0, 0.0, True)):
        monkeypatch.setattr(door, f"ask_{to}", off_by(*wrong))
        with pytest.raises(dr.FileRefused, match="Nothing was written"):
            dr.export(trained(), name_for(tmp_path, to), to)
        assert listing(tmp_path) == []


def test_a_failure_between_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second file cannot be written, the first is taken back, or the older one put."""
    path = tmp_path / "net.py"
    write = door.write_bytes

    def failing(target: Path, data: bytes) -> None:
        if target.suffix == ".py":
            raise dr.NotAvailable("The disk is full.")
        write(target, data)

    monkeypatch.setattr(door, "write_bytes", failing)
    with pytest.raises(dr.NotAvailable, match="full"):
        dr.export(trained(), path, "numpy")
    assert listing(tmp_path) == []
    monkeypatch.setattr(door, "write_bytes", write)
    done = dr.export(trained(), path, "numpy")
    before = [file.read_bytes() for file in done.files]
    monkeypatch.setattr(door, "write_bytes", failing)
    with pytest.raises(dr.NotAvailable, match="full"):
        dr.export(trained(seed=3), path, "numpy")
    assert [file.read_bytes() for file in done.files] == before


def test_refusals(tmp_path: Path) -> None:
    """What cannot be exported is refused in a sentence that says what to do."""
    net = trained()
    own = dr.Network([6, 4, 3], activation=own_activation)
    own.train(X, Y, epochs=1, progress=False)
    loss = dr.Network([6, 4, 1], loss=own_loss)
    loss.train(X, NUMBERS, epochs=1, progress=False)
    for given, name, to, words in (
        (net, "net.onnx", "onx", "Did you mean 'onnx'?"),
        (net, "net.onnx", None, "Unknown format None"),
        (net, "net.py", "onnx", "must end in .onnx"),
        (net, "a-b.py", "numpy", "such as net.py"),
        (net, "net.onnx", "torch", "such as net.py"),
        (net, "", "numpy", "names no file"),
        (X, "net.py", "numpy", "takes a Network"),
        (dr.Network([6, 3]), "net.py", "numpy", r"net.prepare\(X, y\)"),
        (own, "net.py", "numpy", "own_activation is a function of your own"),
        (loss, "net.py", "torch", "own_loss is a function of your own"),
    ):
        with pytest.raises(dr.InvalidInput, match=words):
            dr.export(given, tmp_path / name if name else "", to)
    with pytest.raises(dr.NotAvailable, match="cannot be written"):
        dr.export(net, tmp_path / "nowhere" / "net.py", "numpy")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(dr.FileRefused, match="is a folder"):
        dr.export(net, tmp_path / "folder.py", "numpy")
    assert listing(tmp_path) == ["folder.py"]


def test_a_table_is_exported_from_its_features(tmp_path: Path) -> None:
    """Of a network with an encoder the features are taken, and their names stand in the file."""
    table = {
        "age": np.arange(24.0),
        "town": np.array(["Köln", "Bonn", "Ulm"] * 8, object),
    }
    encoder = TableEncoder.fit(Table.from_any(table))
    n = len(encoder.feature_names)
    net = dr.Network([n, 4, 2], encoder=encoder)
    net.train(table, np.arange(24) > 11, epochs=1, progress=False)
    done = dr.export(net, tmp_path / "net.py", "numpy")
    assert any("encoded features" in note for note in done.notes)
    assert "Köln" in (tmp_path / "net.py").read_text(encoding="utf-8")


def test_default_names(tmp_path: Path) -> None:
    """Beside the model, by a name that Python can import, and never the model's own."""
    for model, to, name in (
        ("best.safetensors", "onnx", "best.onnx"),
        ("best.safetensors", "torch", "best_torch.py"),
        ("my-net 2.safetensors", "numpy", "my_net_2_numpy.py"),
        ("2.safetensors", "numpy", "_2_numpy.py"),
    ):
        found = door.default_name(tmp_path / model, to)
        assert found == tmp_path / name
        assert door.files_of(found, to)[0] == found
