"""What is built is of these sources: nothing of an earlier build is installed with them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    """The build script as a module."""
    pytest.importorskip("setuptools")
    spec = importlib.util.spec_from_file_location("build_script", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_engine_is_known_by_all_that_it_was_made_of(script: Any, tmp_path: Path) -> None:
    """Another byte of a source, another flag or another place of one makes another engine."""
    source, header = tmp_path / "a.cpp", tmp_path / "a.hpp"
    source.write_text("int a;")
    header.write_text("int b;")
    files = [str(source), str(header)]
    first = script.fingerprint(files, "-O3", "")
    assert script.fingerprint(files, "-O3", "") == first
    assert script.fingerprint(files, "", "-O3") != first
    assert script.fingerprint(files, "-O2", "") != first
    before = header.stat()
    header.write_text("int c;")
    os.utime(header, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert script.fingerprint(files, "-O3", "") != first


def test_headers_are_among_what_it_is_made_of(script: Any, monkeypatch: Any) -> None:
    """Every file of the engine's folder is a source, or what they depend on."""
    pytest.importorskip("nanobind")
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("DELTARULE_NO_ENGINE", raising=False)
    (extension,) = script.engine()
    named = {Path(name).name for name in (*extension.sources, *extension.depends)}
    folder = ROOT / "src" / "deltarule" / "engine" / "core"
    assert {path.name for path in folder.iterdir() if path.suffix in (".cpp", ".hpp")} < named


def test_a_build_without_an_engine_holds_none(tmp_path: Path) -> None:
    """An engine, or a module, that an earlier build left in the folder is not installed."""
    pytest.importorskip("setuptools")
    engine = tmp_path / "deltarule" / "engine"
    engine.mkdir(parents=True)
    left = [engine / "_core.cpython-311-x86_64-linux-gnu.so", tmp_path / "deltarule" / "gone.py"]
    for path in left:
        path.write_text("of an earlier build")
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "DELTARULE_NO_ENGINE": "1"},
        check=True,
        capture_output=True,
    )
    assert not [path for path in left if path.exists()]
    assert (tmp_path / "deltarule" / "__init__.py").is_file()
