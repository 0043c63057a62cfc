"""Run folders: claimed whole, written line by line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ..ground.errors import FileRefused, NotAvailable
from ..storage.atomic import as_path

__all__ = [
    "BEST",
    "METRICS",
    "RECIPE",
    "REPORT",
    "RESULT",
    "append_line",
    "claim_folder",
    "free_folder",
    "read_json",
]

RECIPE, METRICS, BEST = "recipe.toml", "metrics.jsonl", "best.safetensors"
REPORT, RESULT = "report.html", "result.json"


def free_folder(parent: Path, stem: str) -> Path:
    """The first of parent/stem-1, stem-2, … that is not there."""
    number = 1
    while (parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"


def claim_folder(folder: str | Path, files: dict[str, str]) -> Path:
    """Make a folder that appears at once with these text files in it.

    An empty folder is accepted, a used one refused.

    Raises
    ------
    FileRefused
        If it is used, or a file.
    NotAvailable
        If it cannot be made.
    """
    out = as_path(folder).absolute()
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        if out.is_file():
            raise FileRefused(f"{folder} is a file; --out names a folder that is new or empty.")
        if out.is_dir() and any(out.iterdir()):
            raise FileRefused(
                f"The folder {folder} is in use; choose a new or an empty one with --out."
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        try:
            for name, text in files.items():
                (temporary / name).write_text(text, encoding="utf-8")
            if out.is_dir() and os.name == "nt":
                out.rmdir()
            os.rename(temporary, out)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise NotAvailable(
            f"The folder {str(folder):.200} cannot be made: {error.strerror or error}. Choose "
            "another --out."
        ) from None
    return Path(folder)


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add one record to a file of JSON lines, and hand it to the system at once."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file of ours.

    Raises
    ------
    FileRefused
        If it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"{path} is damaged: {error}.") from None
