"""A fitted estimator as plain values and arrays: what pickle, joblib and skops store of it.

Nobody who reads such a state needs a class of ours but the estimator's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator

from ..learning.diagnosis import Diagnosis, Finding, LayerHealth
from ..learning.history import History
from ..learning.progress import Progress
from ..network.loading import PARTS, rebuilt
from ..network.network import Network
from ..network.saving import described
from ..network.settings import Settings
from .targets import Labels

__all__ = ["Stored"]

SOURCE = "The state of the estimator"


class Stored(BaseEstimator):
    """The part of an estimator that turns it into a state of plain values, and back.

    Functions of one's own stay what they are.  A deep copy is made by way of the state; a shallow
    one shares everything.
    """

    if TYPE_CHECKING:  # scikit-learn's own, of which it states no types

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The constructor's arguments by name."""

        def set_params(self, **params: Any) -> Self:
            """Change some of them."""

    def __getstate__(self) -> dict[str, Any]:
        """All attributes; those of classes of ours as dictionaries."""
        state = dict(super().__getstate__())
        for name, into in INTO_PLAIN.items():
            if state.get(name) is not None:
                state[name] = into(state[name])
        state.pop("_targets", None)  # the network's
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        for name, back in FROM_PLAIN.items():
            if state.get(name) is not None:
                state[name] = back(state[name])
        if "network_" in state:
            network, labels = state["network_"], state.get("_labels")
            if labels is not None:  # in the type that they had
                network.preprocessing = replace(network.preprocessing, targets=labels.targets())
            state["_targets"] = network.preprocessing.targets
        super().__setstate__(state)

    def __copy__(self) -> Any:
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin


def network_in_parts(network: Network) -> dict[str, Any]:
    """Tensors, their description, and the functions of one's own that no name can stand for."""
    tensors, description = described(
        network.chain, network.preprocessing, network.about, network.trainings
    )
    functions = name_functions(network.settings, description["network"])
    history = None if network.history is None else in_fields(network.history)
    return {
        "tensors": tensors,
        "description": description,
        "functions": functions,
        "history": history,
    }


def network_of(given: dict[str, Any]) -> Network:
    """The network that was taken apart."""
    tensors, description, functions = (
        given[name] for name in ("tensors", "description", "functions")
    )
    network = rebuilt(tensors, description, functions, SOURCE)
    if given["history"] is not None:
        network.history = History(**given["history"])
    return network


def name_functions(settings: Settings, description: dict[str, Any]) -> dict[str, Any]:
    """Call each function of one's own by its place, since two may have one name."""
    functions = {}
    for kind in PARTS:
        parts, specs = getattr(settings, kind), description[kind]
        if not isinstance(parts, tuple):
            parts, specs = (parts,), [specs]
        for place, (part, spec) in enumerate(zip(parts, specs, strict=True)):
            if part.custom:
                spec["name"] = f"{kind}[{place}]"
                functions[spec["name"]] = part.function
    return functions


def in_fields(value: Any) -> dict[str, Any]:
    """A dataclass's fields by name, as they are."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def diagnosis_of(given: dict[str, Any]) -> Diagnosis:
    """The findings and layers that were taken apart."""
    return Diagnosis(
        tuple(Finding(**finding) for finding in given["findings"]),
        tuple(LayerHealth(**layer) for layer in given["layers"]),
    )


INTO_PLAIN: dict[str, Callable[[Any], Any]] = {
    "network_": network_in_parts,
    "history_": in_fields,
    "_progress": in_fields,
    "_labels": in_fields,
    "_diagnosis": asdict,
}
FROM_PLAIN: dict[str, Callable[[Any], Any]] = {
    "network_": network_of,
    "history_": lambda given: History(**given),
    "_progress": lambda given: Progress(**given),
    "_labels": lambda given: Labels(**given),
    "_diagnosis": diagnosis_of,
}
