"""Laws of the palette."""

from __future__ import annotations

import re

import pytest

from deltarule.report import palette


def test_both_themes_have_every_colour() -> None:
    """A name means a colour on light and on dark pages, written as style sheets are."""
    assert list(palette.LIGHT) == list(palette.DARK)
    for colours in (palette.LIGHT, palette.DARK):
        assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for colour in colours.values())


@pytest.mark.parametrize("colours", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_a_style_sheet_has_every_role(colours: dict[str, str]) -> None:
    """What a page names has its colour, and nothing else is set."""
    found = dict(re.findall(r"--([\w-]+): (#\w{6});", palette.style_sheet(colours)))
    assert found == {role: colours[hue] for role, hue in palette.ROLES.items()}
