"""The benchmarks run, and the page that shows them says what their figures say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deltarule.engine import native

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "benchmarks" / "bench.py"
GPU = ROOT / "benchmarks" / "gpu.py"
RECORDED = ROOT / "docs" / "benchmarks.json"


def bench(*words: str, script: Path = BENCH) -> subprocess.CompletedProcess[str]:
    """Run the bench."""
    return subprocess.run(
        [sys.executable, str(script), *words],
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_a_quick_run_measures_and_writes(tmp_path: Path) -> None:
    """Every workload has a time for every contestant, and the page and the picture are there."""
    done = bench("--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    ours = {"deltarule", "deltarule, reference"}
    if not native.available():
        ours -= {"deltarule"}
    for name, facts in result["training"].items():
        assert set(facts["contestants"]) == ours
        for found in facts["contestants"].values():
            assert found["seconds"] > 0, name
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "## Where we lose" in page
    assert (tmp_path / "images" / "benchmarks.svg").stat().st_size > 1_000


def test_the_page_is_made_from_its_figures(tmp_path: Path) -> None:
    """docs/benchmarks.md is what `--write docs/benchmarks.json` writes."""
    if not RECORDED.exists():
        pytest.skip("no run is recorded")
    told = RECORDED.with_name("speedrun.md")
    if told.exists():
        (tmp_path / told.name).write_bytes(told.read_bytes())
    done = bench("--write", str(RECORDED), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert written == RECORDED.with_suffix(".md").read_text(encoding="utf-8")


def test_losses_are_found(tmp_path: Path) -> None:
    """A contestant that is faster is named where we lose, and a promise that is not kept."""
    contestant = {"first": 1.0, "others": 0.0}
    times = {"deltarule": 0.2, "JAX": 0.1, "scikit-learn": 2.0}
    result = {
        "machine": {
            "date": "a day",
            "processor": "one",
            "processors": 2,
            "instructions": [],
            "memory_gib": 1,
            "system": "a system",
            "python": "3",
            "packages": {},
        },
        "how": {"threads": 2, "rounds": 7, "others_before": 0.0},
        "absent": {},
        "training": {
            "cifar10-64": {
                "sizes": [2, 1],
                "rows": 10,
                "multiply_adds": 1,
                "contestants": {n: contestant | {"seconds": s} for n, s in times.items()},
            }
        },
    }
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps(result), encoding="utf-8")
    done = bench("--write", str(figures), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    lost = (tmp_path / "benchmarks.md").read_text(encoding="utf-8").partition("## Where we lose")[2]
    assert "JAX is 2.00 times as fast" in lost
    assert re.search(r"fastest peer, cifar10-64: 0\.5 ×, and at least 2\.3 × is wanted", lost)
    assert "scikit-learn" not in lost


def test_the_bench_of_gpus_runs(tmp_path: Path) -> None:
    """On a CPU it shows that everybody runs, and begins with the device's name."""
    pytest.importorskip("torch", reason="needs the optional package torch")
    done = bench("--device", "cpu", "--quick", "--out", str(tmp_path), script=GPU)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cpu; PyTorch")
    result = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert set(result["steps"]) == {"cifar10, batch 64", "mnist, batch 64"}
    for times in result["steps"].values():
        assert set(times) == {"deltarule", "deltarule, bf16", "PyTorch"}
        assert min(times.values()) > 0


def test_the_bench_of_gpus_needs_one() -> None:
    """Without a GPU it ends with one sentence."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA GPU here")
    done = bench(script=GPU)
    assert done.returncode == 1
    assert done.stderr.startswith("There is nothing to measure: ")
    assert done.stderr.count("\n") == 1
