"""Parameter declarations of the web-service functions, and Moodle's strict check against them.

A declaration is data: a text is a scalar (`"int"`, with a default `"auth=manual"`), a list is an
array of its only element, a dict is a structure. A name that ends in `?` may be absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.moodle.simulator.declarations import COURSE_PARAMETERS, REPORT_PARAMETERS
from connectors.moodle.simulator.errors import MoodleError, invalid_parameter
from connectors.moodle.simulator.forms import PhpArray
from connectors.moodle.simulator.settings import Settings

Shape = str | list[Any] | dict[str, Any]

_PREFERENCES = [{"type": "raw", "value": "raw"}]
_CUSTOM_FIELDS = [{"type": "alphanumext", "value": "raw"}]
_CATEGORY = {"type": "text", "value": "raw"}
_MEMBER_KEY = {"type": "alphanumext", "value": "raw"}
_USER_FIELDS = {
    "maildisplay?": "int",
    "city?": "text",
    "country?": "alpha",
    "timezone?": "timezone",
    "description?": "raw",
    "firstnamephonetic?": "notags",
    "lastnamephonetic?": "notags",
    "middlename?": "notags",
    "alternatename?": "notags",
    "interests?": "text",
    "institution?": "text",
    "department?": "text",
    "phone1?": "notags",
    "phone2?": "notags",
    "address?": "text",
    "theme?": "theme",
    "mailformat?": "int",
    "customfields?": _CUSTOM_FIELDS,
    "preferences?": _PREFERENCES,
}
_COHORT = {
    "categorytype": _CATEGORY,
    "name": "raw",
    "idnumber": "raw",
    "description?": "raw",
    "descriptionformat": "int=1",
    "visible?": "bool",
    "theme?": "theme",
    "customfields?": [{"shortname": "alphanumext", "value": "raw"}],
}

PARAMETERS: dict[str, dict[str, Any]] = {
    "core_webservice_get_site_info": {"serviceshortnames?": ["alphanumext"]},
    "core_user_create_users": {
        "users": [
            {
                "createpassword?": "bool",
                "username": "username",
                "auth": "auth=manual",
                "password?": "raw",
                "firstname": "notags",
                "lastname": "notags",
                "email": "raw_trimmed",
                "idnumber": "raw=",
                "lang": "lang=en",
                "calendartype": "plugin=gregorian",
                **_USER_FIELDS,
            }
        ]
    },
    "core_user_update_users": {
        "users": [
            {
                "id": "int",
                "username?": "username",
                "auth?": "auth",
                "suspended?": "bool",
                "password?": "raw",
                "firstname?": "notags",
                "lastname?": "notags",
                "email?": "raw_trimmed",
                "idnumber?": "raw",
                "lang?": "lang",
                "calendartype?": "plugin",
                "userpicture?": "int",
                **_USER_FIELDS,
            }
        ]
    },
    "core_user_delete_users": {"userids": ["int"]},
    "core_user_get_users": {"criteria": [{"key": "alpha", "value": "raw"}]},
    "core_user_get_users_by_field": {"field": "alpha", "values": ["raw"]},
    "core_user_set_user_preferences": {
        "preferences": [{"name": "raw", "value": "raw", "userid": "int=0"}]
    },
    "core_user_update_user_preferences": {
        "userid": "int=0",
        "emailstop?": "int",
        "preferences?": [{"type": "raw", "value?": "raw"}],
    },
    "core_user_get_user_preferences": {"name": "raw=", "userid": "int=0"},
    "core_auth_request_password_reset": {"username": "username=", "email": "raw_trimmed="},
    "core_cohort_create_cohorts": {"cohorts": [_COHORT]},
    "core_cohort_update_cohorts": {"cohorts": [{"id": "int", **_COHORT}]},
    "core_cohort_delete_cohorts": {"cohortids": ["int"]},
    "core_cohort_get_cohorts": {"cohortids?": ["int"]},
    "core_cohort_search_cohorts": {
        "query": "raw",
        "context": {"contextid": "int=0", "contextlevel": "alphanum=", "instanceid": "int=0"},
        "includes": "alpha=parents",
        "limitfrom": "int=0",
        "limitnum": "int=25",
    },
    "core_cohort_add_cohort_members": {
        "members": [{"cohorttype": _MEMBER_KEY, "usertype": _MEMBER_KEY}]
    },
    "core_cohort_delete_cohort_members": {"members": [{"cohortid": "int", "userid": "int"}]},
    "core_cohort_get_cohort_members": {"cohortids": ["int"]},
    **COURSE_PARAMETERS,
    **REPORT_PARAMETERS,
}

PHP_BLANKS = " \t\n\r\0\v"
"""What PHP trims from the ends of a text."""

THEMES = frozenset({"boost", "classic"})

_TAG = re.compile(r"<(?![ \t\n\v\f\r])")
_INT = re.compile(r"0|-?[1-9][0-9]{0,17}")
_PLUGIN = re.compile(r"[a-z](?:[a-z0-9]|_(?!_))*(?<!_)")
_OFFSET = re.compile(r"[+-]?(?:0?\d(?:\.[05])?|1[0-2](?:\.[05])?|13(?:\.0)?)")
_ZONE = re.compile(r"[A-Za-z0-9]+(?:/?[A-Za-z_-])+")
_USERNAME_SURPLUS = re.compile(r"[^-._@a-z0-9]")

_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?",
    re.ASCII | re.IGNORECASE,
)


def clean_username(value: str, settings: Settings) -> str:
    """Lower a username and remove what the site does not allow in one (`PARAM_USERNAME`)."""
    lowered = _drop_bad_bytes(value).strip(PHP_BLANKS).lower()
    return lowered if settings.extended_usernames else _USERNAME_SURPLUS.sub("", lowered)


def strip_tags(value: str) -> str:
    """Remove tags the careless way of PHP: an unclosed `<` swallows the rest of the text."""
    return re.sub(r"<(?![ \t\n\v\f\r])[^>]*>?", "", _drop_bad_bytes(value))


def is_email(address: str) -> bool:
    """Tell whether Moodle takes an address: ASCII, no quoted local part, a dot in the domain."""
    return _EMAIL.fullmatch(address) is not None


def _drop_bad_bytes(value: str) -> str:
    return value.encode("utf-8", "ignore").decode().replace("\0", "")


def _is_timezone(value: str) -> bool:
    return value in ("", "99") or bool(_OFFSET.fullmatch(value) or _ZONE.fullmatch(value))


def _letters(pattern: str) -> Callable[[str, Settings], bool]:
    compiled = re.compile(pattern)
    return lambda value, settings: compiled.fullmatch(value) is not None


_ACCEPTS: dict[str, Callable[[str, Settings], bool]] = {
    "raw": lambda value, settings: True,
    "raw_trimmed": lambda value, settings: value == value.strip(PHP_BLANKS),
    "text": lambda value, settings: _TAG.search(value) is None,
    "notags": lambda value, settings: _TAG.search(value) is None,
    "username": lambda value, settings: value == clean_username(value, settings),
    "auth": lambda value, settings: value == "" or value in settings.auth_methods,
    "lang": lambda value, settings: value == "" or value in settings.languages,
    "theme": lambda value, settings: value == "" or value in THEMES,
    "timezone": lambda value, settings: _is_timezone(value),
    "int": lambda value, settings: _INT.fullmatch(value) is not None,
    "bool": lambda value, settings: value in ("0", "1"),
    "alpha": _letters(r"[A-Za-z]*"),
    "alphanum": _letters(r"[A-Za-z0-9]*"),
    "alphanumext": _letters(r"[A-Za-z0-9_-]*"),
    "safedir": _letters(r"[A-Za-z0-9_-]*"),
    "capability": _letters(r"[a-zA-Z0-9_]+/[a-zA-Z0-9_:]+"),
    "plugin": lambda value, settings: value == "" or _PLUGIN.fullmatch(value) is not None,
}


def accepts(kind: str, value: str, settings: Settings) -> bool:
    """Tell whether Moodle's cleaning for a parameter type leaves the value as it is."""
    return _drop_bad_bytes(value) == value and _ACCEPTS[kind](value, settings)


def check(shape: Shape, value: PhpArray | str, settings: Settings) -> Any:
    """Return the value with its declared types, or raise `invalidparameter`."""
    if isinstance(shape, str):
        return _check_scalar(shape.partition("=")[0], value, settings)
    if not isinstance(value, PhpArray):
        raise invalid_parameter(f"Only arrays accepted. The bad value is: '{value}'")
    if isinstance(shape, list):
        return [check(shape[0], element, settings) for element in value.values()]
    return _check_structure(shape, value, settings)


def _check_scalar(kind: str, value: PhpArray | str, settings: Settings) -> str | int | bool:
    if not isinstance(value, str):
        raise invalid_parameter("Scalar type expected, array or object received.")
    if not accepts(kind, value, settings):
        raise invalid_parameter(
            f'Invalid external api parameter: the value is "{value}", '
            f'the server was expecting "{kind}" type'
        )
    match kind:
        case "int":
            return int(value)
        case "bool":
            return value == "1"
        case _:
            return value


def _default(kind: str, default: str) -> str | int | bool:
    match kind:
        case "int":
            return int(default)
        case "bool":
            return default == "1"
        case _:
            return default


def _check_structure(shape: dict[str, Any], value: PhpArray, settings: Settings) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    unseen = dict.fromkeys(value)
    for declared, inner in shape.items():
        name = declared.removesuffix("?")
        unseen.pop(name, None)
        if name in value:
            try:
                checked[name] = check(inner, value[name], settings)
            except MoodleError as error:
                raise invalid_parameter(f"{name} => {error.message}: {error.debuginfo}") from None
        elif isinstance(inner, str) and "=" in inner:
            kind, _, default = inner.partition("=")
            checked[name] = _default(kind, default)
        elif declared == name:
            raise invalid_parameter(f"Missing required key in single structure: {name}")
    if unseen:
        keys = ", ".join(unseen)
        raise invalid_parameter(f"Unexpected keys ({keys}) detected in parameter array.")
    return checked
