"""Laws of the pictures of a run's course."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.report import lines


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


def description(svg: str) -> str:
    found = ElementTree.fromstring(svg).find("{*}desc")
    assert found is not None
    return found.text or ""


def test_curves_name_both_splits_and_the_best_epoch(
    make_history: Callable[..., list[dict[str, Any]]],
) -> None:
    """Training, validation and the best epoch stand in the legend, percent on the axis."""
    svg = lines.curves(make_history(20), "accuracy", 14)
    assert {"training", "validation", "best epoch 14", "accuracy (%)"} <= set(texts(svg))
    assert "highest 52.1 %" in description(svg)


def test_curves_without_validation_have_one_line() -> None:
    """What was not measured is not named."""
    svg = lines.curves([{"epoch": 1, "train_loss": 2.0, "val_loss": None}], "loss")
    assert "training" in texts(svg)
    assert "validation" not in texts(svg)


def test_wide_losses_are_drawn_on_a_logarithmic_scale() -> None:
    """A loss that spans more than a factor of 30 gets a log axis with plain numbers."""
    history = [{"train_loss": 10.0**-e} for e in range(4)]
    assert {"loss (log scale)", "0.01"} <= set(texts(lines.curves(history, "loss")))
    assert "loss" in texts(lines.curves(history[:2], "loss"))


def test_values_that_are_not_finite_are_marked() -> None:
    """A curve that ends in NaN says so in picture and words."""
    history = [{"val_loss": 1.0}, {"val_loss": math.nan}, {"val_loss": math.inf}]
    svg = lines.curves(history, "loss")
    assert "not finite" in texts(svg)
    assert "Not finite: 2 of 3 epochs." in description(svg)


values = st.one_of(st.none(), st.floats(), st.sampled_from([1e308, -1e308, 5e-324, 0.0]))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.fixed_dictionaries({"train_loss": values, "val_loss": values}), max_size=6))
def test_any_history_can_be_drawn(history: list[dict[str, Any]]) -> None:
    """No float, none at all, and no mixture of them breaks a figure."""
    assert lines.curves(history, "loss", 2).startswith("<svg")


def test_long_histories_stay_small() -> None:
    """Ten thousand noisy epochs make a picture below 40 kB."""
    noise = np.random.default_rng(0).random((10_000, 2))
    history = [{"train_loss": float(a), "val_loss": float(b)} for a, b in noise]
    assert len(lines.curves(history, "loss")) < 40_000


def test_the_learning_rate_is_drawn() -> None:
    """A decaying rate is told in words, one over many decades on a log scale."""
    svg = lines.learning_rate([{"lr": 0.1}, {"lr": 0.05}])
    assert "from 0.1 to 0.05" in description(svg)
    steep = lines.learning_rate([{"lr": 0.1}, {"lr": 1e-6}])
    assert "learning rate (log scale)" in texts(steep)


def test_curves_over_time_have_times_on_their_axis(
    make_history: Callable[..., list[dict[str, Any]]],
) -> None:
    """Over seconds the axis tells them in the unit that suits the longest, the best one marked."""
    svg = lines.curves(make_history(20), "accuracy", 14, over="seconds")
    assert {"seconds", "best epoch 14"} <= set(texts(svg))
    assert "highest 52.1 % after 49.0 s" in description(svg)
    long = [{"epoch": e, "seconds": 3600.0 * e, "val_loss": 1.0 / e} for e in range(1, 5)]
    assert "hours" in texts(lines.curves(long, "loss", over="seconds"))
    assert "minutes" in texts(lines.curves(long[:1], "loss", over="seconds"))


def test_what_has_no_time_is_left_out_over_time() -> None:
    """A record without a time, or with one that is no number, breaks nothing."""
    history = [
        {"val_loss": 1.0},
        {"val_loss": 0.5, "seconds": "?"},
        {"val_loss": 0.4, "seconds": 2},
    ]
    assert "from 0.4 to 0.4" in description(lines.curves(history, "loss", 1, over="seconds"))


def of_layers(layers: int, epochs: int = 3) -> list[dict[str, Any]]:
    return [
        {"epoch": e}
        | {f"ratio_dense{i}": 1e-3 / e**i for i in range(1, layers + 1)}
        | {f"dead_dense{i}": 0.1 * i / layers for i in range(1, layers)}
        for e in range(1, epochs + 1)
    ]


def test_layers_have_a_line_each() -> None:
    """Names stand in the legend; ratios that span decades get a log scale, dead units percent."""
    history = of_layers(4)
    ratios = texts(lines.by_layer(history, "ratio"))
    assert {"dense1", "dense4", "about healthy", "update / weight (log scale)"} <= set(ratios)
    dead = lines.by_layer(history, "dead")
    assert "dead units (%)" in texts(dead)
    assert "dense4" not in texts(dead)
    assert "dense1 goes from 2.5 % to 2.5 %" in description(dead)


def test_a_layer_keeps_its_colour() -> None:
    """A layer without dead units does not shift the colours of those behind it."""
    history = [{"ratio_a": 0.1, "ratio_b": 0.2, "dead_b": 0.5}]
    assert "--arm-2" in lines.by_layer(history, "dead")
    assert "--arm-1" not in lines.by_layer(history, "dead")


def test_of_many_layers_some_are_drawn() -> None:
    """Eight of a hundred layers, with the first and the last; words say so."""
    svg = lines.by_layer(of_layers(100), "ratio")
    assert {"dense1", "dense100"} <= set(texts(svg))
    assert "8 of 100 layers are drawn" in description(svg)
    assert len(lines.layers_of(of_layers(100), "ratio")) == 100


def test_ratios_that_are_missing_or_infinite_are_drawn() -> None:
    """JSON has null for what was infinite; no picture breaks on it or on a zero."""
    history = [{"ratio_a": None}, {"ratio_a": 0.0}, {"ratio_a": math.inf}, {"ratio_a": 1e-3}]
    assert "not finite" in texts(lines.by_layer(history, "ratio"))
    assert lines.by_layer([], "dead").startswith("<svg")


def test_curves_take_the_room_they_are_given() -> None:
    """Fewer points make a smaller picture."""
    noise = np.random.default_rng(0).random(5000)
    history = [{"val_loss": float(a)} for a in noise]
    few, many = (len(lines.curves(history, "loss", points=n)) for n in (20, 400))
    assert few < many - 4000
