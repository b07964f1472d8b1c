"""Language tags, where an LMS has some of them."""

from __future__ import annotations


def nearest(locale: str, available: tuple[str, ...]) -> str:
    """Return the available locale that fits best: itself, or its language (RFC 4647 look-up).

    >>> nearest("en-US", ("en", "de"))
    'en'
    """
    wanted = locale.replace("_", "-").casefold()
    spelled = {name.casefold(): name for name in available}
    while wanted:
        if wanted in spelled:
            return spelled[wanted]
        wanted = wanted.rpartition("-")[0]
    return locale
