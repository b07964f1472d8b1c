"""The colours of the style sheet: each has a name, and enough contrast (WCAG 2.2)."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from gateway.settings import COLORS

STYLE = Path(__file__).parents[3] / "gateway" / "console" / "static" / "console.css"
TEXT_ON_GROUND = (
    *product(("ink", "faint", "accent"), ("paper", "sheet")),
    *product(("good", "bad"), ("sheet", "paper")),
    *(("good", "good-tint"), ("bad", "bad-tint"), ("warn", "warn-tint"), ("faint", "paper")),
    *(("ink", "good-tint"), ("ink", "bad-tint"), ("on-accent", "accent")),
)
SHAPES_ON_GROUND = tuple(product(("focus", "edge", "accent", *COLORS[1:]), ("paper", "sheet")))


def palettes() -> dict[str, dict[str, str]]:
    """Return the colours of the style sheet by their names, for each of its `:root` rules."""
    rules = re.findall(r":root\s*{(.*?)}", STYLE.read_text(encoding="utf-8"), re.S)
    named = [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", rule)) for rule in rules]
    light = named[0]
    return {"light": light, "dark": light | named[1], "print": light | named[2]}


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_the_palette_has_contrast(name: str) -> None:
    palette = palettes()[name]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for needed, pairs in ((4.5, TEXT_ON_GROUND), (3.0, SHAPES_ON_GROUND)):
        for front, ground in pairs:
            found = contrast(palette[front], palette[ground])
            assert found >= needed, f"{front} on {ground}: {found:.2f}"


def test_every_colour_has_a_name() -> None:
    outside = re.sub(r":root\s*{.*?}", "", STYLE.read_text(encoding="utf-8"), flags=re.S)
    assert not re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl", outside)
