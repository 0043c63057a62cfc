"""What each initializer draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deltarule.ground.randomness import derive
from deltarule.mathematics import activations, initializers

GOLDEN = {
    "he": [0.6032345864780806, -1.2419200983604406, -0.11379839862079143],
    "glorot": [0.21558579804829228, 0.8423722660627893, 0.061108491819257496],
    "lecun": [0.42655126674491356, -0.8781701232425316, -0.08046761935293147],
    "orthogonal": [0.4216381080357985, -0.39685924320678917, -0.036881068137836745],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_weights_are_pinned(name: str) -> None:
    """The first weights of a seed never change."""
    w = getattr(initializers, name)(derive(1, "weights", 0), 4, 3)
    np.testing.assert_allclose(w[0], GOLDEN[name], rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "variance", "excess"),
    [("he", 2 / 400, 0.0), ("lecun", 1 / 400, 0.0), ("glorot", 2 / (400 + 300), -1.2)],
)
def test_variance_and_shape(name: str, variance: float, excess: float) -> None:
    """The variance is the one stated; he and lecun are normal, glorot is uniform."""
    w = getattr(initializers, name)(5, 400, 300)
    n = w.size
    assert w.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / n))
    kurtosis = (w**4).mean() / w.var() ** 2 - 3
    assert abs(kurtosis - excess) < 4 * math.sqrt(24 / n)


def test_glorot_is_bounded() -> None:
    """glorot stays within ±√(6/(n_in + n_out)) and fills the interval."""
    bound = math.sqrt(6 / 50)
    w = initializers.glorot(0, 20, 30)
    assert abs(w).max() <= bound
    assert abs(w).max() > 0.99 * bound
    assert w.min() < -0.98 * bound


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (1, 3), (3, 1)])
def test_orthogonal_keeps_lengths(shape: tuple[int, int]) -> None:
    """WᵀW = I, or WWᵀ = I where there are more units than inputs."""
    w = initializers.orthogonal(2, *shape)
    gram = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-14)
    assert w.flags.c_contiguous


def test_orthogonal_is_uniform() -> None:
    """Over keys no sign or direction is preferred: the entries of Q have mean 0, variance 1/n."""
    q = np.array([initializers.orthogonal(derive(0, "q", i), 3, 3) for i in range(2000)])
    assert abs(q.mean(axis=0)).max() < 4 / math.sqrt(3 * 2000)
    np.testing.assert_allclose((q**2).mean(axis=0), 1 / 3, atol=4 * 0.3 / math.sqrt(2000))
    assert abs(np.mean(np.linalg.det(q) > 0) - 0.5) < 4 * 0.5 / math.sqrt(2000)


def test_he_keeps_the_signal_through_relus() -> None:
    """Through twenty ReLU layers the mean square of the signal neither fades nor grows."""
    x = np.random.default_rng(0).normal(size=(200, 256))
    before = (x**2).mean()
    for layer in range(20):
        x, _ = activations.relu(x @ initializers.he(derive(4, "weights", layer), 256, 256))
    assert 1 / 3 < (x**2).mean() / (before / 2) < 3


def test_lecun_keeps_the_signal_through_selus() -> None:
    """Through twenty selu layers mean and variance stay near 0 and 1."""
    x = np.random.default_rng(0).normal(size=(200, 256))
    for layer in range(20):
        x, _ = activations.selu(x @ initializers.lecun(derive(4, "weights", layer), 256, 256))
    assert abs(x.mean()) < 0.1
    assert abs(x.var() - 1) < 0.2


def test_zeros_are_zero() -> None:
    """zeros is zero whatever the key."""
    assert not initializers.zeros(9, 3, 2).any()
