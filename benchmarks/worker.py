"""One contestant in a process of its own, which does what it is told on its standard input.

    python benchmarks/worker.py CONTESTANT WORKLOAD --what train|predict [--data DIR] [--rows FILE]

Each line in is answered by one line of JSON:

    train:    "epochs K" trains K epochs → {"seconds": [...], "cpu": seconds of all threads}
    predict:  "row K" answers K times for one row, "bulk K" K times for many → the same

Other contestants wait meanwhile, blocked on their input, so that all can take turns.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
import warnings

import numpy as np
from contestants import PREDICTORS, TRAINERS, Contestant
from workloads import Workload, named

MANY_ROWS = 10_000


class Enough(Exception):
    """There are no more commands."""


class Line:
    """Commands in and answers out; what a library prints goes to the standard error instead."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def answer(self, **facts: object) -> None:
        """Send one line."""
        print(json.dumps(facts), file=self._out, flush=True)

    def command(self) -> tuple[str, int]:
        """The next word and its number."""
        words = sys.stdin.readline().split()
        if not words:
            raise Enough
        return words[0], int(words[1])


def cpu() -> float:
    """Processor seconds of this process so far, of all its threads."""
    spent = os.times()
    return spent.user + spent.system


class Tick:
    """Called by a trainer when it is ready and after each epoch: keeps the time."""

    def __init__(self, line: Line) -> None:
        self.line, self.left, self.seconds = line, 0, []
        self.ready = False

    def __call__(self) -> None:
        now = time.perf_counter()
        if self.left:
            self.seconds.append(now - self.started)
            self.left -= 1
        if not self.left:
            if self.ready:
                self.line.answer(seconds=self.seconds, cpu=cpu() - self.cpu)
            else:
                self.line.answer(ready=True)
            self.ready = True
            _, self.left = self.line.command()
            self.seconds, self.cpu = [], cpu()
        self.started = time.perf_counter()


def predict(line: Line, contestant: Contestant, work: Workload) -> None:
    """Answer commands with the times of predictions."""
    peer = importlib.import_module(f"peers.{contestant.module}")
    answer, X = peer.predictor(work, **contestant.options)
    many = np.resize(np.arange(len(X)), MANY_ROWS)
    rows = {"row": X[:1], "bulk": X[many]}
    for given in rows.values():
        answer(given)  # whatever is made at the first call
    line.answer(ready=True)
    while True:
        what, times = line.command()
        given, seconds, before = rows[what], [], cpu()
        for _ in range(times):
            start = time.perf_counter()
            answer(given)
            seconds.append(time.perf_counter() - start)
        line.answer(seconds=seconds, cpu=cpu() - before)


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contestant")
    parser.add_argument("workload")
    parser.add_argument("--what", choices=("train", "predict"), default="train")
    parser.add_argument("--data", default="")
    parser.add_argument("--rows", default="", help="a file with the standardised rows")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    line, work = Line(), named(args.workload, args.data, args.rows)
    try:
        if args.what == "predict":
            predict(line, PREDICTORS[args.contestant], work)
        else:
            contestant = TRAINERS[args.contestant]
            peer = importlib.import_module(f"peers.{contestant.module}")
            peer.train(work, Tick(line), **contestant.options)
    except Enough:
        pass


if __name__ == "__main__":
    main()
