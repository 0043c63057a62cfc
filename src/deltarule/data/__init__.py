"""Floor 3: where rows come from, and how they become numbers."""

from __future__ import annotations

ORDER = (
    "selection",
    "dataset",
    "disguises",
    "targets",
    "formats",
    "downloads",
    "digits",
    "sources",
    "pieces",
    "tables",
    "doubts",
    "splits",
    "scaling",
    "batches",
)
