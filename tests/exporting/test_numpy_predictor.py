"""Predictors that need NumPy only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from export_cases import KINDS, X, trained

import deltarule as dr
from deltarule.exporting.numpy_predictor import ask_numpy


def run(*words: object, code: int = 0) -> tuple[str, str]:
    """stdout and stderr of a Python process that ends with this code."""
    command = [sys.executable, "-B", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("kind", ["text", "several quantiles"])
def test_as_a_program(tmp_path: Path, kind: str) -> None:
    """The file predicts rows of .npy and .csv files, a line for each."""
    net, rows = trained(kind), KINDS[kind][0][:4]
    dr.export(net, tmp_path / "net.py", "numpy")
    np.save(tmp_path / "rows.npy", rows)
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",")
    for name in ("rows.npy", "rows.csv"):
        out, _ = run("-X", "utf8", tmp_path / "net.py", tmp_path / name)
        lines = out.splitlines()
        if kind == "text":
            assert lines == net.predict(rows).tolist()
        else:
            found = np.array([line.split(",") for line in lines], float)
            np.testing.assert_allclose(found, net.predict(rows), rtol=1e-5)


def test_bad_rows_and_weights(tmp_path: Path) -> None:
    """Rows that do not fit end in one line, and weights that were changed are refused."""
    done = dr.export(trained(), tmp_path / "net.py", "numpy")
    np.save(tmp_path / "wide.npy", np.zeros((2, 9)))
    np.save(tmp_path / "gap.npy", np.full((2, 6), np.nan))
    for name, words in (("wide.npy", "(n, 6)"), ("gap.npy", "nan"), ("none.npy", "No such")):
        _, err = run(tmp_path / "net.py", tmp_path / name, code=1)
        assert words in err
        assert err.count("\n") == 1
    data = bytearray(done.files[1].read_bytes())
    data[-3] ^= 1
    done.files[1].write_bytes(data)
    assert "is damaged" in run(tmp_path / "net.py", tmp_path / "wide.npy", code=1)[1]


def test_the_weights_are_a_model_file(tmp_path: Path) -> None:
    """What lies beside the predictor is the network, which the library loads."""
    net = trained()
    done = dr.export(net, tmp_path / "net.py", "numpy")
    again = dr.load(done.files[1])
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


def test_a_predictor_that_fails(tmp_path: Path) -> None:
    """A predictor that ends in an error is told in one sentence."""
    (tmp_path / "net.py").write_text("raise ValueError('broken')")
    with pytest.raises(dr.FileRefused, match=r"broken.*Nothing was written"):
        ask_numpy(tmp_path / "net.py", X)
