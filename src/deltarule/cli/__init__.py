"""Floor 8, the street: parse, call, print."""

ORDER = ("parser", "output", "comparing", "sweeping", "commands", "main")
