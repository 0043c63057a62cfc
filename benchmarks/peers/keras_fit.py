"""Keras 3 on JAX, its fastest backend here: one `fit`, several steps for each call."""

from __future__ import annotations

from collections.abc import Callable

import keras
from workloads import Workload


def train(work: Workload, tick: Callable[[], None]) -> None:
    """Epochs for ever; `tick` ends each."""
    keras.utils.set_random_seed(0)
    X, y = work.scaled_rows()
    regression = work.task == "regression"
    hidden = [keras.layers.Dense(size, "relu") for size in work.sizes[1:-1]]
    net = keras.Sequential(
        [keras.Input(work.sizes[:1]), *hidden, keras.layers.Dense(work.sizes[-1])]
    )
    net.compile(
        keras.optimizers.AdamW(work.lr, weight_decay=work.weight_decay),
        "mse" if regression else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=16,
    )

    class Ticks(keras.callbacks.Callback):
        """Ends each epoch."""

        def on_epoch_end(self, epoch, logs=None):
            """An epoch is over."""
            tick()

    tick()
    net.fit(X, y, batch_size=work.batch, epochs=10**6, verbose=0, callbacks=[Ticks()])
