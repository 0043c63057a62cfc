"""The options of a function, and what a caller has bound."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["options_of", "unbound"]


def options_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function and their defaults: its keyword-only parameters."""
    signature = inspect.signature(function)
    return {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def unbound(function: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A function without the keywords that partials have bound, and those keywords."""
    bound: dict[str, Any] = {}
    while isinstance(function, functools.partial) and not function.args:
        bound = {**function.keywords, **bound}
        function = function.func
    return function, bound
