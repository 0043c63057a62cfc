"""Lets the laws import the modules that they share from the folder in which they lie."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
