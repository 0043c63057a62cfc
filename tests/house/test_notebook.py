"""The notebook: it runs on the digits, and what is committed is its run on CIFAR-10."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "notebooks" / "from_derivation_to_cifar10.py"
EXECUTED = SOURCE.with_suffix(".ipynb")
DATA = "DELTARULE_NOTEBOOK_DATA"

LARGEST = 1_500_000
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])/[\w.-]+/[\w./-]*|\b[A-Z]:\\")
LINK = re.compile(r"\]\(([^)\s#]+)")
TAG = re.compile(r"\\tag\{([A-Z]\d+)\}|\(([A-Z]\d+)\)")


@pytest.fixture(scope="module")
def committed() -> nbformat.NotebookNode:
    """The executed notebook."""
    return nbformat.read(EXECUTED, as_version=4)


@pytest.fixture(scope="module")
def written() -> nbformat.NotebookNode:
    """The notebook's source."""
    return jupytext.read(SOURCE)


def run(script: Path, cache: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the notebook's cells, warnings being errors, with nothing in the cache."""
    environment = {key: value for key, value in os.environ.items() if key != DATA}
    environment |= {"MPLBACKEND": "Agg", "DELTARULE_DATA": str(cache), "PYTHONUTF8": "1"}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | variables
    # On a desktop plt.show() remarks that this backend has no windows.
    quiet = ["-W", "error", "-W", "ignore:FigureCanvasAgg is non-interactive"]
    return subprocess.run(
        [sys.executable, *quiet, str(script)],
        env=environment,
        cwd=cache,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def texts_of(cell: nbformat.NotebookNode) -> str:
    """All that a code cell printed or returned, as text."""
    parts = [o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    return "".join(parts)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_runs_on_the_digits(tmp_path: Path) -> None:
    """Every assertion of the notebook holds on the digits, without a warning."""
    done = run(SOURCE, tmp_path, **{DATA: "digits"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("digits: ")


def test_without_cifar10_it_says_so(written: nbformat.NotebookNode, tmp_path: Path) -> None:
    """Neither a folder named nor CIFAR-10 in the cache: a sentence, and the digits."""
    imports, loading = (cell.source for cell in code_cells(written)[:2])
    script = tmp_path / "beginning.py"
    script.write_text(f"{imports}\n{loading}\n", encoding="utf-8")
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CIFAR-10 is not on this machine")
    assert "digits: " in done.stdout
    wrong = run(script, tmp_path, **{DATA: str(tmp_path / "nowhere")})
    assert wrong.returncode != 0
    assert "NotAvailable" in wrong.stderr


def test_source_and_notebook_hold_the_same_cells(
    written: nbformat.NotebookNode, committed: nbformat.NotebookNode
) -> None:
    """The .ipynb is made of the .py: the same cells in the same order."""
    ours, theirs = ([(c.cell_type, c.source) for c in n.cells] for n in (written, committed))
    assert len(ours) > 30
    assert ours == theirs


def test_committed_outputs_are_those_of_one_clean_run(committed: nbformat.NotebookNode) -> None:
    """Cells ran in order, on CIFAR-10, without an error or a word on stderr, and drew pictures."""
    cells = code_cells(committed)
    outputs = [output for cell in cells for output in cell.outputs]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert texts_of(cells[1]).startswith("cifar10: 45,000 rows to train on, 5,000 to validate on")
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 8


def test_committed_notebook_is_small_and_of_no_machine(committed: nbformat.NotebookNode) -> None:
    """No path, no time stamp and no version of one machine, and less than 1.5 MB."""
    assert EXECUTED.stat().st_size < LARGEST
    for cell in code_cells(committed):
        assert ABSOLUTE_PATH.findall(texts_of(cell)) == []
    assert all(not cell.metadata for cell in committed.cells)
    assert set(committed.metadata) == {"kernelspec", "language_info"}
    assert set(committed.metadata.language_info) == {"name"}


def test_links_lead_somewhere(written: nbformat.NotebookNode) -> None:
    """Every relative link of the notebook leads to a file."""
    markdown = [cell.source for cell in written.cells if cell.cell_type == "markdown"]
    links = [link for source in markdown for link in LINK.findall(source)]
    assert len(links) > 5
    assert [link for link in links if not (SOURCE.parent / link).is_file()] == []


def test_cited_tags_stand_in_the_code(written: nbformat.NotebookNode) -> None:
    """An equation's tag in the notebook names an equation of the code."""
    code = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    markdown = "\n".join(c.source for c in written.cells if c.cell_type == "markdown")
    tags = {display or inline for display, inline in TAG.findall(markdown)}
    assert len(tags) > 5
    assert {tag for tag in tags if f"({tag})\n" not in code and f'({tag})"' not in code} == set()
