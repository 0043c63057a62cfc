"""Floor 4, several processes for one training: who they are, how they talk, how they add."""

ORDER = ("launch", "trees", "workers")
