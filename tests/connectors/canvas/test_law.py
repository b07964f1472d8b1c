"""The planner's law on Canvas's users."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Collection
from connectors.mapping import Resource
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.law import check_law, everything, law_filters
from tests.connectors.operations import TICKET
from tests.schemas.strategies import properties

NAMES = (
    *("Ann", "ANN", "ann", "Weiß", "WEISS", "weiss", "ΣΊΣΥΦΟΣ", "σίσυφος", "İstanbul", "istanbul"),
    *("oﬃce", "office", "Kelvin", "kelvin", "100%", "a_b", "axb", "a\\b", "a*b", "0", "12-3", "7"),
    *("O'Brien", 'say "hi"', "two  blanks", "é", "e\u0301", "😀", "-", "ss/1", "SS/1", "x.json"),
)


def fill_with_odd_names(canvas: Joined) -> None:
    """Add accounts whose values differ in letter case and little else."""
    users = canvas["User"]
    for number, name in enumerate(NAMES):
        other = NAMES[(number * 7 + 3) % len(NAMES)]
        users.create(
            TICKET,
            {
                "userName": f"{number}{name}",
                "externalId": f"{number}-{other}",
                "name": {"givenName": name, "familyName": other, "formatted": f"{other}, {name}"},
                "displayName": other,
                "emails": [{"type": "work", "value": f"{'Kas' if number % 2 else 'ss'}@b.example"}],
                "active": number % 3 != 0,
                "locale": ("de", "en-GB")[number % 2],
                "userType": ("staff", "student")[number % 2],
            },
        )


@cache
def held() -> tuple[Collection, list[Resource], st.SearchStrategy[str]]:
    canvas = joined(users=30, courses=1)
    fill_with_odd_names(canvas)
    collection = canvas["User"]
    every = everything(collection)
    return collection, every, law_filters(collection, every)


@properties
@given(data=st.data())
def test_pushing_down_finds_what_reading_everything_finds(data: st.DataObject) -> None:
    collection, every, texts = held()
    check_law(collection, every, data.draw(texts))
