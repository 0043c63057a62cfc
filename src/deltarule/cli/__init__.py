"""Floor 9, the street: parse, call, print."""

ORDER = ("parser", "output", "together", "comparing", "sweeping", "commands", "main")
