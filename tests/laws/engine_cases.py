"""Random cases for the laws of the engine."""

from __future__ import annotations

import engine_driver as drive
from engine_driver import Case
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.mathematics import losses

ACTIVATIONS = drive.names("ACTIVATIONS")
LOSSES = names_in(losses) if ACTIVATIONS else []  # the core knows one by another's name
MANY_STEPS = [rule for rule in drive.RULES if rule != "lion"]  # its sign magnifies without end


def laws(examples: int) -> settings:
    """So many examples; that the core is not found anew for each harms nothing."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


widths = st.integers(1, 70)
many_features = st.integers(512, 1100)  # taken in parts
shares = st.floats(0.0, 0.9).map(lambda share: share if share > 0.02 else 0.0)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def shapes(draw: st.DrawFn, features: st.SearchStrategy[int] = widths) -> tuple[int, ...]:
    """Sizes of the layers of a chain with up to four hidden ones."""
    hidden = draw(st.lists(widths, max_size=4))
    return (draw(features), *hidden, draw(st.integers(1, 12)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Everything at random."""
    loss = draw(st.sampled_from(LOSSES))
    in_parts = draw(st.integers(0, 3)) == 3
    batch = draw(st.integers(1, 40))
    return Case(
        sizes=draw(shapes(many_features if in_parts else widths)),
        activation=tuple(draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=1, max_size=4))),
        loss=loss,
        rule=draw(st.sampled_from(MANY_STEPS)),
        option=draw(st.none() | st.floats(0.1, 0.9)),
        dropout=tuple(draw(st.lists(shares, min_size=1, max_size=3))),
        weight_decay=draw(st.sampled_from([0.0, 0.1])),
        l2=draw(st.sampled_from([0.0, 0.03])),
        clip=draw(st.sampled_from([0.0, 0.05, 100.0])),
        average=draw(st.sampled_from([0.0, 0.9, 0.999])),
        batch=batch,
        n=draw(st.integers(1, 60)),
        short=draw(st.integers(0, batch - 1)),
        rows=draw(st.sampled_from(["own", "uint8", "float32", "float64"])),
        layout=draw(st.sampled_from(list(drive.LAYOUTS))),
        scaled=draw(st.booleans()),
        weighted=draw(st.booleans()),
        soft=draw(st.booleans()),
        lr=draw(st.sampled_from([0.001, 0.01])),
        seed=draw(seeds),
    )
