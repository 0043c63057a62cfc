"""Floor 6, the learner's door: chain, loss, optimizer, schedule and preprocessing in one object."""

ORDER = (
    "parts",
    "inputs",
    "settings",
    "construction",
    "targets",
    "preprocessing",
    "judging",
    "network",
    "saving",
    "summary",
    "checks",
)
