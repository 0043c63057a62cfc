"""Several workers as torchrun starts them: the same bits, killed, stopped and started again."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr
from deltarule.distributed.launch import Launch
from deltarule.distributed.workers import Workers
from deltarule.runs.recipes import find_recipe, recipe_from
from deltarule.runs.running import train_run

pytest.importorskip("torch", reason="needs the optional package torch")

LONG = os.environ.get("DELTARULE_LONG") == "1"
TRAIN = ("train", "digits", "--seed", "3", "--epochs", "12", "--checkpoint-every", "20 steps")


def torchrun(workers: int, *words: str, restarts: int = 0) -> subprocess.Popen[str]:
    """`torchrun -m deltarule WORDS`, under way; each group has a port of its own."""
    start = [sys.executable, "-m", "torch.distributed.run", "--rdzv-backend=c10d"]
    start += ["--rdzv-endpoint=localhost:0", f"--nproc-per-node={workers}"]
    return subprocess.Popen(
        [*start, f"--max-restarts={restarts}", "-m", "deltarule", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Its exit code, the JSON on its last line, and what it said."""
    try:
        out, said = process.communicate(timeout=180)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    lines = out.splitlines()
    return process.returncode, json.loads(lines[-1]) if lines else {}, said


def own_words(said: str) -> list[str]:
    """What deltarule said, without torchrun's own."""
    return [line for line in said.splitlines() if line.startswith("deltarule: ")]


def until(process: subprocess.Popen[str], sign: Callable[[], bool]) -> None:
    """Wait for a sign of life."""
    end = time.monotonic() + 120
    while not sign():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.01)


def has_epoch(run: Path, epoch: int) -> Callable[[], bool]:
    """Whether a run has come so far."""

    def look() -> bool:
        path = run / "metrics.jsonl"
        return path.exists() and path.read_text().count("\n") >= epoch

    return look


def worker_of(process: subprocess.Popen[str], rank: int) -> int:
    """The process of one worker."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        given = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if f"RANK={rank}".encode() in given:
            return int(child)
    raise AssertionError(f"no worker {rank}")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a single worker comes to."""
    out = tmp_path_factory.mktemp("alone") / "run"
    code, facts, said = ended(torchrun(1, *TRAIN, "--out", str(out), "--json"))
    assert code == 0, said
    assert facts["engine"] == "workers"
    return facts


def bits(facts: dict[str, Any]) -> tuple[Any, ...]:
    """What must not depend on who trained."""
    return facts["weights_sha256"], facts["val_loss"], facts["train_loss"], facts["best_epoch"]


@pytest.mark.parametrize("workers", [2, 4] if LONG else [2])
def test_the_same_bits(tmp_path: Path, alone: dict[str, Any], workers: int) -> None:
    """2 and 4 processes end in the bits of one; only one of them prints, and writes."""
    out = tmp_path / "run"
    code, facts, said = ended(torchrun(workers, *TRAIN, "--out", str(out), "--json"))
    assert code == 0, said
    assert bits(facts) == bits(alone)
    assert said.count(" 1/12 ") == said.count("By forecast") == 1
    assert "More workers do not pay here" in said
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 12


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to find a worker")
@pytest.mark.parametrize("rank", [0, 1] if LONG else [1])
def test_a_killed_worker(tmp_path: Path, alone: dict[str, Any], rank: int) -> None:
    """kill -9 of one of two; torchrun starts them again, and they end in the same bits."""
    out = tmp_path / "run"
    words = (*TRAIN, "--out", str(out), "--json")
    process = torchrun(2, *words, restarts=1)
    until(process, has_epoch(out, 4))
    os.kill(worker_of(process, rank), signal.SIGKILL)
    code, facts, said = ended(process)
    assert code == 0, said
    assert bits(facts) == bits(alone)
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT] if LONG else [signal.SIGTERM])
def test_stopped_and_resumed(tmp_path: Path, alone: dict[str, Any], number: int) -> None:
    """A signal to torchrun, or Ctrl-C to all, ends the workers after a step; others go on."""
    out = tmp_path / "run"
    long = [*TRAIN, "--out", str(out)]
    process = torchrun(2, *long)
    until(process, has_epoch(out, 2))
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal sends it
    else:
        os.kill(process.pid, number)
    code, _, said = ended(process)
    assert code != 0
    (sentence,) = own_words(said)
    assert f"Go on with: deltarule resume {out}" in sentence
    code, facts, said = ended(torchrun(4 if LONG else 1, "resume", str(out), "--json"))
    assert code == 0, said
    assert bits(facts) == bits(alone)


def test_on_a_device(tmp_path: Path) -> None:
    """Two workers on tensors train as one process does, to rounding."""
    words = (*TRAIN[:4], "--epochs", "3", "--device", "cpu", "--dtype", "float64", "--json")
    code, facts, said = ended(torchrun(2, *words, "--out", str(tmp_path / "run")))
    assert code == 0, said
    assert facts["engine"] == "torch"
    recipe = recipe_from(find_recipe("default"), {"data": "digits", "seed": 3, "epochs": 3})
    recipe = dataclasses.replace(recipe, device="cpu", dtype="float64")
    plain = train_run(recipe, tmp_path / "plain", progress=False).facts
    assert facts["val_loss"] == pytest.approx(plain["val_loss"], rel=1e-9)


@pytest.mark.skipif(not LONG, reason="is in the long form")
def test_what_one_cannot_begin(tmp_path: Path) -> None:
    """Mistakes are told once, in one sentence, and all workers end."""
    out = tmp_path / "run"
    code, _, said = ended(torchrun(2, "train", "digits", "--batch-size", "1", "--out", str(out)))
    assert code != 0
    (sentence,) = own_words(said)
    assert "A batch of 1 rows is too small for 2 workers" in sentence
    assert not out.exists()


def test_no_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several workers are told their folder, for those who are started again to find it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dr.InvalidInput, match="say --out DIR"):
        train_run(recipe_from(find_recipe("default"), {}), workers=Workers(Launch(0, 1)))
    assert not os.listdir(tmp_path)
