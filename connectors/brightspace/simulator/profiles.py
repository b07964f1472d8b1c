"""What is kept beside an account: names, profile, locale, attributes and demographics."""

from __future__ import annotations

from typing import Any

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.errors import malformed, not_found, refused
from connectors.brightspace.simulator.records import User
from connectors.brightspace.simulator.shapes import (
    ARRAY,
    NUMBER,
    OBJECT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    check,
)

_NAMES = {
    "LegalFirstName": TEXT,
    "LegalLastName": TEXT,
    "PreferredFirstName": TEXT_OR_NULL,
    "PreferredLastName": TEXT_OR_NULL,
    "SortLastName": TEXT_OR_NULL,
}
_PROFILE_TEXTS = (
    "Nickname HomeTown Email HomePage HomePhone BusinessPhone MobilePhone FaxNumber Address1 "
    "Address2 City Province PostalCode Country Company JobTitle HighSchool University Hobbies "
    "FavMusic FavTVShows FavMovies FavBooks FavQuotations FavWebSites FutureGoals FavMemory"
).split()
_PROFILE = {
    **dict.fromkeys(_PROFILE_TEXTS, TEXT_OR_NULL),
    "Birthday": OBJECT_OR_NULL,
    "SocialMediaUrls": ARRAY,
}
_ATTRIBUTE = {"AttributeId": TEXT, "Value": ARRAY}
_ENTRY = {"Name": TEXT, "Values": ARRAY}


def get_names(call: Call, user_id: int) -> Answer:
    """Answer a person's legal, preferred and sorting names."""
    return Answer(_show_names(call.user(user_id)))


def set_names(call: Call, user_id: int) -> Answer:
    """Replace a person's names."""
    user = call.user(user_id)
    body = check(call.read(), _NAMES)
    if not (body["LegalFirstName"].strip() and body["LegalLastName"].strip()):
        raise refused("The legal names are required.")
    user.legal_first, user.legal_last = body["LegalFirstName"], body["LegalLastName"]
    user.preferred_first = body["PreferredFirstName"] or None
    user.preferred_last = body["PreferredLastName"] or None
    user.sort_last = body["SortLastName"] or None
    return Answer(_show_names(user))


def _show_names(user: User) -> dict[str, Any]:
    return {
        "LegalFirstName": user.legal_first,
        "LegalLastName": user.legal_last,
        "PreferredFirstName": user.preferred_first,
        "PreferredLastName": user.preferred_last,
        "SortLastName": user.sort_last or user.last,
    }


def blank_profile() -> dict[str, Any]:
    """Return the profile of a new account."""
    return {**dict.fromkeys(_PROFILE_TEXTS, ""), "Birthday": None, "SocialMediaUrls": []}


def get_profile(call: Call, user_id: int) -> Answer:
    """Answer a person's own page."""
    return Answer(_show_profile(call.user(user_id)))


def set_profile(call: Call, user_id: int) -> Answer:
    """Replace a person's own page."""
    user = call.user(user_id)
    body = check(call.read(), _PROFILE)
    if body["Birthday"] is not None:
        check(body["Birthday"], {"Month": NUMBER, "Day": NUMBER})
    user.profile = {name: body[name] for name in _PROFILE}
    return Answer(_show_profile(user))


def get_profile_by_key(call: Call, profile_id: str) -> Answer:
    """Answer the page with a profile identifier."""
    for user in call.site.users.values():
        if user.profile_id == profile_id:
            return Answer(_show_profile(user))
    raise not_found()


def _show_profile(user: User) -> dict[str, Any]:
    return {**user.profile, "ProfileIdentifier": user.profile_id}


def get_locale(call: Call, user_id: int) -> Answer:
    """Answer a person's locale."""
    return Answer({"LocaleId": call.user(user_id).locale_id})


def set_locale(call: Call, user_id: int) -> Answer:
    """Set a person's locale."""
    user = call.user(user_id)
    user.locale_id = check(call.read(), {"LocaleId": NUMBER})["LocaleId"]
    return DONE


def list_schemas(call: Call) -> Answer:
    """Answer the attributes that accounts may have."""
    return Answer({"UserAttributeDefinitions": call.site.attribute_schemas})


def get_attributes(call: Call, user_id: int) -> Answer:
    """Answer a person's attributes."""
    user = call.user(user_id)
    return Answer({"UserId": user.id, "Attributes": user.attributes})


def set_attributes(call: Call, user_id: int) -> Answer:
    """Replace the whole set of a person's attributes."""
    user = call.user(user_id)
    known = {one["AttributeId"]: one["AllowMulti"] for one in call.site.attribute_schemas}
    rows = []
    for given in check(call.read(), {"Attributes": ARRAY})["Attributes"]:
        row = check(given, _ATTRIBUTE)
        name, values = row["AttributeId"], row["Value"]
        if name not in known or (len(values) > 1 and not known[name]):
            raise refused(f"The attribute {name} is not valid.")
        rows.append({"AttributeId": name, "Value": _texts(values)})
    user.attributes = rows
    return Answer({"UserId": user.id, "Attributes": rows})


def clear_attributes(call: Call, user_id: int) -> Answer:
    """Take a person's attributes away."""
    call.user(user_id).attributes = []
    return DONE


def get_demographics(call: Call, user_id: int) -> Answer:
    """Answer a person's custom fields of the older system."""
    user = call.user(user_id)
    return Answer({"UserId": user.id, "EntryValues": user.demographics})


def set_demographics(call: Call, user_id: int) -> Answer:
    """Replace a person's custom fields of the older system."""
    user = call.user(user_id)
    rows = [check(row, _ENTRY) for row in check(call.read(), {"EntryValues": ARRAY})["EntryValues"]]
    user.demographics = [{"Name": row["Name"], "Values": _texts(row["Values"])} for row in rows]
    return Answer({"UserId": user.id, "EntryValues": user.demographics})


def clear_demographics(call: Call, user_id: int) -> Answer:
    """Take a person's custom fields of the older system away."""
    call.user(user_id).demographics = []
    return DONE


def _texts(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise malformed()
    return list(values)
