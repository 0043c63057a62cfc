"""A network as one file: what the file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.storage.container import read_tensors

X = np.random.default_rng(0).normal(size=(12, 4))
Y = np.arange(12) % 3


def saved(tmp_path: Path, net: dr.Network) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors and the description in the file of a network."""
    net.save(tmp_path / "net.safetensors")
    return read_tensors(tmp_path / "net.safetensors")


def test_each_parameter_by_name(tmp_path: Path) -> None:
    """The file holds each parameter and statistic under the name that the network gives it."""
    net = dr.Network([4, 5, 3], normalization="batch", scaling="feature")
    net.train(X, Y, epochs=1, progress=False)
    tensors, _ = saved(tmp_path, net)
    for name, w in net.parameters.items():
        np.testing.assert_array_equal(tensors.pop(f"theta.{name}"), w)
    assert net.preprocessing.scaling is not None
    np.testing.assert_array_equal(tensors.pop("scaling.shift"), net.preprocessing.scaling.shift)
    np.testing.assert_array_equal(tensors.pop("scaling.factor"), net.preprocessing.scaling.factor)
    assert set(tensors) == {"statistics.batchnorm1.mean", "statistics.batchnorm1.variance"}


def test_the_description_is_the_constructor(tmp_path: Path) -> None:
    """The settings in the file are the arguments that make the network again."""
    net = dr.Network([4, 5, 3], activation={"name": "elu", "alpha": 0.5}, seed=9, l2=0.25)
    net.about = {"data": "mine", "class_names": ["a", "b", "c"]}
    _, description = saved(tmp_path, net)
    assert description["about"] == net.about
    again = dr.Network(**description["network"])
    assert again.settings == net.settings
    assert again.chain.theta.tobytes() == net.chain.theta.tobytes()


def test_the_same_network_is_the_same_file(tmp_path: Path) -> None:
    """Files of equal networks are equal to the byte."""
    files = []
    for name in ("a", "b"):
        net = dr.Network([4, 5, 3])
        net.train(X, Y, epochs=2, progress=False)
        net.save(tmp_path / name)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


def test_saving_again_replaces(tmp_path: Path) -> None:
    """A second save takes the place of the first, whole."""
    net = dr.Network([4, 5, 3])
    net.save(tmp_path / "net")
    net.train(X, Y, epochs=1, progress=False)
    net.save(tmp_path / "net")
    np.testing.assert_array_equal(dr.load(tmp_path / "net").predict(X), net.predict(X))
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


@pytest.mark.parametrize("about", [{"x": object()}, {"x": float("nan")}, {"x": np.arange(3)}])
def test_facts_must_be_plain(tmp_path: Path, about: dict[str, Any]) -> None:
    """What JSON cannot hold is refused before anything is written."""
    net = dr.Network([4, 3])
    net.about = about
    with pytest.raises(dr.InvalidInput, match="cannot be written as JSON"):
        net.save(tmp_path / "net")
    assert list(tmp_path.iterdir()) == []
