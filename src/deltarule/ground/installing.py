"""How what is missing is installed: told by many messages, decided here."""

from __future__ import annotations

__all__ = ["UPGRADE", "extra"]

UPGRADE = "upgrade deltarule: `git pull` and `pip install .` in a clone of it"


def extra(name: str) -> str:
    """The command that brings what an extra names; pip knows of it once deltarule is installed.

    It then asks no index for deltarule itself, wherever that came from.
    """
    return f"pip install 'deltarule[{name}]'"
