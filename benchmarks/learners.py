"""Who learns the small network of a recipe: rows, labels, recipe, seed → (W, b) of each layer.

Adam with the recipe's rate falling linearly to zero, but for scikit-learn, which knows no schedule
for Adam: it takes half the rate throughout.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
from recipe import Recipe
from workloads import Array

Layers = list[tuple[Array, Array]]
Learner = Callable[[Array, Array, Recipe, int], Layers]


def deltarule(Z: Array, y: Array, recipe: Recipe, seed: int, **options: str) -> Layers:
    """`Network.train`."""
    import deltarule as dr

    net = dr.Network(recipe.sizes, seed=seed, schedule="linear", scaling="none")
    training = {"epochs": recipe.epochs, "batch_size": recipe.batch, "lr": recipe.lr}
    net.train(Z, y, **training, progress=False, **options)
    p = net.parameters
    return [(p[f"dense{n}.W"], p[f"dense{n}.b"]) for n in range(1, len(recipe.sizes))]


def bf16(Z: Array, y: Array, recipe: Recipe, seed: int) -> Layers:
    """The same with products in bf16."""
    return deltarule(Z, y, recipe, seed, engine="fast", precision="bf16")


def reference(Z: Array, y: Array, recipe: Recipe, seed: int) -> Layers:
    """The same in NumPy."""
    return deltarule(Z, y, recipe, seed, engine="reference")


def pytorch(Z: Array, y: Array, recipe: Recipe, seed: int) -> Layers:
    """Fused Adam, step by step."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for i, o in pairwise(recipe.sizes):
        linear = torch.nn.Linear(i, o)
        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    X, t = torch.from_numpy(Z), torch.from_numpy(y)
    rule = torch.optim.Adam(net.parameters(), lr=recipe.lr, fused=True)
    total, done = recipe.epochs * -(-len(X) // recipe.batch), 0
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(X)).split(recipe.batch):
            rule.param_groups[0]["lr"] = recipe.lr * (1 - done / total)
            rule.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(net(X[rows]), t[rows]).backward()
            rule.step()
            done += 1
    return [(m.weight.detach().numpy().T, m.bias.detach().numpy()) for m in net[::2]]


@cache
def _jax_epochs(recipe: Recipe):
    """The jitted training of a recipe: compiled once, at the first seed."""
    import jax
    import jax.numpy as jnp
    import optax

    total = recipe.epochs * (recipe.rows // recipe.batch)
    rule = optax.adam(optax.linear_schedule(recipe.lr, 0.0, total))

    def loss(params, x, t):
        for W, b in params[:-1]:
            x = jax.nn.relu(x @ W + b)
        W, b = params[-1]
        return optax.softmax_cross_entropy_with_integer_labels(x @ W + b, t).mean()

    @jax.jit
    def train(params, batches, X, y):
        def step(carry, rows):
            params, state = carry
            updates, state = rule.update(jax.grad(loss)(params, X[rows], y[rows]), state)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, rule.init(params)), batches)[0][0]

    return lambda params, batches, X, y: jax.block_until_ready(
        train(params, batches, jnp.asarray(X), jnp.asarray(y))
    )


def jax(Z: Array, y: Array, recipe: Recipe, seed: int) -> Layers:
    """One call scans over all steps of whole batches; it is compiled at the first seed."""
    random = np.random.default_rng(seed)
    params = [
        (random.standard_normal((i, o), np.float32) * np.float32((2 / i) ** 0.5), np.zeros(o, "f"))
        for i, o in pairwise(recipe.sizes)
    ]
    whole = len(Z) // recipe.batch * recipe.batch
    orders = [random.permutation(len(Z))[:whole] for _ in range(recipe.epochs)]
    batches = np.concatenate(orders).astype(np.int32).reshape(-1, recipe.batch)
    return [(np.asarray(W), np.asarray(b)) for W, b in _jax_epochs(recipe)(params, batches, Z, y)]


def scikit_learn(Z: Array, y: Array, recipe: Recipe, seed: int) -> Layers:
    """MLPClassifier at half the rate."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    model = MLPClassifier(
        recipe.sizes[1:-1],
        batch_size=recipe.batch,
        learning_rate_init=recipe.lr / 2,
        max_iter=recipe.epochs,
        alpha=0.0,
        random_state=seed,
    ).fit(Z, y)
    return list(zip(model.coefs_, model.intercepts_, strict=True))


LEARNERS: dict[str, tuple[Learner, str]] = {
    "deltarule": (deltarule, "deltarule"),
    "deltarule, bf16": (bf16, "deltarule"),
    "deltarule, reference": (reference, "deltarule"),
    "PyTorch": (pytorch, "torch"),
    "JAX": (jax, "optax"),
    "scikit-learn": (scikit_learn, "sklearn"),
}
