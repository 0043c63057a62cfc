"""Whether functions of one's own can work on a device: asked of tensors without numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..ground.contracts import Array, Layer, Objective
from ..ground.devices import torch
from ..ground.options import unbound
from ..machine.layers import Activation

__all__ = ["unfit_for_tensors"]

ROWS, UNITS = 3, 4
OURS = f"{__name__.partition('.')[0]}.mathematics."


def unfit_for_tensors(
    layers: Mapping[str, Layer],
    objective: Objective,
    rule: Callable[..., None],
    options: Mapping[str, Any],
    y: Array,
    outputs: int,
) -> list[str]:
    """Whole sentences: which functions of a training need NumPy, or numbers before they go on.

    Each is called with tensors that have shapes and no numbers (PyTorch's device "meta"): what
    gives such tensors back runs on every device and can be recorded.  The library's own are known
    to be fit, and PyTorch takes seconds to make ready for such tensors: they are not asked.

    Parameters
    ----------
    y : array
        Targets, as the objective takes them.
    outputs : int
        How many scores a row has.
    """
    functions = {
        layer.function: "activation" for layer in layers.values() if isinstance(layer, Activation)
    }
    probes: list[tuple[str, Callable[..., Any], Callable[[], None]]] = [
        (kind, function, lambda f=function: _activation(f))  # type: ignore[misc]
        for function, kind in functions.items()
    ]
    probes.append(("loss", objective, lambda: _loss(objective, y, outputs)))
    probes.append(("optimizer", rule, lambda: _rule(rule, options)))
    found = []
    for kind, function, probe in probes:
        if is_ours(function):
            continue
        try:
            probe()
        except Exception as error:  # whatever a function of one's own raises
            bare, _ = unbound(function)
            name = getattr(bare, "__name__", type(bare).__name__)
            why = " ".join(str(error).split()) or type(error).__name__
            found.append(
                f"The {kind} {name} does not work on a device, where arrays are PyTorch's tensors "
                f"({why:.120}); write it with operators and the functions of "
                "deltarule.ground.arrays, without a look at single numbers, or leave device out."
            )
    return found


def is_ours(function: Callable[..., Any]) -> bool:
    """Whether a function, whatever options are bound to it, is one of the library's tables."""
    module = getattr(unbound(function)[0], "__module__", None)
    return isinstance(module, str) and module.startswith(OURS)


def _blank(*shape: int, dtype: str = "float32") -> Any:
    return torch().empty(shape, dtype=getattr(torch(), dtype), device="meta")


def _must_be(found: Any, shape: tuple[int, ...]) -> None:
    """Refuse what is no tensor without numbers, of this shape."""
    if not isinstance(found, torch().Tensor) or found.device.type != "meta":
        raise TypeError(f"it gives a {type(found).__name__}, not a tensor of the device")
    if tuple(found.shape) != shape:
        raise TypeError(f"it makes {tuple(found.shape)} of {shape}")


def _activation(function: Callable[..., Any]) -> None:
    x = _blank(ROWS, UNITS)
    y, pullback = function(x)
    _must_be(y, (ROWS, UNITS))
    _must_be(pullback(_blank(ROWS, UNITS)), (ROWS, UNITS))


def _loss(objective: Objective, y: Array, outputs: int) -> None:
    target = _blank(ROWS, dtype="int64") if y.ndim == 1 else _blank(ROWS, y.shape[1])
    for weight, total in ((None, float(ROWS)), (_blank(ROWS), _blank())):
        value, g = objective(target, _blank(ROWS, outputs), weight, total)
        _must_be(value, ())
        _must_be(g, (ROWS, outputs))


def _rule(rule: Callable[..., None], options: Mapping[str, Any]) -> None:
    scalars = rule.scalars(1, **options)  # type: ignore[attr-defined]
    state = _blank(rule.slots, UNITS)  # type: ignore[attr-defined]
    vectors = (_blank(UNITS), _blank(UNITS), state, _blank(UNITS))
    rule(*vectors, *(_blank() for _ in (0, *scalars)), **options)
