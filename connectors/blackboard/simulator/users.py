"""Accounts: what a body may hold, who sees what of it, and the operations on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.entitlements import (
    ADMINISTER_USERS,
    CREATE_USERS,
    DELETE_USERS,
    MODIFY_USERS,
    RESET_PASSWORDS,
    VIEW_SOME_OF_USERS,
    VIEW_USERS,
)
from connectors.blackboard.simulator.errors import (
    bad_request,
    conflict,
    forbidden,
    not_found,
)
from connectors.blackboard.simulator.filters import (
    Filter,
    any_of,
    contains,
    data_source,
    date,
    equals,
    matching,
    one_of,
)
from connectors.blackboard.simulator.ids import resolve, visible_user
from connectors.blackboard.simulator.listing import (
    OTHERS,
    USERS,
    answer_page,
    choose_fields,
    in_order,
)
from connectors.blackboard.simulator.records import Role, User
from connectors.blackboard.simulator.shapes import (
    Property,
    choice,
    merge,
    parts,
    read_body,
    text,
)
from connectors.blackboard.simulator.site import SYSTEM_ADMIN, Site, stable_hex
from connectors.blackboard.simulator.tables import Table

STATES = ("Yes", "No", "Disabled")
EDUCATION_LEVELS = (
    *("K8", "HighSchool", "Freshman", "Sophomore", "Junior", "Senior", "GraduateSchool"),
    *("PostGraduateSchool", "Unknown"),
)

_PICTURE = {"uploadId": text(), "resourceId": text(since=(3900, 50))}
SHAPE = {
    "externalId": text(256),
    "dataSourceId": text(),
    "userName": Property(required=True),
    "studentId": text(100),
    "password": Property(required=True),
    "educationLevel": choice(*EDUCATION_LEVELS),
    "gender": choice("Female", "Male", "Other", "Unknown"),
    "pronouns": text(1000, since=(3900, 27)),
    "birthDate": Property("day"),
    "institutionRoleIds": Property("texts"),
    "systemRoleIds": Property("texts"),
    "availability": parts(available=choice(*STATES)),
    "name": parts(
        True,
        given=Property(longest=100, required=True),
        family=Property(longest=100, required=True),
        middle=text(100),
        other=text(100),
        suffix=text(100),
        title=text(100),
        preferredDisplayName=choice("GivenName", "OtherName", "Both", since=(3900, 48)),
    ),
    "job": parts(title=text(100), department=text(100), company=text(100)),
    "contact": parts(
        homePhone=text(50),
        mobilePhone=text(50),
        businessPhone=text(50),
        businessFax=text(50),
        email=text(100),
        institutionEmail=text(254, since=(3900, 19)),
        webPage=text(100),
    ),
    "address": parts(
        street1=text(100),
        street2=text(100),
        city=text(50),
        state=text(50),
        zipCode=text(50),
        country=text(50),
    ),
    "locale": parts(
        id=text(),
        calendar=choice("Gregorian", "GregorianHijri", "Hijri", "HijriGregorian"),
        firstDayOfWeek=choice("Sunday", "Monday", "Saturday"),
    ),
    "avatar": parts(False, (3800, 13), source=choice("Default", "User", "System"), **_PICTURE),
    "pronunciation": text(since=(3900, 32)),
    "pronunciationAudio": parts(False, (3900, 32), uploadId=text()),
}

FILTERS = (
    Filter("userName", contains, (3000, 11)),
    Filter("externalId", contains, (3000, 11)),
    Filter("name.family", contains, (3000, 11)),
    Filter("dataSourceId", data_source, (3000, 11)),
    Filter("created", date, (3000, 11)),
    Filter("availability.available", one_of(*STATES), (3100,)),
    Filter("modified", date, (3700, 1)),
    Filter("lastLogin", date, (3900, 9)),
    Filter("institutionRoleIds", any_of, (3900, 61)),
    Filter("studentId", equals, (3900, 80)),
)
EMAIL_FILTER = Filter("contact.email", equals, (3900, 80))
SORTABLE = ("userName", "name.family", "externalId", "dataSourceId", "created")

_BEFORE_DATES = tuple(SHAPE)[: tuple(SHAPE).index("institutionRoleIds")]
_ORDER = tuple(
    dict.fromkeys(("id", "uuid", *_BEFORE_DATES, "created", "modified", "lastLogin", *SHAPE))
)
_SEE_ALL = (MODIFY_USERS, ADMINISTER_USERS, VIEW_USERS)
_SEEN_BY_ALL = "id,name.given,name.family,name.middle,systemRoleIds"


def show_user(call: Call, user: User) -> dict[str, Any]:
    """Return what the own user may see of an account."""
    if not call.has(*_SEE_ALL):
        return choose_fields(user.body, _SEEN_BY_ALL)
    return {name: user.body[name] for name in _ORDER if name in user.body}


def list_users(call: Call) -> Answer:
    """Answer `GET users`."""
    call.require(VIEW_USERS, VIEW_SOME_OF_USERS)
    filters = list(FILTERS)
    if call.site.settings.contact_email_filter and call.has(MODIFY_USERS):
        filters.append(EMAIL_FILTER)
    seen = (user for user in call.site.users.values() if call.site.sees(user))
    rows = in_order(call, matching(call, seen, filters), SORTABLE)
    return answer_page(call, rows, USERS, lambda user: show_user(call, user))


def get_user(call: Call, wanted: str) -> Answer:
    """Answer `GET users/{id}`."""
    call.require(VIEW_USERS, VIEW_SOME_OF_USERS)
    return Answer(200, show_user(call, visible_user(call, wanted)))


def create_user(call: Call) -> Answer:
    """Answer `POST users`."""
    call.require(CREATE_USERS)
    site = call.site
    given = read_body(SHAPE, call.read(), site.settings, creating=True)
    password = given.pop("password")
    _settle(call, given)
    if given.get("externalId") is None:
        given["externalId"] = given["userName"]
    _refuse_duplicate(site, given, None)
    user = add_user(site, given)
    site.set_password(user, password)
    return created(1, f"users/{user.id}", show_user(call, user))


def update_user(call: Call, wanted: str) -> Answer:
    """Answer `PATCH users/{id}`."""
    sent = call.read()
    if "password" in sent:
        call.require(*RESET_PASSWORDS)
    if sent.keys() != {"password"}:
        call.require(MODIFY_USERS)
    site = call.site
    user = visible_user(call, wanted)
    given = read_body(SHAPE, sent, site.settings, creating=False)
    password = given.pop("password", None)
    _settle(call, given)
    _refuse_duplicate(site, given, user)
    merge(user.body, given)
    _describe_pictures(site, user)
    user.body["modified"] = site.clock.stamp()
    site.users.renew(user)
    if password is not None:
        site.set_password(user, password)
    return Answer(200, show_user(call, user))


def delete_user(call: Call, wanted: str) -> Answer:
    """Answer `DELETE users/{id}`."""
    call.require(DELETE_USERS)
    call.site.remove_user(visible_user(call, wanted))
    return Answer(204)


def get_avatar(call: Call, wanted: str) -> Answer:
    """Answer `GET users/{id}/avatar`: an account that never chose a picture has none."""
    call.require(VIEW_USERS, VIEW_SOME_OF_USERS)
    user = visible_user(call, wanted)
    if user.body["avatar"]["source"] == "Default":
        raise not_found(wanted)
    signature = stable_hex("signature", user.id, call.site.clock.stamp())
    address = f"{call.site.settings.site_url}/avatar/{user.body['uuid']}?signature={signature}"
    return Answer(302, location=address)


def list_sessions(call: Call, wanted: str = "") -> Answer:
    """Answer `GET sessions` and `GET users/{id}/sessions`: nobody is signed in."""
    call.require(ADMINISTER_USERS)
    if wanted:
        visible_user(call, wanted)
    none: list[User] = []
    return answer_page(call, none, OTHERS, lambda user: show_user(call, user))


def add_user(site: Site, given: dict[str, Any]) -> User:
    """Add an account with checked properties and the defaults of all others."""
    taken = site.users.take_id()
    stamp = site.clock.stamp()
    body: dict[str, Any] = {
        "id": taken,
        "uuid": stable_hex("user", taken),
        "dataSourceId": "_2_1",
        "educationLevel": "Unknown",
        "gender": "Unknown",
        "created": stamp,
        "modified": stamp,
        "institutionRoleIds": [site.settings.institution_role],
        "systemRoleIds": ["User"],
        "availability": {"available": "Yes"},
        "job": {},
        "contact": {},
        "address": {},
        "locale": {},
        "avatar": {"source": "Default"},
    }
    merge(body, given)
    user = User(taken, body)
    _describe_pictures(site, user)
    return site.users.add(user)


def _settle(call: Call, given: dict[str, Any]) -> None:
    """Replace ids and role keys by the forms in which they are kept."""
    site = call.site
    if "dataSourceId" in given:
        wanted = given["dataSourceId"]
        given["dataSourceId"] = resolve(site.data_sources, wanted or "_2_1", "dataSourceId")
    if "institutionRoleIds" in given:
        wanted = given["institutionRoleIds"] or [site.settings.institution_role]
        given["institutionRoleIds"] = _in_role_order(
            site.institution_roles, wanted, "institutionRoleIds"
        )
    if "systemRoleIds" in given:
        wanted = given["systemRoleIds"] or ["User"]
        given["systemRoleIds"] = _in_role_order(site.system_roles, wanted, "systemRoleIds")
        if SYSTEM_ADMIN in given["systemRoleIds"] and not site.settings.sees_system_admins:
            raise forbidden()
    avatar = given.get("avatar", {})
    if avatar.get("uploadId") and avatar.get("resourceId"):
        raise bad_request("avatar.uploadId and avatar.resourceId exclude each other")


def _in_role_order(table: Table[Role], keys: Iterable[str], name: str) -> list[str]:
    """Return the keys of known roles, each once: the primary one, then the rest by alphabet."""
    found: dict[str, None] = {}
    for key in keys:
        role = table.find("roleId", key)
        if role is None:
            raise bad_request(f"Invalid value for {name}: {key}")
        found[role.key] = None
    primary, *rest = found
    return [primary, *sorted(rest)]


def _refuse_duplicate(site: Site, given: dict[str, Any], user: User | None) -> None:
    for key in ("userName", "externalId"):
        value = given.get(key)
        other = site.users.find(key, value) if value else None
        if other is not None and other is not user:
            raise conflict("A user with the same userName or externalId already exists")


def _describe_pictures(site: Site, user: User) -> None:
    """Turn uploads into what is shown of them."""
    address = f"{site.settings.site_url}/learn/api/public/v1/users/{user.id}"
    avatar = user.body["avatar"]
    uploaded = avatar.pop("uploadId", None) or avatar.pop("resourceId", None)
    source = "User" if uploaded else avatar["source"]
    user.body["avatar"] = {"viewUrl": f"{address}/avatar", "source": source}
    audio = user.body.get("pronunciationAudio")
    if audio is not None:
        if audio.pop("uploadId", None):
            audio["viewUrl"] = f"{address}/pronunciationAudio"
        if not audio:
            del user.body["pronunciationAudio"]
