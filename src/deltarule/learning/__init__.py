"""Floor 5, learning: the step, the loop, what it remembers, and what checks and judges it."""

ORDER = (
    "snapshot",
    "step",
    "plan",
    "callbacks",
    "stepping",
    "history",
    "evaluation",
    "monitor",
    "progress",
    "divergence",
    "training",
    "checkpointing",
    "tensorboard",
    "interrupts",
    "full_batch",
    "gradients",
    "examination",
    "probes",
    "symptoms",
    "diagnosis",
)
