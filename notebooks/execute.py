"""Make the committed notebook from its percent source: run it, keep the outputs, drop what changes.

    DELTARULE_NOTEBOOK_DATA=FOLDER python notebooks/execute.py

or, with its own environment, `make notebook`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

SOURCE = Path(__file__).with_name("from_derivation_to_cifar10.py")


def main(source: Path, target: Path) -> None:
    notebook = jupytext.read(source)
    NotebookClient(
        notebook,
        timeout=3600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(source.parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": notebook.metadata["kernelspec"],
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number:02d}"
        cell.metadata = nbformat.from_dict({})
    nbformat.validate(notebook)
    nbformat.write(notebook, target)


if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    main(source, Path(sys.argv[2]) if len(sys.argv) > 2 else source.with_suffix(".ipynb"))
