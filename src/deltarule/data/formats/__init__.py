"""One file per format, each a pure reader: a path in, rows out, and `DeltaruleError` otherwise."""

from __future__ import annotations

ORDER = (
    "reading",
    "safe_pickle",
    "cifar",
    "idx",
    "delimited",
    "arrays",
    "columnar",
    "columnar_mapped",
    "image_folder",
)
