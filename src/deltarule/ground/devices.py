"""Devices of PyTorch's: their names, which of them there are, and the way to them and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from .contracts import Array
from .errors import InvalidInput, NotAvailable, did_you_mean
from .installing import extra
from .memory import in_words

__all__ = [
    "at_hand",
    "device_problem",
    "find_device",
    "full_name",
    "on_device",
    "on_host",
    "require_room",
    "room_on",
    "short",
    "torch",
]

NAMES = ("cpu", "cuda", "mps")
KNOWN = "cpu, cuda (cuda:1 for the second GPU) and mps"
REMEDY = "use fewer rows, rows of uint8, or a smaller network or batch, or leave device out"


def torch() -> ModuleType:
    """PyTorch, loaded when it is first asked for.

    Raises
    ------
    NotAvailable
        If it is not installed.
    """
    try:
        import torch as found
    except ImportError:
        raise NotAvailable(
            f"A device needs PyTorch, which is not installed: {extra('torch')}; or leave device "
            "out."
        ) from None
    return found


def device_problem(given: object, dtype: object = "float32") -> str:
    """What is wrong with the name of a device, one sentence; '' for None and for a known one.

    PyTorch is not asked.
    """
    if given is None:
        return ""
    if not isinstance(given, str) or not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", given):
        return f"Unknown device {given!r:.60}.{did_you_mean(given, NAMES)} Known are {KNOWN}."
    if given == "mps" and dtype == "float64":
        return (
            'device="mps" computes in float32, and dtype="float64" was asked for; leave one of '
            "them out."
        )
    return ""


def find_device(name: str) -> Any:
    """The torch.device of a known name.

    Raises
    ------
    NotAvailable
        If PyTorch or the device is not here, saying what there is.
    """
    xp = torch()
    kind, _, number = name.partition(":")
    gpus = xp.cuda.device_count() if xp.cuda.is_available() else 0
    there = [f"cuda:{i} ({xp.cuda.get_device_name(i)})" for i in range(gpus)]
    there += ["mps"] if xp.backends.mps.is_available() else []
    if kind == "cuda" and int(number or 0) >= gpus:
        wanted = f"the CUDA GPU with the number {number}" if number and gpus else "a CUDA GPU"
    elif kind == "mps" and "mps" not in there:
        wanted = "an Apple GPU"
    else:
        return xp.device("cuda", int(number or 0)) if kind == "cuda" else xp.device(kind)
    raise NotAvailable(
        f'device="{name}" asks for {wanted}, and PyTorch {xp.__version__} finds none here; there '
        f"{'are' if there else 'is'} {', '.join([*there, 'cpu'])}."
    )


def full_name(device: Any) -> str:
    """'cpu', 'cuda:0 (NVIDIA H100)'."""
    if device.type == "cuda":
        return f"{device} ({torch().cuda.get_device_name(device)})"
    return str(device)


def room_on(device: Any) -> int | None:
    """How many bytes of a device's own memory are free; None where it has none of its own."""
    xp = torch()
    if device.type == "cuda":
        free: int = xp.cuda.mem_get_info(device)[0]
        held = xp.cuda.memory_reserved(device) - xp.cuda.memory_allocated(device)
        return free + int(held)
    if device.type == "mps":
        most = xp.mps.recommended_max_memory()
        return int(most - xp.mps.current_allocated_memory())
    return None


def require_room(device: Any, size: float, what: str) -> None:
    """Refuse what would take `size` bytes more of a device's memory than there are.

    Parameters
    ----------
    what : str
        The beginning of the sentence: "The rows".

    Raises
    ------
    InvalidInput
    """
    room = room_on(device)
    if room is not None and size > room:
        raise InvalidInput(
            f"{what} would take {in_words(size)} of the memory of {full_name(device)}, and "
            f"{in_words(room)} are free; {REMEDY}."
        )


@contextmanager
def on_device(device: Any) -> Iterator[None]:
    """Work on a device: its streams are the current ones, and an end of its memory is a sentence.

    Raises
    ------
    InvalidInput
        If its memory does not suffice.
    """
    xp = torch()
    try:
        if device.type == "cuda":
            with xp.cuda.device(device):
                yield
        else:
            yield
    except xp.OutOfMemoryError:
        raise InvalidInput(
            f"The memory of {full_name(device)} does not suffice for this training; {REMEDY}."
        ) from None


def short(x: Array) -> Array:
    """A tensor, rounded to bfloat16."""
    return x.to(torch().bfloat16)  # type: ignore[attr-defined]


def at_hand(x: Array) -> bool:
    """Whether the numbers can be looked at without waiting for a device."""
    return isinstance(x, np.ndarray)


def on_host(x: Array) -> Array:
    """These numbers as an array of NumPy's; of a tensor in the host's memory a window on it."""
    return x if isinstance(x, np.ndarray) else x.cpu().numpy()
