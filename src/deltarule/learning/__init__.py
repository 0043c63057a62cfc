"""Floor 5, learning: the step, the loop, what it remembers, and what checks and judges it."""

ORDER = (
    "snapshot",
    "step",
    "plan",
    "callbacks",
    "slices",
    "sharded",
    "stepping",
    "forecast",
    "history",
    "evaluation",
    "monitor",
    "progress",
    "training",
    "checkpointing",
    "interrupts",
    "full_batch",
    "gradients",
    "examination",
    "symptoms",
    "diagnosis",
)
