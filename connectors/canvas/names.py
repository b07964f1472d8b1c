"""People's names: given and family name are read from Canvas's name for sorting.

Canvas takes what stands before the first comma for the family name; without a comma that is the
last word (`name_parts` of its user model).
"""

from __future__ import annotations

from connectors.mapping import Resource

PARTS = ("givenName", "familyName")


def parts_of(sortable: str) -> tuple[str, str]:
    """Return given and family name.

    >>> parts_of("van Gogh, Vincent")
    ('Vincent', 'van Gogh')
    """
    family, comma, given = sortable.partition(",")
    if comma:
        return given.strip(), family.strip()
    return guessed(sortable)


def sortable(given: str, family: str) -> str:
    """Return the name for sorting that `parts_of` reads as these, whichever half is missing.

    >>> sortable("Mary Ann", ""), sortable("", "van Gogh"), sortable("Ada", "Byron")
    (', Mary Ann', 'van Gogh,', 'Byron, Ada')
    """
    return f"{family}, {given}" if given else f"{family},"


def guessed(formatted: str) -> tuple[str, str]:
    """Return given and family name of a full name, as Canvas guesses them."""
    words = formatted.split()
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 else (formatted.strip(), "")


def follow(before: Resource, after: Resource, said: Resource) -> Resource:
    """Return the wanted account with those of its names that follow from what a client says.

    The full name is made of given and family name; these are guessed of a new full name where the
    old one was made of them; the display name is the full name as long as it is no other.
    """
    old, new, told = (dict(user.get("name", {})) for user in (before, after, said))
    if not any(new.values()) and said.get("displayName"):
        new["formatted"] = told["formatted"] = said["displayName"]
    is_composed = (old.get("formatted") or "") == _full(old)
    renamed = _parts(new) != _parts(old)
    if told.get("formatted"):
        if is_composed and not renamed:
            new |= dict(zip(PARTS, guessed(told["formatted"]), strict=True))
    elif renamed and _full(new):
        new["formatted"] = _full(new)
    full, held = new.get("formatted"), before.get("displayName")
    if full and not said.get("displayName") and held in (None, old.get("formatted")):
        after = {**after, "displayName": full}
    return {**after, "name": new} if new else after


def _parts(name: Resource) -> list[str]:
    return [name.get(part) or "" for part in PARTS]


def _full(name: Resource) -> str:
    return " ".join(_parts(name)).strip()
