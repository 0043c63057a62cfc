"""Laws of what a worker says."""

from __future__ import annotations

import io
from typing import Any

import pytest

from deltarule.sweeps.announcing import Announcer, announcer, line_of

BEST = {"trial": 2, "value": 0.25}


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"value": 0.31}, "trial 7  val_loss 0.31  3 epochs  1.2 s  best: trial 2, 0.25"),
        ({"state": "pruned", "epochs": 1}, "trial 7  pruned  1 epoch  1.2 s  best: trial 2, 0.25"),
        (
            {"reason": "Training diverged: x."},
            "trial 7  diverged  3 epochs  1.2 s  best: trial 2, ",
        ),
    ],
)
def test_a_line(changes: dict[str, Any], says: str) -> None:
    """A trial in one line: what it came to, what it took, and the best."""
    record = {"trial": 7, "state": "complete", "value": None, "epochs": 3, "seconds": 1.23}
    assert line_of({**record, "reason": "", **changes}, "val_loss", BEST).startswith(says)


def test_lines_where_there_is_no_terminal() -> None:
    """Each trial is a line that tells how many are done; no escape sequences."""
    out = io.StringIO()
    says = announcer(True, out)
    says.begin(0, 4)
    assert says.trial(0, False) == []
    says.ended("trial 0  pruned", 1, 4)
    says.end()
    assert out.getvalue() == "1/4  trial 0  pruned\n"


def test_a_bar_on_a_terminal() -> None:
    """A bar with how many are done, and the epochs of the trial under way."""
    out = Terminal()
    says = announcer(True, out)
    says.begin(1, 4)
    assert len(says.trial(3, True)) == 1
    says.ended("trial 3  pruned [b]", 2, 4)
    says.end()
    assert "trial 3  pruned [b]" in out.getvalue()
    assert "2/4" in out.getvalue()


def test_silence() -> None:
    """Without progress nothing is said."""
    assert type(announcer(False)) is Announcer
