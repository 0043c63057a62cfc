"""Every colour of a page or a picture, on light and on dark pages: named here and nowhere else.

The hues of `LINES` are told apart by people who see fewer colours, too, and stand 3:1 against
the page (tests measure both).  Style sheets that are files of their own repeat these values, and a
test holds them to this file.
"""

from __future__ import annotations

__all__ = ["DARK", "GREY", "LIGHT", "LINES", "style_sheet"]

LIGHT = {
    "page": "#fbfbf9",
    "card": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#57606a",
    "line": "#d9dee3",
    "edge": "#7d8792",
    "warn": "#8a1f11",
    "warn-page": "#fdecea",
    "best": "#e8f0fd",
    "hint-page": "#fff4dc",
    "blue": "#1f5fbf",
    "orange": "#c2560c",
    "green": "#00805a",
    "plum": "#9b2d7d",
    "violet": "#860dff",
    "rust": "#b4500b",
    "gold": "#7d6400",
    "pink": "#b0268a",
    "purple": "#8b3fc4",
}
DARK = {
    "page": "#14171b",
    "card": "#1c2127",
    "ink": "#e6e8eb",
    "muted": "#a3adb8",
    "line": "#343b43",
    "edge": "#7d8792",
    "warn": "#ffb4a8",
    "warn-page": "#3a1a16",
    "best": "#1d2f4a",
    "hint-page": "#3a3116",
    "blue": "#7db2ff",
    "orange": "#ff9d5c",
    "green": "#3fe0ac",
    "plum": "#d9408f",
    "violet": "#9a66ff",
    "rust": "#ff9d5c",
    "gold": "#e3c94a",
    "pink": "#f07fd0",
    "purple": "#c08bf5",
}
# The hues of several lines in one picture, in the order in which they are taken.
LINES = ("blue", "orange", "ink", "green", "plum", "violet")
GREY = "muted"  # what only serves for comparison
# What the pages of a report name for what it stands for.
ROLES = {
    **{
        name: name for name in ("page", "card", "ink", "muted", "line", "warn", "warn-page", "best")
    },
    "train": "rust",
    "validation": "blue",
    **{f"arm-{i}": hue for i, hue in enumerate(LINES, 1)},
}


def style_sheet(colours: dict[str, str]) -> str:
    """The colours of one theme as CSS properties, --page: …; --card: …; and so on."""
    return " ".join(f"--{role}: {colours[hue]};" for role, hue in ROLES.items())
