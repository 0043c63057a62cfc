"""One flat vector, many named views."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.flat import Layout, Slot

laws = settings(deadline=None, derandomize=True, max_examples=50)

shapes = st.dictionaries(
    st.text("abc.", min_size=1, max_size=4),
    st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple),
    max_size=6,
)


@laws
@given(shapes)
def test_views_tile_the_vector(shapes: dict[str, tuple[int, ...]]) -> None:
    """The views have the shapes asked for and cover every entry exactly once."""
    layout = Layout(shapes)
    vector = np.zeros(layout.size)
    views = layout.views(vector)
    assert {name: view.shape for name, view in views.items()} == shapes
    for view in views.values():
        view += 1
    assert layout.size == sum(math.prod(shape) for shape in shapes.values())
    assert (vector == 1).all()


@laws
@given(shapes)
def test_matrices_come_first(shapes: dict[str, tuple[int, ...]]) -> None:
    """`matrices` covers the arrays of two or more axes and nothing else."""
    layout = Layout(shapes)
    vector = np.zeros(layout.size)
    vector[layout.matrices] = 1
    for name, view in layout.views(vector).items():
        assert (view == (len(shapes[name]) >= 2)).all()


@laws
@given(shapes)
def test_order_is_kept(shapes: dict[str, tuple[int, ...]]) -> None:
    """Within the matrices, and within the vectors, arrays lie in the order given."""
    layout = Layout(shapes)
    for kind in (True, False):
        given_order = [name for name, shape in shapes.items() if (len(shape) >= 2) is kind]
        assert [name for name in layout if (len(shapes[name]) >= 2) is kind] == given_order


def test_views_write_through() -> None:
    """Writing to a view writes to the vector, and the other way round."""
    layout = Layout({"b": (2,), "W": (2, 3)})
    vector = np.zeros(layout.size)
    w = layout.view(vector, "W")
    w[1, 2] = 5.0
    vector[0] = 7.0
    assert vector[5] == 5.0
    assert w[0, 0] == 7.0
    assert np.shares_memory(w, vector)


def test_views_of_a_tensor_write_through() -> None:
    """The same layout serves torch tensors."""
    import pytest

    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    vector = torch.zeros(8)
    Layout({"b": (2,), "W": (2, 3)}).view(vector, "W")[1, 2] = 5.0
    assert vector[5] == 5.0


def test_slot_ends_where_its_shape_ends() -> None:
    """A slot ends after as many entries as its shape has."""
    assert Slot(3, (2, 4)).stop == 11
    assert Slot(3, ()).stop == 4
