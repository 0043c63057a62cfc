"""Floor 2, the machine: layers, the chain that they make, and the optimizer that moves it."""

ORDER = ("layers", "chain", "optimizer")
