"""One forward and backward pass over a batch, with everything that it computes by name."""

from __future__ import annotations

from dataclasses import dataclass

from ..ground.contracts import Array, Batch, Objective
from ..learning.step import Penalty
from ..machine.chain import Chain

__all__ = ["Gradients", "backward_pass"]


@dataclass(frozen=True)
class Gradients:
    """What one backward pass computes, by name.

    Attributes
    ----------
    loss : float
    values : dict of name to array
        "input" and the value of every layer, the last of which are the scores z.
    incoming : dict of name to array
        g = ∂L/∂y for the value of every layer, and ∂L/∂x for "input".
    parameters : dict of name to array
        ∂L/∂θ: "dense1.W", "dense1.b", …
    """

    loss: float
    values: dict[str, Array]
    incoming: dict[str, Array]
    parameters: dict[str, Array]


def backward_pass(
    chain: Chain, objective: Objective, batch: Batch, penalty: Penalty | None
) -> Gradients:
    """∂L/∂y of every layer's value y, and ∂L/∂θ: the pullbacks one by one, last to first."""
    links = chain.forward(batch.x, batch.noise)
    value, g = objective(batch.y, links[-1].value, batch.weight, batch.total)
    incoming: dict[str, Array] = {}
    for link in reversed(links):
        incoming[link.name] = g
        below = link.pullback(g, True)
        assert below is not None
        g = below
    incoming["input"] = g
    if penalty:
        value = value + penalty(chain)
    values = {"input": batch.x, **{link.name: link.value for link in links}}
    return Gradients(float(value), values, incoming, chain.layout.views(chain.grad.copy()))
