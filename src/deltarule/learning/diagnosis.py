"""A doctor for a finished training: what may be wrong, how that shows, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..data.batches import Rows
from ..ground.arrays import quiet
from ..ground.contracts import Objective
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .examination import LayerHealth, measure
from .history import History
from .plan import Plan
from .step import Penalty, l2
from .symptoms import KINDS, NAMES, Course, Finding, Names, find

__all__ = ["KINDS", "NAMES", "Diagnosis", "Finding", "LayerHealth", "diagnose"]

MOST_ROWS = 2048


@dataclass(frozen=True)
class Diagnosis:
    """What a training was found to suffer from; prints as a short text.

    Attributes
    ----------
    findings : tuple of Finding
        Serious ones first.
    layers : tuple of LayerHealth
        Of each dense layer, from the input up.
    """

    findings: tuple[Finding, ...]
    layers: tuple[LayerHealth, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing serious was found."""
        return not any(finding.severity == "serious" for finding in self.findings)

    def __repr__(self) -> str:
        """The kinds of what was found; `print` shows the sentences."""
        found = [f"{finding.severity}: {finding.kind}" for finding in self.findings]
        layers = ", ".join(layer.name for layer in self.layers)
        return f"Diagnosis({', '.join(found) or 'nothing found'}; of {layers})"

    def __str__(self) -> str:
        if not self.findings:
            lines = ["Nothing wrong was found."]
        else:
            lines = [str(finding) for finding in self.findings]
            if self.healthy:
                lines.insert(0, "Nothing serious was found.")
        lines.append(
            f"{'layer':<12} {'update/weight':>13} {'gradient':>9} {'dead':>6} {'satur.':>6}"
        )
        lines += [
            f"{layer.name:<12} {layer.update_ratio:>13.1e} {layer.gradient_norm:>9.1e} "
            f"{layer.dead:>6.0%} {layer.saturated:>6.0%}"
            for layer in self.layers
        ]
        return "\n".join(lines)


@quiet
def diagnose(
    chain: Chain,
    objective: Objective,
    optimizer: Optimizer,
    rows: Rows,
    rows_val: Rows | None,
    history: History,
    plan: Plan,
    *,
    penalty: Penalty | None = None,
    names: Mapping[str, str | None] | None = None,
) -> Diagnosis:
    """Judge a finished training from its history and from up to 2,048 of its training rows.

    Nothing is changed: the one step that it tries is taken by copies of weights, statistics and
    the optimizer's memory, at the learning rate before the schedule, which may have ended at 0.

    Parameters
    ----------
    chain, objective, optimizer, rows, history, plan
        Those of the training, after its end; the chain as it will be used.
    rows_val : Rows, or None
        Only whether there are any is asked; what they say stands in the history.
    penalty : Penalty, optional
        By default the l2 of the plan.
    names : mapping, optional
        What the caller's users call the parameters in `NAMES`: {"lr": "learning_rate_init"}.  None
        where they cannot set one: no remedy then names it.

    Returns
    -------
    Diagnosis
    """
    found = measure(
        chain,
        objective,
        optimizer,
        rows,
        plan,
        t=history.steps + 1,
        penalty=l2(plan.l2) if penalty is None else penalty,
        most_rows=MOST_ROWS,
    )
    course = Course(history, plan, found, optimizer.lr, rows_val is not None)
    say = Names({**NAMES, **(names or {})})
    findings = list(find(found, course, say))
    findings.sort(key=lambda finding: (finding.severity != "serious", KINDS.index(finding.kind)))
    return Diagnosis(tuple(findings), found.layers)
