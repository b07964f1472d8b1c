"""Filters: how long one of 4 kB takes to be read and planned, and hostile ones to be refused."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

from connectors.base import Options
from connectors.moodle.fields import user_mapping
from connectors.planning import plan
from schemas.errors import ScimError
from schemas.filters import MAX_LENGTH, parse_filter
from schemas.user import USER

_TIMES = 7
_TERM = 'userName eq "user{:05}@example.edu"'
_PATH = 'emails[type eq "work" and not (value ew "@{:05}.example.edu" or display pr)]'
_MEGABYTE = 2**20


def _filled(term: str, word: str, length: int = MAX_LENGTH) -> str:
    """Return so many terms as fit."""
    count = (length + len(word)) // len(term.format(0) + word)
    return word.join(term.format(number) for number in range(count))


LONGEST = {
    "or chain of look-ups": _filled(_TERM, " or "),
    "and chain of value paths": _filled(_PATH, " and "),
    "mixed, 32 deep": _filled("(" * 31 + _TERM + ")" * 31, " or "),
    "one long string": f'userName eq "{"x" * (MAX_LENGTH - 14)}"',
}
"""As long as a filter may be."""

HOSTILE = {
    "10,000 brackets": "(" * 10_000 + "title pr" + ")" * 10_000,
    "4,000 brackets": "(" * 4_000,
    "33 brackets in 4 kB": (_filled(_TERM, " or ", 4000) + " or " + "(" * 33)[-MAX_LENGTH:],
    "1 MB": 'title eq "' + "x" * _MEGABYTE + '"',
    "600 kB or chain": _filled("title pr", " or ", 600_000),
    "1 MB unclosed string": 'title eq "' + "x" * _MEGABYTE,
    "4 kB unclosed string": 'title eq "' + "x" * 4000,
    "4 kB of backslashes": 'title eq "' + "\\" * 4000,
    "4 kB of dots": "a." * 2000,
    "4 kB of colons": "urn:" + "a.:" * 1300,
    "4 kB of digits": "title eq " + "1" * 4000,
    "unclosed at the end": _filled(_TERM, " or ", 4000) + ' or title eq "',
}


def measure(rounds: int) -> None:
    """Print the milliseconds of each, medians, without the parser's cache."""
    mapping = user_mapping(Options(name="moodle"))
    read, hostile = {}, {}
    for name, text in LONGEST.items():
        node = parse_filter.__wrapped__(text, USER)
        parsed = _milliseconds(lambda t=text: parse_filter.__wrapped__(t, USER), rounds)
        planned = _milliseconds(lambda n=node: plan(n, mapping), rounds)
        read[f"{name}, {len(text)} characters"] = (parsed, planned)
    for name, text in HOSTILE.items():
        hostile[name] = _milliseconds(lambda t=text: _refused(t), rounds)
    print(f"\n{'filters':52}{'parse ms':>10}{'plan ms':>10}{'both':>10}")
    for name, (parsed, planned) in read.items():
        print(f"{name:52}{parsed:10.2f}{planned:10.2f}{parsed + planned:10.2f}")
    slowest = max(map(sum, read.values()))
    print(f"\n{'refused':52}{'ms':>10}{'of the slowest above':>24}")
    for name, took in hostile.items():
        print(f"{name:52}{took:10.3f}{took / slowest:24.3f}")


def _refused(text: str) -> None:
    try:
        parse_filter.__wrapped__(text, USER)
    except ScimError:
        return
    raise AssertionError(f"{text[:40]!r} was not refused")


def _milliseconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds * _TIMES):
        started = perf_counter()
        work()
        times.append((perf_counter() - started) * 1000)
    return median(times)
