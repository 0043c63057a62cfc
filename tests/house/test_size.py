"""Files that can be read in one sitting."""

from __future__ import annotations

from pathlib import Path

import pytest

import deltarule

SOURCE = Path(deltarule.__file__).parent
MOST_LINES = 420


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.relative_to(SOURCE).as_posix()
)
def test_size(path: Path) -> None:
    """No source file goes past 420 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
