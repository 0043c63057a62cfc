"""Devices: their names, which there are, their room, and numbers that go to and fro."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from deltarule.ground import devices
from deltarule.ground.devices import (
    at_hand,
    device_problem,
    find_device,
    full_name,
    on_device,
    on_host,
    require_room,
    room_on,
    short,
)
from deltarule.ground.errors import InvalidInput, NotAvailable


@pytest.fixture
def torch() -> Any:
    """The package, or a skip."""
    return pytest.importorskip("torch", reason="needs the optional package torch")


@pytest.mark.parametrize("name", [None, "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_known_names(name: str | None) -> None:
    """Each kind, a GPU by its number, and no device at all are known without PyTorch."""
    assert device_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cdua", "Did you mean 'cuda'?"),
        ("cuda:", "cuda:1 for the second"),
        ("cuda:-1", "Unknown device 'cuda:-1'"),
        ("cpu:0", "Did you mean 'cpu'?"),
        ("CUDA", "Did you mean 'cuda'?"),
        ("", "Unknown device ''"),
        (0, "Unknown device 0"),
        (["cuda"], "Unknown device ['cuda']"),
    ],
)
def test_unknown_names(name: object, words: str) -> None:
    """Anything else is told in one sentence, with what is known."""
    assert words in device_problem(name)
    assert "cpu, cuda" in device_problem(name)


def test_mps_is_of_float32() -> None:
    """Apple's GPUs know no float64."""
    assert "leave one of them out" in device_problem("mps", "float64")
    assert device_problem("mps", "float32") == device_problem("cuda", "float64") == ""


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed the sentence says how to."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NotAvailable, match=r"pip install 'deltarule\[torch\]'"):
        find_device("cpu")


def test_the_cpu_is_there(torch: Any) -> None:
    """And has no memory of its own."""
    cpu = find_device("cpu")
    assert full_name(cpu) == "cpu"
    assert room_on(cpu) is None
    require_room(cpu, 1e30, "All")


def no_gpu(monkeypatch: pytest.MonkeyPatch, torch: Any) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("name", "what"), [("cuda", "a CUDA GPU"), ("cuda:3", "a CUDA GPU"), ("mps", "an Apple GPU")]
)
def test_what_is_not_there(
    name: str, what: str, torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that is not there is refused, with what is."""
    no_gpu(monkeypatch, torch)
    with pytest.raises(NotAvailable, match=f'"{name}" asks for {what}.*there is cpu'):
        find_device(name)


def test_gpus_by_number(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two GPUs the second is cuda:1, and a third is refused with the names of both."""
    no_gpu(monkeypatch, torch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda which: f"Card {which}")
    assert find_device("cuda") == torch.device("cuda:0")
    assert find_device("cuda:1") == torch.device("cuda:1")
    assert full_name(torch.device("cuda:1")) == "cuda:1 (Card cuda:1)"
    with pytest.raises(
        NotAvailable,
        match=r"number 2, .*there are cuda:0 \(Card 0\), cuda:1 \(Card 1\), cpu",
    ):
        find_device("cuda:2")


def test_room(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free counts, with what PyTorch holds and does not use; more is refused."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10**9, 10**10))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5 * 10**8)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 10**8)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda which: "Card")
    gpu = torch.device("cuda:0")
    assert room_on(gpu) == 14 * 10**8
    require_room(gpu, 14 * 10**8, "The rows")
    with pytest.raises(InvalidInput, match=r"The rows would take 2 GB .*Card.* 1\.4 GB are free"):
        require_room(gpu, 2e9, "The rows")


def test_an_end_of_memory_is_a_sentence(torch: Any) -> None:
    """What a device runs out of on the way is told as one of our errors."""
    with (
        pytest.raises(InvalidInput, match="memory of cpu does not suffice"),
        on_device(torch.device("cpu")),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_on_the_host(torch: Any) -> None:
    """Arrays of NumPy's are at hand and stay as they are; a tensor's numbers are fetched."""
    x = np.arange(3.0)
    t = torch.arange(3.0)
    assert at_hand(x)
    assert not at_hand(t)
    assert on_host(x) is x
    np.testing.assert_array_equal(on_host(t), x)


def test_short(torch: Any) -> None:
    """bfloat16 keeps eight binary digits."""
    x = torch.tensor([1.0, 1.0 + 2**-7, 1.0 + 2**-9])
    assert short(x).dtype == torch.bfloat16
    assert short(x).tolist() == [1.0, 1.0 + 2**-7, 1.0]


def test_pytorch_is_asked_late() -> None:
    """The module itself holds no PyTorch."""
    assert not any(
        isinstance(value, type(sys)) and value.__name__ == "torch"
        for value in vars(devices).values()
    )
