"""Torch modules: readable source, state as safetensors."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_cases import KINDS, needs_torch, trained

import deltarule as dr
from deltarule.exporting import door


def module_at(path: Path) -> Any:
    """The module that a file holds."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_torch
@pytest.mark.parametrize("kind", ["text", "named", "binary", "poisson", "several quantiles"])
def test_predictions(tmp_path: Path, kind: str) -> None:
    """The module loads its state and predicts what the network predicts."""
    import torch

    net, rows = trained(kind, normalization="batch"), KINDS[kind][0].astype(np.float32)
    dr.export(net, tmp_path / "net.py", "torch")
    found = np.asarray(module_at(tmp_path / "net.py").load().predict(torch.from_numpy(rows)))
    expected = net.predict(rows)
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    else:
        assert found.tolist() == expected.tolist()


@needs_torch
def test_it_can_learn_on(tmp_path: Path) -> None:
    """In training mode its dropout and batch statistics are the network's."""
    net = trained(normalization="batch", dropout=0.25)
    dr.export(net, tmp_path / "net.py", "torch")
    model = module_at(tmp_path / "net.py").load().train()
    assert model.dropout1.p == 0.25
    assert model.batchnorm1.training
    found = model.batchnorm1.running_var.numpy()
    np.testing.assert_array_equal(found, net.chain.views["batchnorm1"].variance)


@needs_torch
def test_changed_weights_are_refused(tmp_path: Path) -> None:
    """Another state file than its own is refused."""
    done = dr.export(trained(), tmp_path / "net.py", "torch")
    done.files[1].write_bytes(done.files[1].read_bytes()[:-1] + b"\1")
    with pytest.raises(ValueError, match="is damaged"):
        module_at(tmp_path / "net.py").load()


def test_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is missing the files are written, and a note says that they were never run."""
    from safetensors.numpy import load_file

    monkeypatch.setattr(door, "torch_here", lambda: False)
    net = trained()
    done = dr.export(net, tmp_path / "net.py", "torch")
    assert done.comparison is None
    assert "never run" in done.notes[0]
    state = load_file(done.files[1])
    np.testing.assert_array_equal(state["dense1.weight"], net.parameters["dense1.W"].T)
    compile((tmp_path / "net.py").read_text(encoding="utf-8"), "net.py", "exec")
