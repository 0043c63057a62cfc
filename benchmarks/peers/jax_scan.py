"""JAX: one jitted call per epoch that scans over the steps, rows resident, optax.adamw."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
from workloads import Workload


def train(work: Workload, tick: Callable[[], None], variant: str = "tree") -> None:
    """Epochs for ever; `tick` ends each.  Variant "flat" updates all parameters as one vector,
    which pays where they are few.
    """
    X, y = (jnp.asarray(part) for part in work.scaled_rows())
    n, b = len(X), work.batch
    random = np.random.default_rng(0)
    params = [
        (jnp.asarray(random.standard_normal((i, o)) * np.sqrt(2 / i), jnp.float32), jnp.zeros(o))
        for i, o in pairwise(work.sizes)
    ]
    rule = optax.adamw(work.lr, weight_decay=work.weight_decay)
    if variant == "flat":
        rule = optax.flatten(rule)

    def loss(params, x, t):
        for W, bias in params[:-1]:
            x = jax.nn.relu(x @ W + bias)
        W, bias = params[-1]
        z = x @ W + bias
        if work.task == "regression":
            return jnp.mean((z[:, 0] - t) ** 2)
        return optax.softmax_cross_entropy_with_integer_labels(z, t).mean()

    # The rows are arguments: as constants of the jitted function they would be compiled into it.
    @partial(jax.jit, donate_argnums=0)
    def epoch(carry, order, X, y):
        def step(carry, rows):
            params, state = carry
            value, grad = jax.value_and_grad(loss)(params, X[rows], y[rows])
            updates, state = rule.update(grad, state, params)
            return (optax.apply_updates(params, updates), state), value

        whole = n // b * b
        carry, values = jax.lax.scan(step, carry, order[:whole].reshape(-1, b))
        if whole < n:
            carry, last = step(carry, order[whole:])
            values = jnp.append(values, last)
        return carry, values.mean()

    carry = (params, rule.init(params))
    tick()
    while True:
        order = random.permutation(n).astype(np.int32)
        carry, value = epoch(carry, order, X, y)
        jax.block_until_ready((carry, value))
        tick()
