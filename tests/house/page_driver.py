"""Runs the steps of one page in order, as a reader would: python page_driver.py STEPS RESULTS.

A step is [kind, text, place]: "python" continues the pieces before it, "command" is a line for the
shell, "file" is [name, content], "head" a file to read.  The results are what each step printed,
errors and progress included; the first that fails ends the page.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any


def run(kind: str, text: Any, place: str, names: dict[str, Any]) -> str:
    """What a step prints."""
    if kind == "file":
        Path(text[0]).write_text(text[1], encoding="utf-8")
        return ""
    if kind == "command":
        words = shlex.split(text, comments=True)
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-m", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{text}\n{done.stdout}")
        return done.stdout
    if kind == "head":
        return Path(text).read_text(encoding="utf-8")
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(compile(text, place, "exec"), names)
    return shown.getvalue()


def main() -> int:
    steps = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    results = []
    sys.path.insert(0, "")
    for kind, text, place in steps:
        try:
            results.append(run(kind, text, place, names))
        except BaseException:
            print(f"{place}\n{traceback.format_exc()}", file=sys.stderr)
            return 1
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
