"""Floor 0, the ground: the shapes that everything fits."""

ORDER = (
    "synonyms",
    "errors",
    "installing",
    "frames",
    "signals",
    "memory",
    "contracts",
    "options",
    "arrays",
    "devices",
    "flat",
    "randomness",
)
