"""The bench of the estimators runs, and its page says what its figures say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "docs" / "estimators.json"


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the bench."""
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "estimators.py"), *words],
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_a_quick_run_measures_and_writes(tmp_path: Path) -> None:
    """Both classifiers have a score and a time for each seed, and the page shows them."""
    done = bench("--quick", "--seeds", "2", "--only", "digits", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "estimators.json").read_text(encoding="utf-8"))
    found = result["tables"]["digits"]["contestants"]
    assert set(found) == {"deltarule", "scikit-learn"}
    for facts in found.values():
        assert len(facts["score"]) == 2
        assert min(facts["seconds"]) > 0
    page = (tmp_path / "estimators.md").read_text(encoding="utf-8")
    assert "| digits, accuracy | scikit-learn |" in page


def test_the_page_is_made_from_its_figures(tmp_path: Path) -> None:
    """docs/estimators.md is what `--write docs/estimators.json` writes."""
    done = bench("--write", str(RECORDED), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "estimators.md").read_text(encoding="utf-8")
    assert written == RECORDED.with_suffix(".md").read_text(encoding="utf-8")


def test_differences_are_paired(tmp_path: Path) -> None:
    """The page gives the mean of the differences by seed, t·s/√n beside it, and median ratios."""
    figures = json.loads(RECORDED.read_text(encoding="utf-8"))
    ours = {"score": [0.5, 0.7, 0.9], "seconds": [1.0, 2.0, 1.0], "epochs": [10, 10, 10]}
    theirs = {"score": [0.4, 0.5, 0.6], "seconds": [3.0, 4.0, 5.0], "epochs": [20, 20, 20]}
    both = {"scikit-learn": theirs, "deltarule": ours}
    table = {"rows": 9, "features": 2, "score": "accuracy", "contestants": both}
    figures |= {"tables": {"digits": table}, "few": {}, "search": {}}
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(figures), encoding="utf-8")
    done = bench("--write", str(path), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    # s = 0.1, t = 4.303 with two degrees of freedom: 4.303 · 0.1/√3 = 0.2484
    assert "| +0.2000 ± 0.2484 | 20 and 10 | 4.00 and 1.00 | 3.00 × |" in done.stdout
