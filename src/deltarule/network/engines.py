"""Which engine works for a network, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine import native
from ..engine.description import describe_chain
from ..ground.errors import InvalidInput
from ..learning.stepping import judge_engine
from .inputs import brief
from .network import Network

__all__ = ["EngineReport", "explain_engine"]


@dataclass(frozen=True)
class EngineReport:
    """Which engine a training and a prediction take; prints as a few lines.

    Attributes
    ----------
    training, prediction : str
        "fast" or "reference".
    reasons : tuple of str
        Why a training takes the reference, whole sentences; empty where it takes the engine.
    threads : int
        What the engine may use.
    isa : str or None
        The instruction set that the engine takes here: "avx512", "avx2" or "baseline".
    amx : str
        Of a processor with matrix tiles (AMX), whether bf16 products use them: "in use", or why
        not.  Empty on others.
    """

    training: str
    prediction: str
    reasons: tuple[str, ...]
    threads: int
    isa: str | None
    amx: str = ""

    def __str__(self) -> str:
        where = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        lines = [
            f"training    {self.training}",
            f"prediction  {self.prediction}",
            f"engine      {f'{self.isa}, at most {where}' if self.isa else 'not available'}",
            *([f"amx         {self.amx}"] if self.amx else []),
        ]
        return "\n".join([*lines, *(f"- {reason}" for reason in self.reasons)])


def explain_engine(network: Network) -> EngineReport:
    """Which engine a training and a prediction of this network take, and why.

    A training with a callback for every step takes the reference, whatever the network.

    Raises
    ------
    InvalidInput
        If it is no network.
    """
    if not isinstance(network, Network):
        raise InvalidInput(f"explain_engine takes a Network, not {brief(network)}.")
    s = network.settings
    reasons = judge_engine(
        "auto", "full", network.chain, s.loss.bound, s.optimizer.function, s.optimizer.options
    ).reasons
    core = native.core() if native.available() else None
    able = core is not None and not describe_chain(network.chain).reasons
    return EngineReport(
        training="reference" if reasons else "fast",
        prediction="fast" if able else "reference",
        reasons=reasons,
        threads=native.get_threads(),
        isa=core.ISAS[-1] if core else None,
        amx=core.amx() if core else "",
    )
