"""Floor 3: where rows come from, and how they become numbers."""

from __future__ import annotations

ORDER = (
    "selection",
    "dataset",
    "targets",
    "formats",
    "downloads",
    "digits",
    "sources",
    "pieces",
    "tables",
    "splits",
    "scaling",
    "batches",
)
