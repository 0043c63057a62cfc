"""One forward and backward pass: every intermediate against PyTorch's automatic derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr

RNG = np.random.default_rng(3)
N, SIZES = 9, [5, 7, 6, 4]
X = RNG.normal(size=(N, 5))
LABELS = RNG.integers(0, 4, N)
TARGETS = RNG.normal(size=(N, 4))
COUNTS = RNG.poisson(2.0, size=(N, 4)).astype(float)
WEIGHT = RNG.uniform(0.2, 2.0, N)
FLAGS = RNG.integers(0, 2, (N, 4)).astype(float)
Y: dict[str, np.ndarray] = {
    "cross_entropy": LABELS,
    "binary_cross_entropy": FLAGS,
    "poisson": COUNTS,
}
CASES: list[dict[str, Any]] = [
    {"activation": "relu"},
    {"activation": "tanh", "weight": WEIGHT},
    {"activation": "gelu", "normalization": "layer"},
    {"activation": "silu", "normalization": "batch", "step": 1},
    {"activation": "relu", "normalization": "batch"},
    {"activation": "elu", "l2": 0.3, "weight": WEIGHT},
    {"activation": "mish", "loss": "binary_cross_entropy"},
    {"activation": "softplus", "loss": "squared_error", "weight": WEIGHT},
    {"activation": "selu", "loss": "absolute_error"},
    {"activation": "leaky_relu", "loss": "huber"},
    {"activation": "sigmoid", "loss": "poisson"},
    {"activation": "identity", "loss": {"name": "cross_entropy", "label_smoothing": 0.2}},
    {"activation": "relu", "dropout": 0.4, "step": 3},
]


def made(case: dict[str, Any]) -> dr.Network:
    """The network of a case, with biases and statistics that are not zero."""
    options = {k: v for k, v in case.items() if k not in ("weight", "step")}
    net = dr.Network(SIZES, dtype="float64", standardize_targets=False, **options)
    net.chain.theta += 0.1 * RNG.normal(size=net.n_parameters)
    net.chain.statistics += abs(RNG.normal(size=len(net.chain.statistics)))
    return net


def torch_value(
    torch: Any, layer: str, x: Any, p: dict[str, Any], net: dr.Network, step: Any
) -> Any:
    """One layer, written with PyTorch's own functions."""
    f = torch.nn.functional
    kind = layer.rstrip("0123456789")
    if kind == "dense":
        return x @ p[f"{layer}.W"] + p.get(f"{layer}.b", 0.0)
    if kind == "layernorm":
        return f.layer_norm(x, x.shape[1:], p[f"{layer}.scale"], p[f"{layer}.shift"])
    if kind == "batchnorm":
        views = net.chain.statistics_layout.views(net.chain.statistics.copy())
        mean, variance = (torch.tensor(views[f"{layer}.{n}"]) for n in ("mean", "variance"))
        training = step is not None
        return f.batch_norm(x, mean, variance, p[f"{layer}.scale"], p[f"{layer}.shift"], training)
    if kind == "dropout":
        index = list(net.chain.layers).index(layer)
        noise = net.batch(X, Y.get(net.settings.loss.name, TARGETS), step=step).noise
        assert noise is not None
        rate = net.settings.dropout[0]
        keep = noise.of_layer(index).keep(tuple(x.shape), rate, like=np.zeros(1))
        return x * torch.tensor(keep) / (1.0 - rate)
    return {"identity": lambda t: t}.get(kind, getattr(f, kind, None))(x)


def torch_loss(torch: Any, net: dr.Network, y: Any, z: Any, weight: Any) -> Any:
    """The weighted mean loss, written with PyTorch's own functions."""
    f = torch.nn.functional
    name = net.settings.loss.name
    own = {
        "cross_entropy": lambda: f.cross_entropy(
            z,
            y,
            reduction="none",
            label_smoothing=net.settings.loss.options.get("label_smoothing", 0),
        ),
        "binary_cross_entropy": lambda: f.binary_cross_entropy_with_logits(z, y, reduction="none"),
        "squared_error": lambda: f.mse_loss(z, y, reduction="none"),
        "absolute_error": lambda: f.l1_loss(z, y, reduction="none"),
        "huber": lambda: f.huber_loss(z, y, reduction="none"),
        "poisson": lambda: f.poisson_nll_loss(z, y, log_input=True, reduction="none"),
    }[name]()
    each = own if own.ndim == 1 else own.mean(1)
    return (each * weight).sum() / weight.sum()


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c.values()))[:50])
def test_against_torch(case: dict[str, Any]) -> None:
    """Every value, ∂L/∂value and ∂L/∂θ is PyTorch's, to 1e-12 in float64."""
    torch = pytest.importorskip("torch")
    net, step = made(case), case.get("step")
    y = Y.get(net.settings.loss.name, TARGETS)
    weight = case.get("weight")
    ours = net.backward(X, y, weight, step=step)

    p = {name: torch.tensor(w.copy(), requires_grad=True) for name, w in net.parameters.items()}
    x = torch.tensor(X, requires_grad=True)
    values = {"input": x}
    for layer in net.chain.layers:
        x = torch_value(torch, layer, x, p, net, step)
        x.retain_grad()
        values[layer] = x
    w = torch.ones(N, dtype=torch.float64) if weight is None else torch.tensor(weight)
    loss = torch_loss(torch, net, torch.tensor(y), x, w)
    loss = loss + net.settings.l2 / 2 * sum((m * m).sum() for m in p.values() if m.ndim > 1)
    loss.backward()

    assert ours.loss == pytest.approx(loss.item(), rel=1e-12)
    assert ours.values.keys() == ours.incoming.keys() == values.keys()
    for name, value in values.items():
        close(ours.values[name], value.detach().numpy())
        close(ours.incoming[name], value.grad.numpy())
    assert ours.parameters.keys() == p.keys()
    for name, tensor in p.items():
        close(ours.parameters[name], tensor.grad.numpy())


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal to 1e-12 in the 2-norm."""
    assert ours.shape == theirs.shape
    scale = max(float(np.linalg.norm(theirs)), 1e-3)  # a gradient that is zero but for rounding
    assert np.linalg.norm(ours - theirs) <= 1e-12 * scale


def test_pullbacks_by_hand() -> None:
    """The chain rule done by the reader: each pullback carries g one layer down."""
    net = made({"activation": "tanh"})
    links = net.forward(X)
    z = links[-1].value
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    g = (p - np.eye(4)[LABELS]) / N
    by_hand = {}
    below = [X, *(link.value for link in links)]
    for index in range(len(links) - 1, -1, -1):
        name = links[index].name
        if name.startswith("dense"):
            by_hand[f"{name}.W"] = below[index].T @ g
            by_hand[f"{name}.b"] = g.sum(0)
        g = links[index].pullback(g)
    found = net.backward(X, LABELS)
    close(found.incoming["input"], g)
    for name, gradient in by_hand.items():
        close(found.parameters[name], gradient)


def test_nothing_is_updated() -> None:
    """A pass changes neither weights nor statistics, and is the same when repeated."""
    net = made({"activation": "silu", "normalization": "batch", "dropout": 0.3})
    before = net.chain.theta.copy(), net.chain.statistics.copy()
    first, second = (net.backward(X, LABELS, step=4) for _ in range(2))
    np.testing.assert_array_equal(net.chain.theta, before[0])
    np.testing.assert_array_equal(net.chain.statistics, before[1])
    assert first.loss == second.loss
    for name, gradient in first.parameters.items():
        np.testing.assert_array_equal(gradient, second.parameters[name])


def test_steps_differ() -> None:
    """Dropout is a function of the step; without a step there is none."""
    net = made({"activation": "tanh", "dropout": 0.5})
    losses = [net.backward(X, LABELS, step=step).loss for step in (None, 1, 2)]
    assert len(set(losses)) == 3
    assert losses[0] == pytest.approx(net.evaluate(X, LABELS)["loss"], rel=1e-12)


def test_gradients_belong_to_the_caller() -> None:
    """A later pass does not write into the result of an earlier one."""
    net = made({"activation": "tanh"})
    first = net.backward(X, LABELS)
    kept = {name: gradient.copy() for name, gradient in first.parameters.items()}
    net.backward(X[:2], LABELS[:2])
    for name, gradient in kept.items():
        np.testing.assert_array_equal(first.parameters[name], gradient)


def test_no_hidden_layer() -> None:
    """For one layer the gradient is xᵀ(p − q)/n, written out."""
    net = dr.Network([5, 4], dtype="float64")
    found = net.backward(X, LABELS)
    g = (net.predict_proba(X) - np.eye(4)[LABELS]) / N
    close(found.parameters["dense1.W"], X.T @ g)
    close(found.incoming["input"], g @ net.parameters["dense1.W"].T)


def test_a_forward_pass_is_found_by_place_and_by_name() -> None:
    """Links by number, slice and name; a name that is none is told the nearest."""
    passed = made({"activation": "tanh"}).forward(X)
    assert [link.name for link in passed] == ["dense1", "tanh1", "dense2", "tanh2", "dense3"]
    assert passed["tanh2"] is passed[3]
    assert passed[-1] is passed[len(passed) - 1]
    assert [link.name for link in passed[:2]] == ["dense1", "tanh1"]
    with pytest.raises(KeyError, match=r"no layer 'tahn1'.*'tanh1'"):
        passed["tahn1"]


def test_gradients_are_a_mapping_of_the_parameters() -> None:
    """Names, count and arrays are those of `parameters`."""
    found = made({"activation": "tanh"}).backward(X, LABELS)
    assert list(found) == list(found.parameters)
    assert len(found) == 6
    assert found["dense2.W"] is found.parameters["dense2.W"]
    assert dict(found.items()).keys() == found.parameters.keys()
    with pytest.raises(KeyError, match=r"no parameter 'dense1.w'.*'dense1.W'"):
        found["dense1.w"]
    assert "dense1.w" not in found


def test_passes_print_as_tables() -> None:
    """One line for each layer and each parameter, with its shape and its length; no dumps."""
    net = made({"activation": "tanh"})
    forward, backward = repr(net.forward(X)).splitlines(), repr(net.backward(X, LABELS))
    assert len(forward) == 1 + 5
    norm = f"{np.linalg.norm(net.forward(X)['tanh1'].value):.4g}"
    assert forward[2].split()[:4] == ["tanh1", "(9,", "7)", norm]
    lines = [line for line in backward.splitlines() if line]
    assert len(lines) == 1 + (1 + 6) + (1 + 6)
    assert lines[0].startswith("loss ")
    small = next(line for line in lines if line.startswith("dense3.b"))
    shown = [float(number) for number in small.split()[-4:]]
    np.testing.assert_allclose(shown, net.backward(X, LABELS)["dense3.b"], rtol=0.01)
    assert max(map(len, lines)) < 100
    assert repr(net.forward(X)[0]) == "Link('dense1', value (9, 7), pullback)"


def test_names_are_contained() -> None:
    """A layer's name is in what one pass forward computes, as it is found by it."""
    passed = dr.Network([5, 7, 4]).forward(X)
    assert "relu1" in passed
    assert "relu2" not in passed
    assert passed[0] in passed


def test_a_property_that_fails_says_why() -> None:
    """An error within a property of a subclass is not taken for an attribute that is missing."""

    class Own(dr.Network):
        width = property(lambda self: self.chain.thetaa.size)

    with pytest.raises(AttributeError, match="thetaa"):
        _ = Own([2, 3, 2]).width
