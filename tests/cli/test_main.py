"""The program as a whole: exit codes, streams, terminals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import deltarule as dr
from deltarule.cli import commands
from deltarule.cli.main import main
from deltarule.ground.errors import Diverged, FileRefused, InvalidInput, NotAvailable

SOURCE = Path(dr.__file__).parents[1]
ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLORTERM")},
    "PYTHONPATH": str(SOURCE),
    "TERM": "xterm",
    "COLUMNS": "80",
}
# What draws no pictures where a law does not look at them.
PLAIN = f"{SOURCE}{os.pathsep}{Path(__file__).resolve().parents[1] / 'plain_pages'}"
TRAIN = ["train", "digits", "--hidden-layer-sizes", "6", "--epochs", "3", "--out"]


def process(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "deltarule", *words],
        env={**ENVIRONMENT, **options.pop("env", {})},  # type: ignore[dict-item]
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (InvalidInput("No good."), 2, "No good."),
        (FileRefused("No good."), 2, "No good."),
        (NotAvailable("No good."), 2, "No good."),
        (InvalidInput("Two\n  lines\tof it."), 2, "Two lines of it."),
        (Diverged("Gone.", 3), 1, "Gone."),
        (MemoryError(), 1, "not enough memory"),
        (KeyboardInterrupt(), 130, "Interrupted"),
    ],
)
def test_exit_codes(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every error of ours ends as one line on stderr and its code."""

    def fail(args: object, out: object) -> int:
        raise error

    monkeypatch.setitem(commands.COMMANDS, "recipes", fail)
    assert main(["recipes"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("deltarule: ")
    assert says in err
    assert err.count("\n") == 1


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not foreseen is a traceback, so that it can be reported."""

    def fail(args: object, out: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setitem(commands.COMMANDS, "recipes", fail)
    with pytest.raises(ZeroDivisionError):
        main(["recipes"])


def test_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing asked for shows the help; --version the version."""
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: deltarule")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"deltarule {dr.__version__}\n"


def test_as_a_program(tmp_path: Path) -> None:
    """`python -m deltarule` trains; stdout has the JSON alone, stderr plain lines without a bar."""
    done = process(*TRAIN, str(tmp_path / "run"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 3
    assert done.stderr.splitlines()[-1].startswith("epoch 3/3 ")
    assert "\x1b" not in done.stderr
    assert "━" not in done.stderr


def test_the_reader_leaves() -> None:
    """A pipe that is closed early is no error."""
    command = f"{sys.executable} -m deltarule recipes report | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("description = ")


def test_a_terminal_without_greek() -> None:
    """Where stdout cannot show λ, the help is shown all the same."""
    done = process("train", "--help", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert r"\u03bb" in done.stdout


def on_a_terminal(words: list[str], **environment: str) -> tuple[int, str]:
    """Exit code and what a terminal shows of the program's stderr; no pictures are drawn."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "deltarule", *words],
        env={**ENVIRONMENT, "PYTHONPATH": PLAIN, **environment},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # on Linux the end of a terminal is an error
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return running.wait(), shown.decode()


COLOUR = re.compile("\x1b\\[[39][0-9][;m]")


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal there is a bar that comes to its end, in colours, and the cursor comes back."""
    code, shown = on_a_terminal([*TRAIN, str(tmp_path / "run")])
    assert code == 0
    assert "━" in shown
    assert "100 %" in shown
    assert "epoch 3/3" in shown
    assert "val_loss" in shown
    assert COLOUR.search(shown)
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")


def test_no_color(tmp_path: Path) -> None:
    """With NO_COLOR the bar has none."""
    code, shown = on_a_terminal([*TRAIN, str(tmp_path / "run")], NO_COLOR="1")
    assert code == 0
    assert "━" in shown
    assert not COLOUR.search(shown)


@pytest.mark.parametrize("words", [[], ["--quiet"]])
def test_a_refusal_on_a_terminal(tmp_path: Path, words: list[str]) -> None:
    """A used folder is refused in one line also there, with no bar around it."""
    (tmp_path / "note").write_text("mine")
    code, shown = on_a_terminal([*TRAIN, str(tmp_path), *words])
    assert code == 2
    assert shown.startswith("deltarule: ")
    assert shown.count("\n") == 1
    assert "\x1b" not in shown


def test_quiet_on_a_terminal(tmp_path: Path) -> None:
    """With --quiet a terminal stays empty."""
    assert on_a_terminal([*TRAIN, str(tmp_path / "run"), "--quiet"]) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_an_interruption(tmp_path: Path) -> None:
    """Ctrl-C ends with code 130 and a sentence; the best weights so far are there."""
    run = tmp_path / "run"
    words = ["train", "digits", "--epochs", "100000", "--out", str(run), "--quiet"]
    running = subprocess.Popen(
        [sys.executable, "-m", "deltarule", *words],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What the tests were told to ignore, a process of theirs would ignore, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    metrics, limit = run / "metrics.jsonl", time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < limit:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert out == ""
    assert err.startswith("deltarule: Interrupted")
    assert err.count("\n") == 1
    assert dr.load(run / "best.safetensors").n_parameters > 0
    assert "interrupted" in (run / "report.html").read_text(encoding="utf-8")
