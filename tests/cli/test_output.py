"""What a command prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json

import pytest

from deltarule.cli.output import Output, table


def test_people(capsys: pytest.CaptureFixture[str]) -> None:
    """People get the text on stdout, and notes on stderr."""
    out = Output(as_json=False, quiet=False)
    out.note("by the way")
    out.result("the result", {"a": 1})
    assert capsys.readouterr() == ("the result\n", "by the way\n")
    assert out.progress


def test_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts get one JSON object on one line, with null for what JSON lacks."""
    Output(as_json=True, quiet=False).result("text", {"a": float("nan"), "b": "x\ny"})
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": None, "b": "x\ny"}


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Quiet keeps the result and nothing by the way."""
    out = Output(as_json=False, quiet=True)
    out.note("by the way")
    out.result("the result", {})
    assert capsys.readouterr() == ("the result\n", "")
    assert not out.progress


def test_table() -> None:
    """Names and values stand in two columns."""
    assert table([("a", "1"), ("long", "2")]) == "a     1\nlong  2"
