"""Floor 8, sweeps: a search over recipes by any number of processes, which loses nothing."""

ORDER = (
    "domains",
    "spaces",
    "stores",
    "searches",
    "samplers",
    "workplaces",
    "trials",
    "findings",
    "announcing",
    "workers",
    "sweeping",
)
