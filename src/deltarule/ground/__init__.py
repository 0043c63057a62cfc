"""Floor 0, the ground: the shapes that everything fits."""

ORDER = (
    "synonyms",
    "errors",
    "memory",
    "contracts",
    "options",
    "arrays",
    "flat",
    "randomness",
)
