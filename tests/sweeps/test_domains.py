"""Laws of what is searched of one key."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from deltarule.sweeps.domains import Choices, Layers, Span

DOMAINS: dict[str, Any] = {
    "whole": Span(2, 9, None, False, True),
    "steps": Span(16, 64, 16, False, True),
    "tenths": Span(0.1, 0.5, 0.1),
    "one": Span(0.5, 0.5),
    "choices": Choices(("relu", None, ["tanh", "relu"], 3)),
    "layers": Layers(0, 3, Choices((8, 16))),
    "fixed": Layers(2, 2, Span(10, 30, 10, False, True)),
}
COUNTS = {"whole": 8, "steps": 4, "tenths": 5, "one": 1, "choices": 4, "layers": 15, "fixed": 9}


@pytest.mark.parametrize("name", DOMAINS)
def test_the_grid_has_each_point_once(name: str) -> None:
    """Each point of a grid is another value, its corners are among them, and none is missing."""
    domain = DOMAINS[name]
    assert domain.count == COUNTS[name]
    points = [domain.nth("key", i) for i in range(domain.count)]
    values = [domain.value("key", lambda n, _, point=point: point[n]) for point in points]
    assert all(a != b for a, b in itertools.combinations(values, 2))
    assert all(corner in values for corner in domain.corners())


def test_no_grid_without_a_step() -> None:
    """Between two numbers are infinitely many, for widths too."""
    assert Span(0.0, 1.0).count is None
    assert Layers(1, 2, Choices((8,))).count == 2


def test_a_step_is_exact() -> None:
    """Tenths are 0.1, 0.2 and 0.3, not what adding up floats would make of them."""
    assert [DOMAINS["tenths"].nth("key", i)["key"] for i in range(3)] == [0.1, 0.2, 0.3]


def test_each_layer_has_its_own_width() -> None:
    """A net of two layers takes a depth and two widths, and no third."""
    taken: list[str] = []

    def take(name: str, domain: Span | Choices) -> Any:
        taken.append(name)
        return 2 if name.endswith("depth") else len(taken)

    sizes = Layers(1, 3, Span(1, 9, None, False, True)).value("sizes", take)
    assert taken == ["sizes.depth", "sizes.width1", "sizes.width2"]
    assert sizes == [2, 3]


def test_what_is_no_plain_value_has_a_label() -> None:
    """Lists and tables are kept as JSON, and come back as they were."""
    choices = DOMAINS["choices"]
    assert choices.labels == ("relu", None, '["tanh", "relu"]', 3)
    assert choices.value("key", lambda *_: '["tanh", "relu"]') == ["tanh", "relu"]
