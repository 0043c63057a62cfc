"""skorch around the same PyTorch module; whole batches are taken from resident tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from skorch import NeuralNet
from workloads import Workload

from .torch_steps import module, resident


class Resident(torch.utils.data.Dataset):
    """Rows that give whole batches, or the loader would stack them one by one."""

    def __init__(self, X, y=None):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitems__(self, index):
        index = torch.as_tensor(index)
        return self.X[index], self.y[index]


def train(work: Workload, tick: Callable[[], None]) -> None:
    """Epochs for ever; `tick` ends each."""
    X, y = resident(work)
    regression = work.task == "regression"
    net = NeuralNet(
        module(work),
        criterion=torch.nn.MSELoss if regression else torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=work.weight_decay,
        lr=work.lr,
        batch_size=work.batch,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        iterator_train__collate_fn=lambda batch: batch,
        verbose=0,
    )
    net.initialize()
    rows = Resident(X, y)
    tick()
    while True:
        net.partial_fit(rows, None)
        tick()
