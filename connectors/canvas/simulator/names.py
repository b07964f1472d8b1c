"""Given and family names, and the form in which people are sorted."""

from __future__ import annotations

_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "v"})


def guess_sortable(name: str) -> str:
    """Return `Last, First` of a name; a single word stays as it is."""
    given, family, suffix = _split(name)
    if not family:
        return given
    tail = f" {suffix}" if suffix else ""
    return f"{family}, {given}{tail}"


def read_names(sortable_name: str) -> tuple[str, str]:
    """Return given and family name; a suffix is in neither."""
    given, family, _ = _split(sortable_name)
    return given, family


def _split(name: str) -> tuple[str, str, str]:
    family, comma, given = name.partition(",")
    if comma:
        words, suffix = _without_suffix(given.split())
        return " ".join(words), family.strip(), suffix
    words, suffix = _without_suffix(name.split())
    if len(words) < 2:
        return " ".join(words), "", suffix
    return " ".join(words[:-1]), words[-1], suffix


def _without_suffix(words: list[str]) -> tuple[list[str], str]:
    if len(words) > 1 and words[-1].lower() in _SUFFIXES:
        return words[:-1], words[-1]
    return words, ""
