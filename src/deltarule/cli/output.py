"""What a command prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import Any

from ..storage.json_text import json_text

__all__ = ["Notes", "Output", "table"]


class Output:
    """Prints for people, or one JSON object on the last line for scripts.

    Parameters
    ----------
    as_json, quiet : bool
    """

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self.as_json, self.quiet, self.silent = as_json, quiet, False

    def silence(self) -> None:
        """Print nothing from now on: another process speaks."""
        self.quiet = self.silent = True

    @property
    def progress(self) -> bool:
        """Whether progress is shown (on stderr)."""
        return not self.quiet

    def note(self, text: str) -> None:
        """Something by the way, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def result(self, text: str, facts: dict[str, Any]) -> None:
        """The result: text for people, or the facts as JSON."""
        if not self.silent:
            print(json_text(facts) if self.as_json else text, flush=True)


class Notes:
    """Says each sentence that it is called with, and keeps all of them."""

    def __init__(self, out: Output) -> None:
        self.out = out
        self.told: list[str] = []

    def __call__(self, sentence: str) -> None:
        self.told.append(sentence)
        self.out.note(sentence)


def table(rows: list[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
