"""Floor 6, the learner's door: chain, loss, optimizer, schedule and preprocessing in one object."""

ORDER = (
    "inputs",
    "parts",
    "settings",
    "construction",
    "memory",
    "labels",
    "targets",
    "preprocessing",
    "judging",
    "resuming",
    "assembly",
    "lane",
    "passes",
    "saving",
    "single_steps",
    "network",
    "engines",
    "loading",
    "summary",
    "checks",
)
