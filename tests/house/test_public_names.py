"""The public surface: what `__all__` names is there, is all there is, and explains itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import deltarule

SOURCE = Path(deltarule.__file__).parent
PUBLIC = [
    "Callback",
    "Comparison",
    "CutShort",
    "Dataset",
    "DeltaruleError",
    "Diverged",
    "DoubtfulFit",
    "FileRefused",
    "History",
    "InvalidInput",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "NotAvailable",
    "Table",
    "TableEncoder",
    "TensorBoard",
    "UnknownName",
    "activations",
    "check_gradients",
    "compare",
    "explain_engine",
    "export",
    "get_threads",
    "initializers",
    "load",
    "load_data",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "set_threads",
    "summary",
    "sweep",
]
MODULES = [
    ".".join(("deltarule", *path.relative_to(SOURCE).with_suffix("").parts))
    for path in sorted(SOURCE.rglob("*.py"))
    if path.stem not in ("__init__", "__main__")
]


def test_surface() -> None:
    """The package offers exactly these names: adding or removing one is a decision."""
    assert sorted(deltarule.__all__) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_name_resolves(name: str) -> None:
    """Each public name is there, documented, and found by dir()."""
    value = getattr(deltarule, name)
    assert inspect.getdoc(value)
    assert name in dir(deltarule)


def test_unknown_name() -> None:
    """What is not public is no attribute, and the message names it."""
    with pytest.raises(AttributeError, match="'deltarule' has no attribute 'Netwrok'"):
        _ = deltarule.Netwrok


def test_typed_surface() -> None:
    """Type checkers see the same names that are loaded when they are first used."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    guarded = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.asname or alias.name
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(PUBLIC)


@pytest.mark.parametrize("module_name", MODULES)
def test_module_explains_itself(module_name: str) -> None:
    """A module says what it is for; each function and class of its `__all__` has a docstring."""
    module = importlib.import_module(module_name)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    named = {name: getattr(module, name) for name in module.__all__}
    silent = [
        name
        for name, value in named.items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and not value.__doc__
    ]
    assert not silent


@pytest.mark.parametrize("name", [n for n in PUBLIC if inspect.isclass(getattr(deltarule, n))])
def test_methods_explain_themselves(name: str) -> None:
    """Each public method and property of a class at the door has a docstring."""
    own = vars(getattr(deltarule, name)).items()
    silent = [
        method
        for method, member in own
        if not method.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property | classmethod))
        and not inspect.getdoc(member)
    ]
    assert not silent


@pytest.mark.parametrize(
    "function",
    [
        deltarule.Network.__init__,
        deltarule.Network.train,
        deltarule.Network.evaluate,
        deltarule.Network.backward,
        deltarule.check_gradients,
        deltarule.compare,
        deltarule.export,
        deltarule.load,
        deltarule.load_data,
        deltarule.sweep,
    ],
    ids=lambda function: function.__qualname__,
)
def test_parameters_are_named(function: Callable[..., object]) -> None:
    """What `help` shows of a door are its own parameters, not those of a wrapper."""
    parameters = inspect.signature(function).parameters
    assert not any(
        p.kind is p.VAR_KEYWORD or p.kind is p.VAR_POSITIONAL for p in parameters.values()
    )


def test_constructor_documents_each_parameter() -> None:
    """The docstring of Network lists each of its parameters; those of train and compare theirs."""
    pairs = (
        (deltarule.Network.__init__, deltarule.Network.__doc__),
        (deltarule.Network.train, deltarule.Network.train.__doc__),
        (deltarule.compare, deltarule.compare.__doc__),
    )
    for function, text in pairs:
        named = re.findall(r"^\s*([\w, ]+) : ", text or "", re.MULTILINE)
        listed = {word for line in named for word in line.split(", ")}
        assert set(inspect.signature(function).parameters) - {"self"} <= listed


def test_type_checkers_know_each_name() -> None:
    """They see no `__getattr__` of the module, which would let misspelt names pass."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    seen = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert "__getattr__" not in seen
    assert callable(deltarule.__getattr__)
