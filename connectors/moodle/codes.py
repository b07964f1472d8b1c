"""The codes that Moodle keeps: countries, time zones and languages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

COUNTRIES = tuple(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS YE YT ZA ZM ZW
    """.split()
)
"""ISO 3166-1 alpha-2, in capitals: Moodle blanks any other country without a word."""


@cache
def time_zones() -> tuple[str, ...]:
    """Return the IANA time zones of regions and places that Moodle's parameter type lets through.

    Names with digits such as `Etc/GMT+5` are refused by Moodle and therefore left out.
    """
    names = (files("tzdata") / "zones").read_text(encoding="utf-8").split()
    places = (name for name in names if "/" in name and not any(c.isdigit() for c in name))
    return ("UTC", *sorted(name for name in places if "+" not in name))


def locale_of(language: str) -> str:
    """Return the SCIM locale of a Moodle language pack.

    >>> locale_of("pt_br")
    'pt-BR'
    """
    first, *rest = language.split("_")
    return "-".join([first, *(part.upper() if len(part) == 2 else part for part in rest)])


def language_of(locale: str) -> str:
    """Return the Moodle language pack of a SCIM locale.

    >>> language_of("pt-BR")
    'pt_br'
    """
    return locale.replace("-", "_").lower()
