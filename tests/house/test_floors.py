"""Imports go down only: floors in their order, and within a folder its files in theirs."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import deltarule

SOURCE = Path(deltarule.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES} - {SOURCE})

Name = tuple[str, ...]


def name_of(path: Path) -> Name:
    """('data', 'formats', 'cifar') for data/formats/cifar.py, ('data',) for data/__init__.py."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {name_of(path) for path in FILES}


def order_of(folder: Name) -> tuple[str, ...]:
    """The ORDER that a folder states."""
    return importlib.import_module(".".join(("deltarule", *folder))).ORDER


def imports(source: str, module: Name, is_package: bool) -> Iterator[Name]:
    """Every module of ours that a file imports when it is loaded or run, not for types alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    package = module if is_package else module[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "deltarule":
                    yield tuple(alias.name.split(".")[1:])
        elif isinstance(node, ast.ImportFrom):
            stem = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                stem = (*package[: len(package) - node.level + 1], *stem)
            elif stem[:1] == ("deltarule",):
                stem = stem[1:]
            else:
                continue
            for alias in node.names:
                inner = (*stem, alias.name)
                yield inner if inner in MODULES else stem


def goes_down(importer: Name, imported: Name) -> bool:
    """Whether one module may import the other."""
    above_all = not importer or importer[0] not in FOLDER_NAMES  # the package and __main__
    if above_all or not imported:  # of the package itself nothing but its version can be meant
        return True
    if importer[0] != imported[0]:
        return FLOOR_OF[imported[0]] < FLOOR_OF[importer[0]]
    for depth, (mine, other) in enumerate(zip(importer, imported, strict=False)):
        if mine != other:
            order = order_of(importer[:depth])
            return order.index(other) < order.index(mine)
    return len(imported) < len(importer)  # its own folder


FLOOR_OF = {name: level for level, names in enumerate(deltarule.FLOORS) for name in names}
FOLDER_NAMES = {folder.name for folder in FOLDERS if folder.parent == SOURCE}


def test_floors_are_complete() -> None:
    """Every folder of the package stands on one floor, and every floor has its folders."""
    assert set(FLOOR_OF) == FOLDER_NAMES
    assert len(FLOOR_OF) == sum(len(names) for names in deltarule.FLOORS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: "/".join(name_of(f / "__init__.py")))
def test_order_is_complete(folder: Path) -> None:
    """The ORDER of a folder names each of its modules and sub-packages once."""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    order = order_of(name_of(folder / "__init__.py"))
    assert sorted(order) == sorted(modules | packages)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_imports_go_down(path: Path) -> None:
    """A file imports from lower floors, or from files before it in its folder's ORDER."""
    module = name_of(path)
    found = imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    upward = [".".join(other) for other in found if not goes_down(module, other)]
    assert not upward


def test_the_check_can_fail() -> None:
    """Imports up a floor, up a folder and across a floor are found, however they are written."""
    tries = {
        "from ..network import network": ("learning", "step"),
        "def f():\n    from ..network.network import Network": ("learning", "step"),
        "from .training import Training": ("learning", "step"),
        "import deltarule.cli.main": ("learning", "step"),
        "from deltarule.learning import step": ("data", "sources"),
        "from ..report import pages": ("storage", "atomic"),
        "from ..sources import load_data": ("data", "formats", "cifar"),
    }
    for source, module in tries.items():
        assert any(not goes_down(module, other) for other in imports(source, module, False)), source


def test_the_check_lets_pass_what_goes_down() -> None:
    """Imports down a floor, down a folder, for types alone and of other packages are allowed."""
    tries = {
        "from ..ground import errors": ("learning", "step"),
        "from .step import train_step": ("learning", "training"),
        "from ...ground.errors import choose": ("data", "formats", "cifar"),
        "from ..dataset import Table": ("data", "formats", "cifar"),
        "from .formats.cifar import read_cifar10": ("data", "sources"),
        "if TYPE_CHECKING:\n    from ..network.network import Network": ("learning", "step"),
        "import numpy": ("ground", "arrays"),
        "from .. import __version__": ("runs", "facts"),
    }
    for source, module in tries.items():
        assert all(goes_down(module, other) for other in imports(source, module, False)), source
