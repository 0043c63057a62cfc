"""Interrupted anywhere, a command says so in one line, and what it began goes on to the same bits.

Ctrl-C and SIGTERM come to real processes at random moments, to a run at each of its calls of the
system, and to a training at each line of its code.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from runs_that_end import Dies, in_child, outcome, recipe, watched

import deltarule as dr
from deltarule.ground.signals import SIGNALS
from deltarule.learning import monitor, stepping, training
from deltarule.machine import optimizer
from deltarule.runs.running import resume_run, train_run
from deltarule.storage.generations import Generations

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="signals as POSIX has them"),
    pytest.mark.usefixtures("plain_pages"),
]

LONG = os.environ.get("DELTARULE_LONG") == "1"
INTERRUPTIONS = 100 if LONG else 16
SOURCE = Path(dr.__file__).parents[1]
PLAIN_PAGES = Path(__file__).resolve().parents[1] / "plain_pages"
EPOCHS = "60" if LONG else "30"
TRAIN = ["train", "digits", "--epochs", EPOCHS, "--set", "patience=none", "--set", "dropout=0.1"]
SLOW = ["--engine", "reference", "--set", "checkpoint_every=0.05 s", "--json", "--quiet"]


def begun(*words: str, plain: bool = False) -> subprocess.Popen[str]:
    """The program, with signals as a terminal gives them; plain, it draws no pictures."""
    path = [str(SOURCE), str(PLAIN_PAGES)] if plain else [str(SOURCE)]

    def hear() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    return subprocess.Popen(
        [sys.executable, "-m", "deltarule", *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit code, and what it said."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def as_documented(folder: Path, number: int, code: int, out: str, err: str) -> list[str]:
    """Hold what an interrupted command said to what is promised; the words to go on with."""
    if err and ("deltarule" not in err or "_get_module_details" in err):
        return []  # Python itself was still looking for the program, and says so in its own words
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert (folder / "recipe.toml").exists() == folder.exists()
    if code == 0:  # the training had ended before
        assert err == ""
        assert (folder / "result.json").exists()
        return []
    if code == -number:  # Python itself had not begun yet, or was at its own end
        assert err == ""
        return []
    assert code == 128 + number
    assert err.startswith("deltarule: Interrupted")
    assert err.count("\n") == 1
    if "Go on with: " not in err:
        assert err == "deltarule: Interrupted.\n"
        return []
    words = shlex.split(err.partition("Go on with: ")[2])
    assert words == ["deltarule", "resume", str(folder)]
    return words[1:]


def test_at_random_moments(tmp_path: Path) -> None:
    """Each of many runs is interrupted now and then until it is done: one line, the same bits.

    In the short form two of three draw no pictures, which takes longer than to train.
    """
    chance = random.Random(5)
    alone = {}
    for name, plain in (("plain", True), ("whole", False)):
        began = time.monotonic()
        code, _, err = ended(begun(*TRAIN, *SLOW, "--out", str(tmp_path / name), plain=plain))
        assert code == 0, err
        alone[plain] = time.monotonic() - began
    whole = outcome(tmp_path / "whole")
    interruptions = told = runs = 0

    def wanted() -> bool:  # how many fall within a training is chance, and the machine's business
        return interruptions < INTERRUPTIONS or told < INTERRUPTIONS // 8

    while wanted():
        assert runs < 4 * INTERRUPTIONS
        folder = tmp_path / f"run {runs}"
        plain = not LONG and runs % 3 < 2
        runs += 1
        for attempt in range(6):
            there = (folder / "recipe.toml").exists()
            words = (
                ["resume", str(folder), "--quiet"]
                if there
                else [*TRAIN, *SLOW, "--out", str(folder)]
            )
            process, number = begun(*words, plain=plain), chance.choice(SIGNALS)
            if attempt < 5 and wanted():
                time.sleep(chance.uniform(0.0, 1.1 * alone[plain]))
                interruptions += process.poll() is None
                process.send_signal(number)
            code, out, err = ended(process)
            told += bool(as_documented(folder, number, code, out, err))
            if (folder / "result.json").exists():
                break
        if code != 0:
            assert ended(begun("resume", str(folder)))[0] == 0
        assert outcome(folder) == whole
        left = {p.name for p in tmp_path.iterdir()}
        assert left == {"plain", "whole", *(f"run {i}" for i in range(runs))}
        shutil.rmtree(folder / "checkpoints")
    print(f"{interruptions} interruptions, {told} within a training, {runs} runs")


@pytest.mark.parametrize("number", SIGNALS)
def test_twice_ends_at_once(tmp_path: Path, number: int) -> None:
    """A second signal within two seconds ends a process within a training; the run goes on."""
    folder = tmp_path / "run"
    process = begun(*TRAIN, *SLOW, "--epochs", "100000", "--out", str(folder))
    while not list(folder.glob("checkpoints/*.safetensors")):
        time.sleep(0.02)
    before = Generations(folder / "checkpoints")
    process.send_signal(number)
    while process.poll() is None:
        process.send_signal(number)
    assert process.communicate()[0] == ""
    assert process.returncode == 128 + number
    assert before.newest() is not None


def test_at_every_call_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal in the midst of any write, of a checkpoint, a record, the weights, the report or the
    result: the file is written whole, and the run ends, or goes on to the same bits.
    """
    given = recipe(epochs=2, checkpoint_every="1 epoch", hidden_layer_sizes=[8])
    count = Dies(-1, False)
    with monkeypatch.context() as patch:
        watched(patch, count)
        train_run(given, tmp_path / "whole", progress=False)
    whole, handlers = outcome(tmp_path / "whole"), [signal.getsignal(n) for n in SIGNALS]
    signalled = interrupted = 0
    for at in range(1, count.count + 1, 1 if LONG else 3):
        folder, number = tmp_path / str(at), SIGNALS[at % 2]
        with pytest.MonkeyPatch.context() as patch:
            watched(patch, Dies(at, False, number=number))
            told = ""
            try:
                train_run(given, folder, progress=False)
            except KeyboardInterrupt as error:
                told = str(error)
        assert not told or f"deltarule resume {folder}" in told
        interrupted += bool(told)
        signalled += 1
        assert [signal.getsignal(n) for n in SIGNALS] == handlers
        assert not list(folder.rglob("*.tmp")), at
        resume_run(folder, progress=False)
        assert outcome(folder) == whole, at
    assert interrupted >= 3
    assert signalled - interrupted >= 3


WATCHED = (training, monitor, stepping, optimizer)


class AtLine:
    """Sends SIGINT at the n-th line that is run in some files."""

    def __init__(self, n: int, *modules: Any) -> None:
        self.n, self.count = n, 0
        self.files = {module.__file__ for module in modules}

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        return self.line if frame.f_code.co_filename in self.files else None

    def line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self.n:
                sys.settrace(None)
                os.kill(os.getpid(), signal.SIGINT)
        return self.line


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("settings", [{}, {"normalization": "batch"}], ids=["plain", "batch norm"])
def test_weights_hold_whole_steps(engine: str, settings: dict[str, Any]) -> None:
    """Ctrl-C at any line of a training without checkpoints, as in a notebook: the network then has
    the weights and the statistics of one and the same whole epoch, or those that it began with.
    """
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 4)), rng.integers(2, size=40)

    def run(callbacks: list[Any], n: int = -1) -> tuple[dr.Network, AtLine, bool]:
        net, trace = dr.Network([4, 5, 2], seed=1, **settings), AtLine(n, *WATCHED)
        given = {"epochs": 3, "batch_size": 10, "average": 0.5, "progress": False}
        before, interrupted = sys.gettrace(), False
        sys.settrace(trace)
        try:
            net.train(X[:30], y[:30], X[30:], y[30:], engine=engine, callbacks=callbacks, **given)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
        return net, trace, interrupted

    def held(net: Any) -> bytes:
        return net.theta.tobytes() + net.statistics.tobytes()

    whole = {held(dr.Network([4, 5, 2], seed=1, **settings).chain)}
    net, trace, _ = run([lambda t: whole.add(held(t.averaged))])
    assert held(net.chain) in whole
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupted = 0
    try:
        for n in range(1, trace.count + 1, 1 if LONG else 3):
            cut, _, heard = run([], n)
            interrupted += heard
            assert held(cut.chain) in whole, n
    finally:
        signal.signal(signal.SIGINT, handler)
    assert interrupted > 20


def test_nothing_is_told_of_what_began_in_a_thread(tmp_path: Path) -> None:
    """A run in another thread than the main one sets no handler, and is not ended by a signal."""
    import threading

    def work() -> None:
        found: list[Any] = []
        given = recipe(epochs=40, patience=None, checkpoint_every="1 epoch")
        worker = threading.Thread(
            target=lambda: found.append(train_run(given, tmp_path / "run", progress=False))
        )
        heard: list[int] = []
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: heard.append(number))
        handlers = [signal.getsignal(n) for n in SIGNALS]
        worker.start()
        while not (tmp_path / "run" / "checkpoints").exists():
            time.sleep(0.001)
        assert [signal.getsignal(n) for n in SIGNALS] == handlers
        os.kill(os.getpid(), signal.SIGTERM)
        worker.join()
        assert heard == [signal.SIGTERM]
        assert found[0].facts["epochs"] == 40

    assert in_child(work) == 0
