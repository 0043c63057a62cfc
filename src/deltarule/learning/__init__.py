"""Floor 5, learning: the step, the loop, what it remembers, and what checks and judges it."""

ORDER = (
    "step",
    "plan",
    "callbacks",
    "stepping",
    "history",
    "evaluation",
    "monitor",
    "training",
    "gradients",
    "examination",
    "symptoms",
    "diagnosis",
)
