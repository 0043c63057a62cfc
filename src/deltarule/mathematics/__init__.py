"""Floor 1, the mathematics: pure functions, each beside its equation.

A tag such as (A2) names an identity; it is derived under the same tag in `docs/derivations/`.
"""

ORDER = (
    "activations",
    "losses",
    "initializers",
    "optimizers",
    "schedules",
    "metrics",
    "calibration",
    "statistics",
)
