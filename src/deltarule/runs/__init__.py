"""Floor 7, runs: recipes, the runs that they make, and the use and reports of what was made."""

ORDER = (
    "recipes",
    "folders",
    "preparation",
    "planning",
    "held_out",
    "facts",
    "results",
    "journal",
    "running",
    "serving",
    "remaking",
    "throughput",
)
