"""Floor 7, experiments: recipes, run folders, sweeps, and the use of what they made."""

ORDER = (
    "recipes",
    "folders",
    "preparation",
    "planning",
    "facts",
    "runs",
    "serving",
    "domains",
    "spaces",
    "stores",
    "searches",
    "samplers",
    "workplaces",
    "trials",
    "sweep_findings",
    "announcing",
    "workers",
    "sweeps",
)
