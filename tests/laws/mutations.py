"""Files that were damaged on their way, and bytes that never were a file."""

from __future__ import annotations

import os

from hypothesis import strategies as st

EXAMPLES = 1500 if os.environ.get("DELTARULE_LONG") == "1" else 80


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file, flipped, cut, spliced, stretched, or put together from its own parts."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(0, 4))):
        last = max(len(content) - 1, 0)
        places = st.integers(0, last) | st.integers(0, min(last, 200))
        at, to = sorted((draw(places), draw(places)))
        kind = draw(st.sampled_from(["flip", "set", "cut", "insert", "repeat", "splice", "end"]))
        if not content:
            content += draw(st.binary(max_size=20))
        elif kind == "flip":
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            content[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del content[at:to]
        elif kind == "insert":
            content[at:at] = draw(st.binary(max_size=20))
        elif kind == "repeat":
            content[at:at] = content[at : min(to, at + 4000)]
        elif kind == "splice":
            content[at:to] = valid[draw(places) :][: to - at]
        else:
            del content[at:]
    return bytes(content)


def anything(valid: bytes) -> st.SearchStrategy[bytes]:
    """Arbitrary bytes, behind the beginning of a valid file or alone."""
    starts = st.sampled_from([b"", valid[:4], valid[:8], valid[:64]])
    return st.builds(bytes.__add__, starts, st.binary(max_size=300))


def damaged(valid: bytes) -> st.SearchStrategy[bytes]:
    """Either, the first three times of four."""
    one = mutated(valid)
    return st.one_of(one, one, one, anything(valid))
