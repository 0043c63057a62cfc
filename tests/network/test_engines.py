"""`explain_engine`: who works for a network, and why."""

from __future__ import annotations

from typing import Any

import pytest

import deltarule as dr
from deltarule.engine import native


def test_fast(core: Any) -> None:
    """A plain network is the engine's: the report names its instruction set and threads."""
    report = dr.explain_engine(dr.Network([4, 8, 3]))
    assert (report.training, report.prediction, report.reasons) == ("fast", "fast", ())
    assert report.isa == core.ISAS[-1]
    assert report.threads == dr.get_threads()
    lines = str(report).splitlines()
    assert lines[:2] == ["training    fast", "prediction  fast"]
    assert lines[2].startswith(f"engine      {report.isa}, at most {report.threads} thread")
    assert lines[3:] == ([f"amx         {core.amx()}"] if core.amx() else [])


@pytest.mark.parametrize("state", ["in use", "not used: the system does not allow it"])
def test_matrix_tiles(core: Any, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Of a processor with matrix tiles the report says whether they are used, or why not."""
    monkeypatch.setattr(core, "amx", lambda: state)
    report = dr.explain_engine(dr.Network([4, 8, 3]))
    assert report.amx == state
    assert str(report).splitlines()[3:] == [f"amx         {state}"]


def test_reference(core: Any) -> None:
    """A network with what the engine does not know is the reference's, and the report says why."""
    report = dr.explain_engine(dr.Network([4, 8, 3], normalization="layer"))
    assert (report.training, report.prediction) == ("reference", "reference")
    assert str(report).splitlines()[-1] == f"- {report.reasons[0]}"


def test_one_of_both(core: Any) -> None:
    """A loss of one's own is the reference's to train, and nobody's concern in prediction."""

    @dr.losses.declare("regression")
    def mine(y: Any, z: Any, weight: Any, total: float) -> Any:
        return dr.losses.squared_error(y, z, weight, total)

    report = dr.explain_engine(dr.Network([4, 1], loss=mine))
    assert (report.training, report.prediction) == ("reference", "fast")
    assert "The loss mine is a function of your own" in report.reasons[0]


def test_without_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the core is missing that is the reason, and there is no instruction set."""
    monkeypatch.setattr(native, "_find", lambda: (None, native.NOT_COMPILED))
    report = dr.explain_engine(dr.Network([4, 8, 3]))
    assert (report.training, report.prediction) == ("reference", "reference")
    assert report.reasons == (native.NOT_COMPILED,)
    assert report.isa is None
    assert "engine      not available" in str(report)


def test_what_is_told_is_what_happens(core: Any) -> None:
    """A training takes the engine that was foretold."""
    X = [[0.0, 1.0], [1.0, 0.0]] * 4
    for settings in ({}, {"normalization": "batch"}):
        net = dr.Network([2, 4, 2], **settings)
        history = net.train(X, [0, 1] * 4, epochs=1, progress=False)
        assert history.engine == dr.explain_engine(net).training
