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


def follow(before: Resource, after: Resource) -> Resource:
    """Return the wanted account with those of its names that follow from the others.

    The full name is made of given and family name; these are guessed of a new full name where the
    old one was made of them; the display name is the full name as long as it is no other.
    """
    old, new = before.get("name", {}), dict(after.get("name", {}))
    if not any(new.values()) and after.get("displayName"):
        new["formatted"] = after["displayName"]
    is_composed = (old.get("formatted") or "") == _full(old)
    renamed = _parts(old) != _parts(new)
    if new.get("formatted") == old.get("formatted"):
        if renamed and _full(new):
            new["formatted"] = _full(new)
    elif is_composed and not renamed:
        new |= dict(zip(PARTS, guessed(new["formatted"]), strict=True))
    shown, full = after.get("displayName"), new.get("formatted")
    if full and shown == before.get("displayName") and shown in (None, old.get("formatted")):
        after = {**after, "displayName": full}
    name = {part: value for part, value in new.items() if value}
    rest = {attribute: value for attribute, value in after.items() if attribute != "name"}
    return {**rest, "name": name} if name else rest


def _parts(name: Resource) -> list[str]:
    return [name.get(part) or "" for part in PARTS]


def _full(name: Resource) -> str:
    return " ".join(_parts(name)).strip()
