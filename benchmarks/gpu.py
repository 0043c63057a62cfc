"""Step times on a GPU, beside plain PyTorch, and seconds to an accuracy there.

    python benchmarks/gpu.py [--device cuda] [--data DIR] [--out DIR] [--quick]

Everybody holds the same rows of bytes on the device, gathers and standardises batches there, and
takes epochs of whole batches with Adam and decoupled decay.  Ours are `TorchSteps`, whose step is
replayed from a CUDA graph; the peers are PyTorch's modules with fused AdamW: eager, with the loss
compiled, and recorded by hand as a CUDA graph.  Time is that of CUDA events around an epoch,
divided by its steps; the median of several epochs after two that do not count.

Prints a page that begins with the device's name; with --out writes gpu.json and gpu.md.  On a CPU
(--device cpu) it shows no more than that everything runs.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from learners import LEARNERS, deltarule
from recipe import RECIPES
from speedrun import TRAIN, facts, once
from tables import markdown

import deltarule as dr
from deltarule.data.batches import Rows
from deltarule.data.scaling import learn_scaling
from deltarule.ground.devices import find_device, full_name, on_device, torch
from deltarule.learning.plan import Plan
from deltarule.learning.torch_steps import TorchSteps
from deltarule.machine.optimizer import Optimizer

NETWORKS = {"cifar10": [3072, 100, 100, 50, 10], "mnist": [784, 256, 128, 10]}
BATCHES = (64, 512, 4096)
LR, DECAY = 1e-3, 0.01
Epoch = Callable[[], object]


def made_rows(features: int, n: int) -> Rows:
    """Bytes at random: their values make no difference to the time."""
    rng = np.random.default_rng(0)
    X = rng.integers(256, size=(n, features), dtype=np.uint8)
    return Rows(X, rng.integers(10, size=n), learn_scaling("feature", X), np.dtype(np.float32))


def ours(sizes: list[int], batch: int, rows: Rows, device: Any, **how: Any) -> Epoch:
    """One epoch after another by `TorchSteps`."""
    recorded = how.pop("recorded", True)
    net = dr.Network(sizes)
    matrices = net.chain.layout.matrices
    optimizer = Optimizer(
        dr.optimizers.adam, net.chain.theta, lr=LR, total=1, weight_decay=DECAY, matrices=matrices
    )
    plan = Plan(1, batch, 0, device=str(device), **how)
    steps = TorchSteps(net.chain, net.objective, optimizer, rows, net.chain, plan)
    steps._records &= recorded
    order, t = np.random.default_rng(0).permutation(len(rows)), 1

    def epoch() -> None:
        nonlocal t
        steps.load()
        left = order
        while len(left):
            taken = len(steps.advance(left, t))
            left, t = left[taken * batch :], t + taken
        if steps.notes:
            raise RuntimeError(steps.notes[0])

    return epoch


def peer(kind: str, sizes: list[int], batch: int, rows: Rows, device: Any) -> Epoch:
    """One epoch after another by PyTorch's modules: "eager", "compiled" or "graph"."""
    xp = torch()
    X, y = (xp.from_numpy(part).to(device) for part in (rows.X, rows.y))
    shift, factor = (
        xp.from_numpy(v.astype(np.float32)).to(device)
        for v in (rows.scaling.shift, rows.scaling.factor)
    )
    layers: list[Any] = []
    for i, o in pairwise(sizes):
        layers += [xp.nn.Linear(i, o), xp.nn.ReLU()]
    net = xp.nn.Sequential(*layers[:-1]).to(device)
    fused = {"fused": True, "capturable": True} if device.type == "cuda" else {}
    rule = xp.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY, **fused)

    def value(index: Any) -> Any:
        x = (X[index].float() - shift) * factor
        return xp.nn.functional.cross_entropy(net(x), y[index])

    if kind == "compiled":
        value = xp.compile(value, dynamic=False)
    total = xp.zeros((), device=device)

    def step(index: Any) -> None:
        rule.zero_grad(set_to_none=True)
        loss = value(index)
        loss.backward()
        rule.step()
        total.add_(loss.detach())

    if kind == "graph":
        step = recorded(step, batch, device)

    def epoch() -> None:
        for index in xp.randperm(len(X), device=device).split(batch):
            step(index)

    return epoch


def recorded(step: Callable[[Any], None], batch: int, device: Any) -> Callable[[Any], None]:
    """A step as a CUDA graph, as PyTorch's notes on CUDA graphs have it."""
    cuda = torch().cuda
    static = torch().zeros(batch, dtype=torch().int64, device=device)
    side = cuda.Stream()
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        for _ in range(3):
            step(static)
    cuda.current_stream().wait_stream(side)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        step(static)

    def replay(index: Any) -> None:
        static.copy_(index)
        graph.replay()

    return replay


def seconds_of(epoch: Epoch, device: Any) -> float:
    """Of one epoch, by CUDA events where there are some."""
    if device.type != "cuda":
        start = time.perf_counter()
        epoch()
        return time.perf_counter() - start
    cuda = torch().cuda
    start, end = (cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    epoch()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def contestants(device: Any) -> dict[str, Callable[..., Epoch]]:
    """Who runs on a device; what needs CUDA only there."""
    found: dict[str, Callable[..., Epoch]] = {
        "deltarule": ours,
        "deltarule, bf16": functools.partial(ours, precision="bf16"),
        "PyTorch": functools.partial(peer, "eager"),
    }
    if device.type == "cuda":
        found |= {
            "deltarule, not recorded": functools.partial(ours, recorded=False),
            "PyTorch, compiled": functools.partial(peer, "compiled"),
            "PyTorch, recorded by hand": functools.partial(peer, "graph"),
        }
    return found


def step_times(device: Any, batches: tuple[int, ...], n: int, epochs: int) -> dict[str, Any]:
    """Seconds of a step of everybody, for every network and batch."""
    found: dict[str, Any] = {}
    for name, sizes in NETWORKS.items():
        rows = made_rows(sizes[0], n)
        for batch in batches:
            times = {}
            for who, make in contestants(device).items():
                with on_device(device):
                    epoch = make(sizes, batch, rows, device)
                    each = [seconds_of(epoch, device) for _ in range(epochs + 2)][2:]
                times[who] = statistics.median(each) / (n // batch)
            found[f"{name}, batch {batch}"] = times
    return found


def marks(device: Any, data: str, seeds: int) -> list[dict[str, Any]]:
    """Seconds to 42 % and to 50 % on CIFAR-10, as `speedrun` has it, learning on the device."""
    images = dr.load_data("cifar10", data_dir=data or None)
    X, y = images.X, images.y.astype("int64")
    rows = X[:TRAIN], y[:TRAIN], X[TRAIN:50_000], y[TRAIN:50_000]
    LEARNERS["on the device"] = functools.partial(deltarule, device=str(device)), "torch"
    found = []
    for recipe in RECIPES:
        runs = [once("on the device", recipe, rows, seed) for seed in range(seeds)]
        found.append({"mark": recipe.accuracy, "recipe": recipe.named(), **facts(recipe, runs)})
    return found


def told(result: dict[str, Any]) -> str:
    """The page."""
    names = list(next(iter(result["steps"].values())))
    lines = [
        [what, *(f"{1e6 * times[name]:,.0f}" for name in names)]
        for what, times in result["steps"].items()
    ]
    parts = [
        f"{result['device']}; PyTorch {result['torch']}; deltarule {result['deltarule']}.",
        markdown(["µs for a step", *names], lines),
    ]
    parts += [
        f"{100 * one['mark']:.0f} % on CIFAR-10: {one['seconds']:.3f} s, "
        f"{100 * one['accuracy']:.2f} ± {100 * one['standard_error']:.2f} % "
        f"(first run {one['first']:.2f} s); {one['recipe']}."
        for one in result["marks"]
    ]
    return "\n\n".join([*parts, *result["notes"]])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", default="", metavar="DIR", help="holds CIFAR-10")
    parser.add_argument("--out", type=Path, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="small: whether everything runs")
    args = parser.parse_args()
    try:
        device = find_device(args.device)
    except dr.DeltaruleError as error:
        raise SystemExit(f"There is nothing to measure: {error}") from None
    from importlib.metadata import version

    batches, n, epochs = ((64,), 128, 1) if args.quick else (BATCHES, 11 * 4096, 7)
    result: dict[str, Any] = {
        "device": full_name(device),
        "torch": version("torch"),
        "deltarule": dr.__version__,
        "steps": step_times(device, batches, n, epochs),
        "marks": [],
        "notes": [],
    }
    if not args.quick:
        try:
            result["marks"] = marks(device, args.data, args.seeds)
        except dr.NotAvailable as error:
            result["notes"] = [f"No accuracy was measured: {error}"]
    page = told(result)
    print(page)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        (args.out / "gpu.json").write_text(text, encoding="utf-8")
        (args.out / "gpu.md").write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
