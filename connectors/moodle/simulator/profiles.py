"""Reading accounts: core_user_get_users and core_user_get_users_by_field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from connectors.moodle.simulator.database import comparable, like, lower
from connectors.moodle.simulator.errors import (
    coding_error,
    invalid_parameter,
    invalid_response,
    plain_error,
)
from connectors.moodle.simulator.parameters import PHP_BLANKS, accepts, clean_username, strip_tags
from connectors.moodle.simulator.records import User
from connectors.moodle.simulator.replies import format_html
from connectors.moodle.simulator.settings import Settings
from connectors.moodle.simulator.site import Caller, Site

Reply = dict[str, Any]
Compute = Callable[[Site, Caller, User], Any]

_CHECKED = {
    "username": "username",
    "firstname": "notags",
    "lastname": "notags",
    "auth": "auth",
    "timezone": "timezone",
}
_FIELDS = (
    ("id", "anyone", True),
    ("username", "details", True),
    ("firstname", "anyone", True),
    ("lastname", "anyone", True),
    ("fullname", "anyone", True),
    ("email", "owner, identity", True),
    ("address", "anyone", False),
    ("phone1", "identity, administrator", False),
    ("phone2", "identity, administrator", False),
    ("department", "details, identity", True),
    ("institution", "details, identity", False),
    ("idnumber", "details, identity", False),
    ("interests", "anyone", False),
    ("firstaccess", "anyone", True),
    ("lastaccess", "anyone", True),
    ("auth", "details", True),
    ("suspended", "anyone", True),
    ("confirmed", "details", True),
    ("lang", "details", True),
    ("theme", "details", True),
    ("timezone", "anyone", False),
    ("mailformat", "details", True),
    ("trackforums", "details", True),
    ("description", "anyone", False),
    ("descriptionformat", "anyone", False),
    ("city", "anyone", False),
    ("country", "anyone", False),
    ("profileimageurlsmall", "anyone", True),
    ("profileimageurl", "anyone", True),
)
"""Each field of a reply in Moodle's order: who sees it, and whether it shows when empty."""

_WILDCARD_KEYS = frozenset({"email", "firstname", "lastname"})
_LEADING_INT = re.compile(r"\s*([+-]?\d+)")
_NUMBER = re.compile(r"\s*([+-]?\d+)(?:\.0*)?\s*")


def is_empty(value: object) -> bool:
    """Tell whether PHP calls a value empty; `"0"` is."""
    return not value or value == "0"


def full_name(user: User) -> str:
    """Return the display name."""
    return " ".join(part for part in (user.firstname, user.lastname) if part)


def own_preferences(site: Site, user: User) -> list[Reply]:
    """Return an account's preferences, with the time of loading that Moodle keeps among them."""
    stored: list[Reply] = [
        {"name": name, "value": value} for name, value in user.preferences.items()
    ]
    return [*stored, {"name": "_lastloaded", "value": site.now()}]


def get_users(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_user_get_users: criteria joined by AND, unknown keys dropped with a warning."""
    tests: dict[str, Callable[[User], bool]] = {}
    warnings: list[Reply] = []
    used: set[str] = set()
    for criterion in arguments["criteria"]:
        key, value = criterion["key"], criterion["value"]
        if key in used:
            raise plain_error("keyalreadyset")
        used.add(key)
        test = _criterion(site.settings, key, value)
        if test is None:
            text = f"The search key '{key}' is not supported, look at the web service documentation"
            warnings.append({"item": key, "warningcode": "invalidfieldparameter", "message": text})
        else:
            tests[key] = test
    found = (
        user
        for user in site.users_in_order()
        if not user.deleted and all(test(user) for test in tests.values())
    )
    return {"users": _visible(site, caller, found, tests), "warnings": warnings}


def get_users_by_field(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_user_get_users_by_field: equality with any value; deleted rows are found too."""
    field, values = arguments["field"], arguments["values"]
    if field not in ("id", "username", "email", "idnumber"):
        raise coding_error("invalid field parameter")
    for value in values:
        _refuse_unclean(site.settings, field, value)
    if field == "id":
        ids = {int(float(value)) if len(value) < 16 else 0 for value in values}
        found = [site.users[user_id] for user_id in sorted(ids & site.users.keys())]
    else:
        database = site.settings.database
        wanted = {comparable(value, database) for value in values}
        found = [
            user
            for user in site.users_in_order()
            if comparable(getattr(user, field), database) in wanted
        ]
    return _visible(site, caller, found, (field,))


def _visible_fields(site: Site, caller: Caller, own: bool) -> Iterator[tuple[str, bool]]:
    """Yield the fields that the caller sees of its own or of another account."""
    details = own or caller.has("moodle/user:viewalldetails")
    seen = caller.has("moodle/site:viewuseridentity")
    identity = site.settings.show_user_identity if seen else ()
    for name, audience, always in _FIELDS:
        if (
            audience == "anyone"
            or ("details" in audience and details)
            or ("identity" in audience and name in identity)
            or ("owner" in audience and own)
            or ("administrator" in audience and caller.is_admin)
        ):
            yield name, always


def _image(number: int) -> Compute:
    path = f"/theme/image.php/boost/core/1/u/f{number}"
    return lambda site, caller, user: site.settings.site_url + path


def _language(site: Site, caller: Caller, user: User) -> str:
    """Return the account's language, or nothing if the site no longer has it."""
    return user.lang if user.lang in site.settings.languages else ""


def _interests(site: Site, caller: Caller, user: User) -> str:
    return ", ".join(tag.strip() for tag in user.interests.split(",") if tag.strip())


def _description(site: Site, caller: Caller, user: User) -> str:
    return "" if is_empty(user.description) else format_html(user.description, caller.raw)


_COMPUTED: dict[str, Compute] = {
    "fullname": lambda site, caller, user: full_name(user),
    "interests": _interests,
    "lang": _language,
    "description": _description,
    "descriptionformat": lambda site, caller, user: 0 if is_empty(user.description) else 1,
    "profileimageurlsmall": _image(2),
    "profileimageurl": _image(1),
}


def _custom_fields(settings: Settings, user: User, all_details: bool) -> list[Reply]:
    shown: list[Reply] = []
    for declared in settings.profile_fields:
        value = user.customfields.get(declared.shortname, "")
        checkbox = declared.type == "checkbox"
        if (declared.hidden and not all_details) or not (value or checkbox):
            continue
        shown.append(
            {
                "type": declared.type,
                "value": value,
                "displayvalue": ("Yes" if value == "1" else "No") if checkbox else value,
                "name": declared.name,
                "shortname": declared.shortname,
            }
        )
    return shown


def _criterion(settings: Settings, key: str, value: str) -> Callable[[User], bool] | None:
    """Return the test of one search key on the stored value, or None for an unknown key."""
    if key == "id":
        number = _LEADING_INT.match(value)
        wanted_id = int(number[1]) if number else 0
        return lambda user: user.id == wanted_id
    if key in _WILDCARD_KEYS:
        pattern = like(value.strip(PHP_BLANKS) if key == "email" else strip_tags(value))
        return lambda user: pattern.fullmatch(lower(getattr(user, key))) is not None
    if key == "username":
        value = clean_username(value, settings)
    elif key == "auth":
        value = value if value in settings.auth_methods else ""
    elif key != "idnumber":
        return None
    wanted = comparable(value, settings.database)
    return lambda user: comparable(getattr(user, key), settings.database) == wanted


def _refuse_unclean(settings: Settings, field: str, value: str) -> None:
    match field:
        case "id":
            clean = _NUMBER.fullmatch(value) is not None
        case "username":
            clean = value == clean_username(value, settings)
        case _:
            clean = accepts("raw_trimmed" if field == "email" else "raw", value, settings)
    if not clean:
        cleaned = clean_username(value, settings) if field == "username" else value.strip()
        raise invalid_parameter(
            f"The field '{field}' value is invalid: {value}(cleaned value: {cleaned})"
        )


class Viewer:
    """What one caller sees of accounts."""

    def __init__(self, site: Site, caller: Caller) -> None:
        self._site = site
        self._caller = caller
        self._own_fields = list(_visible_fields(site, caller, own=True))
        self._fields = list(_visible_fields(site, caller, own=False))

    def sees(self, user: User) -> bool:
        """Tell whether the account shows to the caller at all; a course's contact always does."""
        return (
            user.id == self._caller.user.id
            or self._caller.has("moodle/user:viewdetails")
            or self._site.is_contact(user.id)
        )

    def describe(self, user: User) -> Reply:
        """Return what the caller sees of an account, in Moodle's order."""
        site, caller = self._site, self._caller
        own = user.id == caller.user.id
        shown: Reply = {}
        for name, always in self._own_fields if own else self._fields:
            computed = _COMPUTED.get(name)
            value = computed(site, caller, user) if computed else getattr(user, name)
            if always or not is_empty(value):
                shown[name] = value
        all_details = own or caller.has("moodle/user:viewalldetails")
        if custom := _custom_fields(site.settings, user, all_details):
            shown["customfields"] = custom
        if own:
            shown["preferences"] = own_preferences(site, user)
        return shown


def _visible(
    site: Site, caller: Caller, found: Iterable[User], searched: Iterable[str]
) -> list[Reply]:
    """Describe the accounts, dropping who does not show a searched field to the caller."""
    viewer = Viewer(site, caller)
    described = (viewer.describe(user) for user in found if viewer.sees(user))
    users = [
        shown for shown in described if not any(is_empty(shown.get(name)) for name in searched)
    ]
    for shown in users:
        _refuse_unencodable(site.settings, shown)
    return users


def _refuse_unencodable(settings: Settings, shown: Reply) -> None:
    """Raise `invalidresponse` for a stored value that its declared type does not take."""
    for name, kind in _CHECKED.items():
        if name in shown and not accepts(kind, shown[name], settings):
            raise invalid_response(
                f'{name} => Invalid external api response: the value is "{shown[name]}", '
                f'the server was expecting "{kind}" type'
            )
