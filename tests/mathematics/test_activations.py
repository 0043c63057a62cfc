"""What each activation is, beyond the laws that all of them keep (tests/laws)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deltarule.mathematics import activations

# From 50-digit arithmetic (mpmath): (x, f(x), f′(x)).
EXACT = {
    "gelu": [
        (-37.5, -1.7270073785932332e-306, -6.476271143055812e-305),
        (-36.5, -2.0238248852723182e-290, -7.386952538459799e-289),
        (-30.0, -1.472014178144456e-196, -4.416031690708495e-195),
        (-5.0, -1.4332578593959695e-06, -7.146946001792295e-06),
        (-0.5, -0.15426876936299344, 0.13250487534383715),
        (-1e-08, -4.999999960105772e-09, 0.4999999920211544),
        (1e-08, 5.000000039894228e-09, 0.5000000079788456),
        (0.5, 0.34573123063700656, 0.8674951246561629),
        (5.0, 4.999998566742141, 1.000007146946002),
        (30.0, 30.0, 1.0),
    ],
    "silu": [
        (-700.0, -6.90177358063184e-302, -6.891913904088079e-302),
        (-36.5, -5.135045250428435e-15, -4.9943590791838196e-15),
        (-30.0, -2.8072868906517896e-12, -2.713710660963134e-12),
        (-5.0, -0.03346425462142428, -0.02654743242966592),
        (-0.5, -0.18877033439907273, 0.2600388126973482),
        (-1e-08, -4.9999999750000005e-09, 0.499999995),
        (1e-08, 5.000000025e-09, 0.500000005),
        (0.5, 0.3112296656009273, 0.7399611873026518),
        (5.0, 4.966535745378576, 1.026547432429666),
        (30.0, 29.999999999997193, 1.0000000000027136),
    ],
    "mish": [
        (-700.0, -6.90177358063184e-302, -6.891913904088079e-302),
        (-36.5, -5.135045250428436e-15, -4.99435907918382e-15),
        (-30.0, -2.807286890651921e-12, -2.713710660963392e-12),
        (-5.0, -0.033576237730161704, -0.026747498019901932),
        (-0.5, -0.22074377465173, 0.2895106779135122),
        (-1e-08, -5.999999968e-09, 0.5999999936),
        (1e-08, 6.000000032e-09, 0.6000000064),
        (0.5, 0.37524521130489513, 0.8864243753577272),
        (5.0, 4.999552077529406, 1.0008002248320826),
        (30.0, 30.0, 1.0),
    ],
    "softplus": [
        (-700.0, 9.85967654375977e-305, 9.85967654375977e-305),
        (-36.5, 1.4068617124461467e-16, 1.4068617124461467e-16),
        (-30.0, 9.357622968839737e-14, 9.357622968839299e-14),
        (-5.0, 0.006715348489118068, 0.0066928509242848554),
        (-0.5, 0.4740769841801067, 0.37754066879814546),
        (-1e-08, 0.6931471755599453, 0.4999999975),
        (1e-08, 0.6931471855599454, 0.5000000025),
        (0.5, 0.9740769841801067, 0.6224593312018546),
        (5.0, 5.006715348489118, 0.9933071490757152),
        (30.0, 30.000000000000092, 0.9999999999999064),
    ],
    "sigmoid": [
        (-700.0, 9.85967654375977e-305, 9.85967654375977e-305),
        (-36.5, 1.4068617124461467e-16, 1.4068617124461464e-16),
        (-30.0, 9.357622968839299e-14, 9.357622968838423e-14),
        (-5.0, 0.0066928509242848554, 0.006648056670790155),
        (-0.5, 0.37754066879814546, 0.2350037122015945),
        (-1e-08, 0.4999999975, 0.25),
        (1e-08, 0.5000000025, 0.25),
        (0.5, 0.6224593312018546, 0.2350037122015945),
        (5.0, 0.9933071490757152, 0.006648056670790155),
        (30.0, 0.9999999999999064, 9.357622968838423e-14),
    ],
    "tanh": [
        (-700.0, -1.0, 0.0),
        (-36.5, -1.0, 7.917039511787618e-32),
        (-30.0, -1.0, 3.502604305078608e-26),
        (-5.0, -0.9999092042625951, 0.0001815832309438067),
        (-0.5, -0.46211715726000974, 0.7864477329659274),
        (-1e-08, -1e-08, 0.9999999999999999),
        (1e-08, 1e-08, 0.9999999999999999),
        (0.5, 0.46211715726000974, 0.7864477329659274),
        (5.0, 0.9999092042625951, 0.0001815832309438067),
        (30.0, 1.0, 3.502604305078608e-26),
    ],
    "elu": [
        (-700.0, -1.0, 9.85967654375977e-305),
        (-36.5, -0.9999999999999999, 1.4068617124461467e-16),
        (-30.0, -0.9999999999999064, 9.357622968840175e-14),
        (-5.0, -0.9932620530009145, 0.006737946999085467),
        (-0.5, -0.3934693402873666, 0.6065306597126334),
        (-1e-08, -9.999999950000001e-09, 0.9999999900000001),
        (1e-08, 1e-08, 1.0),
        (0.5, 0.5, 1.0),
        (5.0, 5.0, 1.0),
        (30.0, 30.0, 1.0),
    ],
    "selu": [
        (-700.0, -1.7580993408473766, 1.7334290832552394e-304),
        (-36.5, -1.7580993408473764, 2.473402649314982e-16),
        (-30.0, -1.758099340847212, 1.6451630773416182e-13),
        (-5.0, -1.74625336066962, 0.01184598017775672),
        (-0.5, -0.6917581878028713, 1.0663411530445053),
        (-1e-08, -1.7580993320568802e-08, 1.7580993232663833),
        (1e-08, 1.0507009873554805e-08, 1.0507009873554805),
        (0.5, 0.5253504936777402, 1.0507009873554805),
        (5.0, 5.253504936777402, 1.0507009873554805),
        (30.0, 31.521029620664414, 1.0507009873554805),
    ],
}


@pytest.mark.parametrize("name", EXACT)
def test_tails_are_exact(name: str) -> None:
    """Far out and near 0 the value is right to its last digits, and the slope likewise."""
    x, y, slope = np.array(EXACT[name]).T
    value, pullback = getattr(activations, name)(x)
    conditioned = 1e-15 + x * x * 3e-16  # where f falls like e^(−x²/2), so much hangs on x
    assert (abs(value - y) <= conditioned * abs(y)).all()
    np.testing.assert_allclose(pullback(np.ones_like(x)), slope, rtol=4e-14, atol=1e-16)


@pytest.mark.parametrize("name", EXACT)
def test_tails_are_exact_in_float32(name: str) -> None:
    """In float32 the value is right to its last digits wherever x is a float32."""
    x, y, _ = np.array([row for row in EXACT[name] if abs(row[1]) > 1e-30]).T
    value, _ = getattr(activations, name)(x.astype(np.float32))
    conditioned = 1e-6 * (1 + abs(x) * (abs(x) + 1))  # x itself is rounded to float32
    assert (abs(value - y) <= conditioned * abs(y)).all()


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("relu", 0.0),
        ("leaky_relu", 0.01),
        ("elu", 1.0),
        ("selu", 1.0507009873554805 * 1.6732632423543772),
    ],
)
def test_subgradient_at_the_kink(name: str, slope: float) -> None:
    """At the kink, and at −0, the slope is the one that the docstring states."""
    function = getattr(activations, name)
    at = function(np.array([0.0, -0.0]))[1](np.ones(2))
    np.testing.assert_allclose(at, slope, rtol=1e-15)


def test_only_functions_with_kinks_declare_them() -> None:
    """The functions with a kink are these, each at 0."""
    kinked = [n for n in activations.__all__ if getattr(activations, n).kinks]
    assert kinked == ["elu", "leaky_relu", "relu", "selu"]
    assert all(getattr(activations, n).kinks == (0.0,) for n in kinked)


def test_selu_keeps_mean_and_variance() -> None:
    """Under selu a standard normal input has an output of mean 0 and variance 1."""
    s, step = np.linspace(-12, 12, 480_001, retstep=True)
    density = np.exp(-s * s / 2) / math.sqrt(2 * math.pi)
    y, _ = activations.selu(s)
    assert abs((y * density).sum() * step) < 1e-9
    assert abs((y * y * density).sum() * step - 1) < 1e-9


def test_options_change_the_negative_side_only() -> None:
    """The slope of leaky_relu and the α of elu are those of the negative side."""
    x = np.array([-2.0, -0.5, 0.5, 2.0])
    leaky, _ = activations.leaky_relu(x, slope=0.3)
    np.testing.assert_allclose(leaky, [-0.6, -0.15, 0.5, 2.0])
    bent, _ = activations.elu(x, alpha=2.0)
    np.testing.assert_allclose(bent[:2], 2 * np.expm1(x[:2]))
    assert np.array_equal(bent[2:], x[2:])


def test_identities_between_functions() -> None:
    """silu = x·σ, softplus′ = σ, tanh x = 2σ(2x) − 1, σ(x) + σ(−x) = 1, leaky of slope 0 = relu."""
    x = np.linspace(-20, 20, 401)
    sigmoid = activations.sigmoid(x)[0]
    np.testing.assert_allclose(activations.silu(x)[0], x * sigmoid, rtol=1e-15)
    np.testing.assert_allclose(activations.softplus(x)[1](np.ones_like(x)), sigmoid, rtol=1e-15)
    twice = 2 * activations.sigmoid(2 * x)[0] - 1
    np.testing.assert_allclose(activations.tanh(x)[0], twice, atol=1e-15)
    np.testing.assert_allclose(sigmoid + activations.sigmoid(-x)[0], 1.0, rtol=1e-15)
    assert np.array_equal(activations.leaky_relu(x, slope=0.0)[0], activations.relu(x)[0])
