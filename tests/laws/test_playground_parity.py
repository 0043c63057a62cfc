"""The playground's script and the library do the same, in float64."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest
from playground_script import SMALL, Ask, agreement, ask, difference, network_of, offered, points_of

import deltarule as dr
from deltarule.data.batches import batch_indices
from deltarule.learning.step import l2, train_step
from deltarule.mathematics import activations
from deltarule.network.construction import build_optimizer

__all__ = ["ask", "offered"]

LONG = os.environ.get("DELTARULE_LONG") == "1"
SETS = ("circles", "xor", "spirals", "blobs", "slope", "hills", "ripples")
DECAYS: list[dict[str, float]] = [{}, {"weightDecay": 0.3}, {"l2": 0.05}]


def followed(net: dr.Network, job: dict[str, Any], found: dict[str, Any], X: Any, y: Any) -> float:
    """How far the library's weights end from the page's, by the same weights and batches."""
    settings = SMALL | job["settings"]
    net.chain.theta[:] = found["initial"]
    optimizer = build_optimizer(net.settings, net.chain, settings["lr"], found["total"])
    penalty = l2(net.settings.l2)
    for t, rows in enumerate(found["rows"], 1):
        batch = net.batch(X[rows], y[rows], step=t)
        value, _ = train_step(
            *(net.chain, net.objective, optimizer, batch, t),
            penalty=penalty,
            clip=settings.get("clip"),
        )
        assert abs(value - found["values"][t - 1]) <= 1e-9 * abs(value)
        assert abs(optimizer.rate(t) - found["rates"][t - 1]) <= 1e-15
    return difference(found["theta"], net.chain.theta)


def test_the_page_offers_what_the_library_has(offered: dict[str, Any]) -> None:
    """Every activation, rule and schedule of the library can be chosen; warm-up is a field."""
    assert set(offered["activations"]) == set(dr.activations.__all__)
    assert {o["rule"] for o in offered["optimizers"].values()} == set(dr.optimizers.__all__)
    assert {*offered["schedules"], "warmup"} == set(dr.schedules.__all__)
    assert {*offered["initializers"], "orthogonal"} == set(dr.initializers.__all__)


@pytest.mark.parametrize(("data", "decays"), [("moons", DECAYS), ("ripples", DECAYS[:1])])
def test_twenty_steps_end_at_the_same_weights(
    data: str, decays: list[dict[str, float]], ask: Ask, offered: dict[str, Any]
) -> None:
    """Every optimizer × schedule × activation × decay offered, to the digits the page names.

    So it is for classes and their cross-entropy, and for numbers and their squared error.  The
    short form takes every seventh, among which every pair of two is.
    """
    X, y = points_of(ask, {"data": data})
    tables = (offered["optimizers"], offered["schedules"], offered["activations"], decays)
    whole = list(itertools.product(*(list(enumerate(table)) for table in tables)))
    assert len(whole) == 7 * 7 * 11 * len(decays)
    taken = [
        [choice for _, choice in choices]
        for choices in whole
        if LONG or sum(number for number, _ in choices) % 7 == 0
    ]
    jobs = [
        {
            "errand": "train",
            "steps": 20,
            "settings": SMALL
            | {"optimizer": optimizer, "schedule": schedule, "activation": activation}
            | {"data": data, **decay},
        }
        for optimizer, schedule, activation, decay in taken
    ]
    worst = 0.0
    for job, found in zip(jobs, ask(jobs), strict=True):
        net = network_of(job["settings"], offered, found["outputs"])
        # The same seed draws the same weights, but for the last bit of a cosine.
        assert difference(found["initial"], net.chain.theta) <= 1e-15
        apart = followed(net, job, found, X, y)
        assert apart <= agreement(), job["settings"]
        assert difference(found["theta"], found["initial"]) > 1e-4
        worst = max(worst, apart)
    assert worst > 0  # two programs, not one


@pytest.mark.parametrize(
    "more",
    [
        *({"initializer": name} for name in ("glorot", "lecun", "zeros")),
        {"warmup": 7, "schedule": "cosine", "end": 0.1},
        {"warmup": 0.25, "schedule": "one_cycle", "peak": 0.5},
        {"schedule": "step", "every": 3, "factor": 0.5},
        {"schedule": "warmup_stable_decay", "warmup": 0.3, "decay": 0.4},
        {"clip": 0.1},
        {"clip": 0.5, "l2": 0.2},
        {"dropout": 0.4},
        {"dropout": 0.25, "activation": "tanh", "weightDecay": 0.1},
        {"optimizer": "momentum", "momentum": 0.5},
        {"optimizer": "nesterov", "momentum": 0.99},
        {"optimizer": "rmsprop", "rho": 0.5},
        {"optimizer": "nadam", "beta1": 0.5, "beta2": 0.9},
        {"optimizer": "lion", "beta1": 0.5, "beta2": 0.6},
        {"hidden": []},
        {"features": ["x1", "x1x2", "sin2"]},
        {"features": ["x2x2"], "hidden": [], "data": "hills"},
        {"hidden": [3, 2, 3, 2, 3, 2]},
        {"batch": 7},
        {"batch": 1000},
        *({"data": name} for name in SETS),
    ],
    ids=str,
)
def test_every_other_setting_is_the_library_s(
    more: dict[str, Any], ask: Ask, offered: dict[str, Any]
) -> None:
    """So it is with every initializer, warm-up, clipping, dropout, shape, batch and data set."""
    X, y = points_of(ask, more)
    job = {"errand": "train", "steps": 20, "settings": SMALL | more}
    (found,) = ask([job])
    net = network_of(job["settings"], offered, found["outputs"])
    assert difference(found["initial"], net.chain.theta) <= 1e-15
    assert followed(net, job, found, X, y) <= agreement()


def test_batches_are_those_of_the_library(ask: Ask) -> None:
    """The page's batches of each epoch are what the seed means to the library."""
    settings = SMALL | {"batch": 12, "seed": 11}
    (found,) = ask([{"errand": "train", "steps": 12, "settings": settings}])
    ours = [rows.tolist() for epoch in (1, 2, 3) for rows in batch_indices(40, 12, 11, epoch)]
    assert found["rows"] == ours


@pytest.mark.parametrize(("data", "score"), [("spirals", "accuracy"), ("hills", "r2")])
def test_a_whole_training_is_that_of_the_library(
    data: str, score: str, ask: Ask, offered: dict[str, Any]
) -> None:
    """`net.train` with the page's settings and points ends at the page's weights and losses."""
    settings = SMALL | {
        "data": data,
        "n": 60,
        "validation": 0.25,
        "epochs": 6,
        "dropout": 0.2,
        "schedule": "cosine",
        "warmup": 5,
        "weightDecay": 0.1,
        "clip": 2.0,
        "l2": 0.001,
        "scaling": "feature",
        "activation": "gelu",
    }
    (found,) = ask([{"errand": "train", "steps": 6 * 6, "settings": settings}])
    assert found["total"] == 36
    plain = settings | {"scaling": "none"}
    X, y = points_of(ask, plain)
    net = network_of(settings, offered, found["outputs"])
    net.train(
        *(X, y),
        epochs=6,
        batch_size=8,
        lr=settings["lr"],
        clip_norm=2.0,
        progress=False,
    )
    assert difference(found["theta"], net.chain.theta) <= agreement()
    seen = net.evaluate(X, y)
    assert abs(found["train"]["loss"] - seen["loss"]) <= agreement()
    assert found["train"]["score"] == pytest.approx(seen[score], abs=1e-12)


@pytest.mark.parametrize("activation", sorted(activations.__all__))
def test_gradients_are_those_of_backward(
    activation: str, ask: Ask, offered: dict[str, Any]
) -> None:
    """Every value and gradient of a batch is that of `net.backward`, with and without penalty."""
    for more in ({"data": "blobs"}, {"data": "blobs", "l2": 0.3}, {"data": "ripples"}):
        settings = SMALL | {"activation": activation, **more}
        X, y = points_of(ask, settings)
        rows = [0, 7, 13, 14, 30]
        (found,) = ask([{"errand": "gradient", "settings": settings, "rows": rows}])
        net = network_of(settings, offered, found["outputs"])
        net.chain.theta[:] = found["theta"]
        ours = net.backward(X[rows], y[rows])
        flat = np.concatenate([ours.parameters[name].ravel() for name in net.chain.layout])
        names = list(net.chain.layers)
        assert abs(found["value"] - ours.loss) <= agreement() * ours.loss
        assert difference(found["gradient"], flat) <= agreement()
        for i, (dense, bent) in enumerate(zip(names[0::2], names[1::2], strict=False)):
            for theirs, mine in (
                (found["a"][i], ours.values[dense]),
                (found["h"][i + 1], ours.values[bent]),
                (found["da"][i], ours.incoming[dense]),
                (found["dh"][i], ours.incoming[bent]),
            ):
                assert difference(theirs, mine.ravel()) <= agreement()
        assert difference(found["dz"], ours.incoming[names[-1]].ravel()) <= agreement()
        assert difference(found["dx"], ours.incoming["input"].ravel()) <= agreement()


@pytest.mark.parametrize("name", sorted(activations.__all__))
def test_activations_agree_far_out(name: str, ask: Ask) -> None:
    """An activation and its slope agree from −40 to 40, and where both round to nothing."""
    at = np.concatenate([np.linspace(-40, 40, 4001), [-700.0, -1e-9, 0.0, 1e-9, 700.0]])
    (found,) = ask([{"errand": "activation", "name": name, "at": at.tolist()}])
    y, pullback = getattr(activations, name)(at)
    np.testing.assert_allclose(found["f"], y, rtol=1e-12, atol=1e-300)
    # 1 − h² is a rounding where tanh is all but 1.
    np.testing.assert_allclose(found["df"], pullback(np.ones_like(at)), rtol=1e-10, atol=1e-15)
