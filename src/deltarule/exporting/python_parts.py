"""What the two kinds of Python source have in common: the literals and the sentences in them."""

from __future__ import annotations

import pprint
from typing import Any

from ..ground.contracts import Array
from .forward import Forward

__all__ = ["about", "constants", "literal", "numbers"]


def literal(value: Any) -> str:
    """A value as Python source, a long list in lines of its own."""
    text = pprint.pformat(value, width=92, compact=True)
    if "\n" not in text:
        return text
    lines = (line.strip() for line in text[1:-1].splitlines())
    return "\n    ".join(("[", *lines)) + ",\n]"


def numbers(array: Array | None) -> Any:
    """One number, or a list of them, that float64 gets back to the bit."""
    assert array is not None
    return array.item() if array.size == 1 else array.tolist()


def about(forward: Forward) -> str:
    """What the network takes and gives, in a few lines for the head of a file."""
    output, k = forward.output, forward.n_outputs
    gives = {
        "classes": f"one of {k} classes",
        "binary": "one of 2 classes",
        "labels": f"{k} labels, each 0 or 1",
        "numbers": "one number" if output.flat else f"{k} numbers",
    }[output.kind]
    lines = [
        f"Rows are (n, {forward.n_features}), {forward.input_dtype} as in training; the scaling is "
        "inside.",
        f"Predicted is {gives}.  Made by {forward.facts['made_by']}.",
    ]
    if "feature_names" in forward.facts:
        lines.append("Rows of the table must be encoded before: FEATURES names the columns.")
    return "\n".join(lines)


def constants(forward: Forward) -> str:
    """FEATURES, CLASSES, MEAN, STD and ORDER, as far as the network has them."""
    output, lines = forward.output, []
    if "feature_names" in forward.facts:
        lines.append(f"FEATURES = {literal(forward.facts['feature_names'])}")
    if output.classes is not None:
        lines.append(f"CLASSES = {literal(output.classes)}")
    if output.kind == "numbers":
        lines.append(f"MEAN, STD = {literal(numbers(output.mean))}, {literal(numbers(output.std))}")
        if output.order is not None:
            lines.append(f"ORDER = {literal(output.order)}")
    return "\n".join(lines)
