"""What messages say of installing."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

from deltarule.ground.installing import UPGRADE, extra

ROOT = Path(__file__).resolve().parents[2]


def test_an_extra_is_one_requirement_of_this_package() -> None:
    """The command names one requirement, whole to a shell, of the package's own name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in project["optional-dependencies"]:
        words = shlex.split(extra(name))
        assert words == ["pip", "install", f"{project['name']}[{name}]"]


def test_an_upgrade_asks_no_index() -> None:
    """deltarule is on none: another's package of the name must not be fetched."""
    assert "install --upgrade" not in UPGRADE
    assert "pip install ." in UPGRADE
