"""Curves of several arms: the mean over the seeds as a line, lowest to highest as a band."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from deltarule.report.arms import Run, arms_of, metric_of
from deltarule.report.bands import bands, over_seeds, share_no_time
from deltarule.report.comparisons import comparison_page

Make = Callable[..., dict[str, Any]]


def run_of(values: list[Any], seconds: list[float] | None = None) -> Run:
    times = seconds or list(range(1, len(values) + 1))
    history = [
        {"epoch": e, "seconds": t, "val_loss": v}
        for e, (t, v) in enumerate(zip(times, values, strict=True), 1)
    ]
    return Run("0", "done", "", history, {})


def texts(svg: str) -> set[str]:
    return {e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")}


def test_over_epochs() -> None:
    """At each epoch that all runs have: the mean, the lowest and the highest."""
    x, mean, low, high = over_seeds([run_of([3, 2, 1]), run_of([5, 4, 3, 2])], "val_loss", "epoch")
    assert x.tolist() == [1, 2, 3]
    assert mean.tolist() == [4, 3, 2]
    assert low.tolist() == [3, 2, 1]
    assert high.tolist() == [5, 4, 3]


def test_over_time() -> None:
    """At times that all runs cover, with straight lines between the values of a run."""
    runs = [run_of([4, 0], [1, 5]), run_of([2, 2, 2], [2, 3, 4])]
    x, mean, low, high = over_seeds(runs, "val_loss", "seconds")
    assert (x[0], x[-1]) == (2, 4)
    np.testing.assert_allclose(mean, (np.interp(x, [1, 5], [4, 0]) + 2) / 2)
    assert (low <= mean).all()
    assert (mean <= high).all()


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [run_of([None, np.nan, np.inf])],
        [run_of([1], [1.0]), run_of([1], [2.0])],
        [Run("0", "done", "", [{"other": 1}], {})],
    ],
)
def test_where_nothing_is_shared(runs: list[Run]) -> None:
    """Without a common time or any finite value there is no curve, over time at least."""
    assert all(len(a) == 0 for a in over_seeds(runs, "val_loss", "seconds"))


def test_gaps_are_left_out() -> None:
    """An epoch that one run has no finite value of is no epoch of all."""
    x, mean, _, _ = over_seeds([run_of([1, np.nan, 3]), run_of([1, 2, 3])], "val_loss", "epoch")
    assert x.tolist() == [1, 3]
    assert mean.tolist() == [1, 3]


def test_every_arm_is_drawn(make_comparison: Make) -> None:
    """Names, target and time stand in the legend; each arm's best and last mean in the words."""
    facts = make_comparison()
    arms, metric = arms_of(facts), metric_of(facts)
    svg = bands(arms, metric, over="seconds", target=0.42, mark=13.0)
    assert {"adam", "sgd", "target 42.0 %", "equal time", "seconds"} <= texts(svg)
    assert "adam, mean of 5: best" in svg
    assert svg.count("fill-opacity: 0.18") == 2 or svg.count("opacity: 0.18") == 2


def lines_of(svg: str, label: str) -> list[str]:
    """The paths of the curves in a colour of an arm, as drawn."""
    drawn = re.findall(r'<path d="([^"]+)" clip-path[^>]*style="([^"]*)"', svg)
    return [path for path, style in drawn if label in style and "fill: none" in style]


def test_runs_that_share_no_time_are_drawn_one_by_one(make_comparison: Make) -> None:
    """An arm whose seeds were never at work for equally long is there, each run a thin line."""
    facts = make_comparison(seeds=3, epochs=4)
    for arm, slower in zip(facts["arms"], (1.0, 10.0), strict=True):
        for i, run in enumerate(arm["runs"]):
            for record in run["history"]:
                # Of the second arm the last run has only begun when the first one is over.
                record["seconds"] = record["epoch"] * (slower**i)
    arms, metric = arms_of(facts), metric_of(facts)
    assert [share_no_time(arm, metric.column) for arm in arms] == [False, True]
    svg = bands(arms, metric, over="seconds")
    assert {"adam", "sgd"} <= texts(svg)
    assert len(lines_of(svg, "--arm-1")) == 1
    assert len(lines_of(svg, "--arm-2")) == 3
    assert "have no time in common" in comparison_page(facts)
    assert "sgd, 3 runs one by one, whose times do not overlap: best" in svg


def test_of_many_arms_only_lines_are_drawn(make_comparison: Make) -> None:
    """Bands of seven arms would hide each other."""
    facts = make_comparison([f"arm {i}" for i in range(7)])
    svg = bands(arms_of(facts), metric_of(facts), over="epoch")
    assert "opacity: 0.18" not in svg
    assert len(set(re.findall(r"--arm-\d", svg))) == 6


def test_pictures_of_many_arms_stay_small(make_comparison: Make) -> None:
    """Twelve arms of 1,000 epochs make a picture below 70 kB."""
    facts = make_comparison([f"arm {i}" for i in range(12)], seeds=2, epochs=1000)
    for over in ("epoch", "seconds"):
        assert len(bands(arms_of(facts), metric_of(facts), over=over)) < 70_000


def test_no_arm_at_all() -> None:
    """A picture without curves is one, too."""
    assert bands([], metric_of({}), over="epoch").startswith("<svg")
