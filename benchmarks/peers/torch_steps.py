"""PyTorch: fused AdamW on resident rows, step by step; the loss eager or compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

import torch
from workloads import Array, Workload


def module(work: Workload) -> torch.nn.Module:
    """The dense chain."""
    layers: list[torch.nn.Module] = []
    for i, o in pairwise(work.sizes):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def resident(work: Workload) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised rows and targets; also sets the threads and the seed."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    X, y = (torch.from_numpy(part) for part in work.scaled_rows())
    return X, y[:, None] if work.task == "regression" else y


def train(work: Workload, tick: Callable[[], None], variant: str = "eager") -> None:
    """Epochs for ever; `tick` ends each."""
    X, y = resident(work)
    net = module(work)
    rule = torch.optim.AdamW(
        net.parameters(), lr=work.lr, weight_decay=work.weight_decay, fused=True
    )
    functions = torch.nn.functional
    criterion = functions.mse_loss if work.task == "regression" else functions.cross_entropy

    def value(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return criterion(net(x), t)

    if variant == "compiled":
        # Of what torch.compile offers, this was the fastest here: the optimizer left alone, for
        # it is fused already, and the compiled code called from C++.
        import torch._inductor.config as inductor

        inductor.cpp_wrapper = True
        value = torch.compile(value, dynamic=False)
    tick()
    while True:
        total = torch.zeros(())
        for rows in torch.randperm(len(X)).split(work.batch):
            rule.zero_grad(set_to_none=True)
            loss = value(X[rows], y[rows])
            loss.backward()
            rule.step()
            total += loss.detach()
        total.item()
        tick()


def predictor(work: Workload) -> tuple[Callable[[torch.Tensor], Array], torch.Tensor]:
    """X → probabilities, and standardised rows."""
    X, _ = resident(work)
    net = module(work).eval()

    @torch.inference_mode()
    def answer(x: torch.Tensor) -> Array:
        return torch.softmax(net(x), 1)

    return answer, X
