"""Floor 4, storage: files that are whole or absent, and tensors that are right or refused."""

ORDER = ("atomic", "json_text", "container", "generations", "locks")
