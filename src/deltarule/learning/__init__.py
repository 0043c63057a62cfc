"""Floor 5, learning: the step, the loop, what it remembers, and the check of its gradients."""

ORDER = (
    "step",
    "plan",
    "callbacks",
    "stepping",
    "history",
    "evaluation",
    "monitor",
    "progress",
    "training",
    "full_batch",
    "gradients",
)
