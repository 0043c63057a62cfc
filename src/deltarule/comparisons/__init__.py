"""Floor 8, comparisons: several recipes over several seeds, and what may be said of them."""

ORDER = (
    "arms",
    "questions",
    "asking",
    "errands",
    "pools",
    "run_results",
    "verdict",
    "findings",
    "answers",
    "watching",
    "carrying",
    "comparing",
)
