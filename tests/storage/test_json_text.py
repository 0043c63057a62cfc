"""Plain values as JSON that every reader takes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.storage.json_text import json_text

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def refuse(constant: str) -> None:
    """What a strict reader does with NaN and Infinity."""
    raise AssertionError(constant)


def finite(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@settings(deadline=None, derandomize=True)
@given(value=plain)
def test_strict(value: Any) -> None:
    """A strict reader gets back what was written, with null for what JSON lacks."""
    assert json.loads(json_text(value), parse_constant=refuse) == finite(value)


def test_one_line() -> None:
    """Without an indent it is one line, for files of JSON lines."""
    assert "\n" not in json_text({"a": [1, {"b": "x\ny"}]})
    assert json_text({"a": 1}, indent=1) == '{\n "a": 1\n}'


def test_other_types() -> None:
    """What is not plain is a mistake of ours, not of the user's."""
    with pytest.raises(TypeError):
        json_text({"a": object()})
