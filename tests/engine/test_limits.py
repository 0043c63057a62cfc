"""The limits that threadpoolctl sets reach the engine's threads too."""

from __future__ import annotations

from typing import Any

import pytest

import deltarule as dr
from deltarule.engine.limits import join_threadpoolctl

threadpoolctl = pytest.importorskip("threadpoolctl", "3.2")


def test_limits_hold_for_the_engine_and_end(core: Any) -> None:
    """Inside threadpool_limits the engine has that many threads, behind it as many as before."""
    before = dr.get_threads()
    for limits in (3, {"deltarule": 3}):
        with threadpoolctl.threadpool_limits(limits=limits):
            assert core.get_threads() == dr.get_threads() == 3
        assert core.get_threads() == dr.get_threads() == before


def test_the_engine_is_listed_once(core: Any) -> None:
    """threadpool_info names the engine with its threads."""
    found = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "deltarule"]
    assert [i["num_threads"] for i in found] == [dr.get_threads()]


def test_without_threadpoolctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed nothing happens."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not join_threadpoolctl()
