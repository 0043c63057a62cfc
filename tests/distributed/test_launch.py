"""What torchrun tells a process of itself."""

from __future__ import annotations

import pytest

from deltarule.distributed.launch import Launch, launch

TOLD = {"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def test_a_process_alone() -> None:
    """Without all of torchrun's words a process is alone."""
    assert launch({}) is None
    for name in TOLD:
        assert launch({k: v for k, v in TOLD.items() if k != name}) is None
        assert launch(TOLD | {name: ""}) is None


def test_one_of_several() -> None:
    """Its number, how many there are, how often they were started again, and where it is."""
    assert launch(TOLD) == Launch(3, 4, restarts=0, place=3, one_machine=True)
    more = {"TORCHELASTIC_RESTART_COUNT": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert launch(TOLD | more) == Launch(3, 4, restarts=2, place=1, one_machine=False)


def test_the_environment_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default it is this process that is asked about."""
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    assert launch() == Launch(3, 4, 0, 3)
