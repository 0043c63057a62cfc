"""ONNX files: what they take, give and say."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_cases import KINDS, needs_onnx, trained

import deltarule as dr
from deltarule.exporting.forward import forward_of
from deltarule.exporting.onnx_graph import IR_VERSION, OPSET, ask_onnx


def session_of(net: dr.Network, path: Path) -> Any:
    """onnxruntime with a network's file."""
    import onnxruntime

    dr.export(net, path, "onnx")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@needs_onnx
@pytest.mark.parametrize("kind", ["text", "bytes", "binary", "multilabel", "several quantiles"])
def test_one_row_and_many(tmp_path: Path, kind: str) -> None:
    """Rows as the network takes them, one or many, and the network's own predictions."""
    net, rows = trained(kind), KINDS[kind][0]
    session = session_of(net, tmp_path / "net.onnx")
    given = rows if rows.dtype == np.uint8 else rows.astype(np.float32)
    for part in (given[:1], given):
        (found,) = session.run(["predictions"], {"input": part})
        expected = net.predict(part)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, rtol=1e-5)
        else:
            assert found.tolist() == expected.tolist()


@needs_onnx
@pytest.mark.parametrize("kind", ["text", "named", "booleans"])
def test_metadata(tmp_path: Path, kind: str) -> None:
    """The file says what made it, its task, its loss and its classes."""
    net = trained(kind)
    net.about["class_names"] = ["x", "y", "z"]
    words = session_of(net, tmp_path / "net.onnx").get_modelmeta().custom_metadata_map
    assert words["made_by"] == f"deltarule {dr.__version__}"
    assert words["task"] == "classification"
    assert json.loads(words["classes"]) == net.preprocessing.targets.classes.tolist()
    assert json.loads(words["class_names"]) == ["x", "y", "z"]


@needs_onnx
def test_versions_and_names(tmp_path: Path) -> None:
    """The operators' version is stated, dropout is absent, inputs and outputs have their names."""
    import onnx

    dr.export(trained(dropout=0.5), tmp_path / "net.onnx", "onnx")
    model = onnx.load(tmp_path / "net.onnx")
    assert [o.version for o in model.opset_import] == [OPSET]
    assert model.ir_version == IR_VERSION
    assert [i.name for i in model.graph.input] == ["input"]
    names = [o.name for o in model.graph.output]
    assert names == ["scores", "probabilities", "predictions"]
    assert "Dropout" not in {node.op_type for node in model.graph.node}


@needs_onnx
def test_a_model_that_cannot_be_run() -> None:
    """A file that onnxruntime refuses is told in one sentence."""
    rows = np.zeros((1, 6), np.float32)
    with pytest.raises(dr.NotAvailable, match=r"cannot run the network .*Nothing was written"):
        ask_onnx(b"no model", rows)


def test_without_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without onnx the sentence names the extra, and nothing is written."""
    real = builtins.__import__

    def absent(name: str, *more: Any) -> Any:
        if name.partition(".")[0] in ("onnx", "onnxruntime"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(dr.NotAvailable, match=r"deltarule\[onnx\]"):
        dr.export(trained(), tmp_path / "net.onnx", "onnx")
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_too_large_for_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Weights beyond what an ONNX file holds are refused before anything is built."""
    monkeypatch.setattr("deltarule.exporting.onnx_graph.MOST_BYTES", 100)
    with pytest.raises(dr.InvalidInput, match="an ONNX file holds at most 100"):
        dr.export(trained(), tmp_path / "net.onnx", "onnx")
    assert forward_of(trained()).steps
