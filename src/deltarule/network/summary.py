"""What a network consists of, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ground.errors import InvalidInput
from ..ground.memory import in_words
from .inputs import brief
from .memory import count_parameters, training_vectors
from .network import Network

__all__ = ["Summary", "summary"]


@dataclass(frozen=True)
class Summary:
    """A network's layers and sizes; prints as a table.

    Attributes
    ----------
    layers : tuple of dict
        `name`, `detail`, `output` (units) and `parameters` of every layer.
    parameters : int
    training_bytes : int
        What a training holds besides the rows: θ, ∇, the optimizer's state and its scratch, the
        weights from before the epoch, and the best ones (kept where an epoch is monitored, as it
        is with validation rows).  Averaged weights (`average` of `train`) add two vectors of θ's
        length more.  Running statistics, a few numbers per unit, are not counted.
    activation_bytes_per_row : int
        What a training step keeps of each row.
    title : str
    """

    layers: tuple[dict[str, Any], ...]
    parameters: int
    training_bytes: int
    activation_bytes_per_row: int
    title: str

    def __str__(self) -> str:
        rows = [("layer", "detail", "output", "parameters")] + [
            (r["name"], r["detail"], f"(n, {r['output']})", f"{r['parameters']:,}")
            for r in self.layers
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}"
            for a, b, c, d in rows
        ]
        return "\n".join(
            [
                self.title,
                lines[0],
                "─" * len(lines[0]),
                *lines[1:],
                "─" * len(lines[0]),
                f"{self.parameters:,} parameters; training holds {in_words(self.training_bytes)}, "
                f"and {in_words(self.activation_bytes_per_row)} for each row of a batch",
            ]
        )


def summary(network: Any) -> Summary:
    """The layers of a network: names, shapes, parameters, and the memory that training needs.

    Parameters
    ----------
    network : Network, or a fitted estimator, whose `network_` it then is

    Returns
    -------
    Summary
        Prints as a table.
    """
    given, network = network, getattr(network, "network_", network)
    if not isinstance(network, Network):
        unfitted = "" if not hasattr(given, "partial_fit") else "; call fit, or initialize, first"
        raise InvalidInput(
            f"summary takes a Network, or a fitted MLPClassifier or MLPRegressor, not "
            f"{brief(given)}{unfitted}."
        )
    sizes, settings = network.settings.sizes, network.settings
    units = sizes[0]
    layers = []
    kept = units
    for name, layer in network.chain.layers.items():
        units = getattr(layer, "n_out", units)
        kept += units
        layers.append(
            {
                "name": name,
                "detail": _detail(name, layer, settings),
                "output": units,
                "parameters": count_parameters({name: layer}),
            }
        )
    width = network.chain.theta.dtype.itemsize
    return Summary(
        tuple(layers),
        network.n_parameters,
        training_vectors(settings) * network.n_parameters * width,
        kept * width,
        repr(network),
    )


def _detail(name: str, layer: Any, settings: Any) -> str:
    if hasattr(layer, "n_in"):
        return f"{layer.n_in} → {layer.n_out}, {settings.initializer.name}"
    if hasattr(layer, "rate"):
        return f"rate {layer.rate:g}"
    if hasattr(layer, "function"):
        options = getattr(layer.function, "keywords", {})
        return ", ".join(f"{k}={v:g}" for k, v in options.items())
    return f"ε {layer.epsilon:g}"
