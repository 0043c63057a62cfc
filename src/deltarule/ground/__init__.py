"""Floor 0, the ground: the shapes that everything fits."""

ORDER = ("errors", "memory", "contracts", "options", "arrays", "devices", "flat", "randomness")
