"""Cohorts: the core_cohort_* functions.

Capabilities are asked for where Moodle asks: for creation after the look at the idnumber, for
members only once cohort and user were found.
"""

from __future__ import annotations

from typing import Any

from connectors.moodle.simulator.database import COHORT_COLUMNS, check_lengths, comparable, lower
from connectors.moodle.simulator.errors import (
    coding_error,
    invalid_parameter,
    missing_record,
    missing_user,
)
from connectors.moodle.simulator.parameters import PHP_BLANKS
from connectors.moodle.simulator.records import Cohort, User
from connectors.moodle.simulator.replies import format_html, format_line
from connectors.moodle.simulator.site import Caller, Site
from connectors.moodle.simulator.tables import SYSTEM_CONTEXT, context_id

Reply = dict[str, Any]

MANAGE = "moodle/cohort:manage"
VIEW = "moodle/cohort:view"
ASSIGN = "moodle/cohort:assign"


def create_cohorts(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_cohort_create_cohorts: one transaction; idnumber unique, the empty one too."""
    created: list[Reply] = []
    with site.transaction() as changes:
        for values in arguments["cohorts"]:
            category = _find_category(site, values["categorytype"])
            if _find_by_idnumber(site, values["idnumber"]) is not None:
                raise invalid_parameter(f"record already exists: idnumber={values['idnumber']}")
            caller.require(MANAGE)
            check_lengths(COHORT_COLUMNS, values)
            cohort = Cohort(
                id=site.take_cohort_id(),
                name=values["name"],
                idnumber=values["idnumber"],
                description=values.get("description", ""),
                descriptionformat=values["descriptionformat"],
                visible=values.get("visible", True),
                category=category,
            )
            changes.insert(site.cohorts, cohort)
            created.append(_describe(cohort, caller))
    return created


def update_cohorts(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_cohort_update_cohorts: one transaction; the idnumber is not checked here."""
    with site.transaction() as changes:
        for values in arguments["cohorts"]:
            if not values["name"].strip(PHP_BLANKS):
                raise invalid_parameter("Invalid cohort name")
            cohort = _existing_cohort(site, values["id"])
            caller.require(MANAGE)
            category = _find_category(site, values["categorytype"])
            check_lengths(COHORT_COLUMNS, values)
            changes.change(cohort)
            cohort.name = values["name"]
            cohort.idnumber = values["idnumber"]
            cohort.category = category
            cohort.description = values.get("description", cohort.description)
            cohort.visible = values.get("visible", cohort.visible)


def delete_cohorts(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_cohort_delete_cohorts: one transaction."""
    with site.transaction() as changes:
        for cohort_id in arguments["cohortids"]:
            cohort = _existing_cohort(site, cohort_id)
            caller.require(MANAGE)
            changes.remove(site.cohorts, cohort)


def get_cohorts(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_cohort_get_cohorts: no ids means all; unknown ids are just missing."""
    ids = set(arguments.get("cohortids", ())) or site.cohorts.keys()
    found = [site.cohorts[cohort_id] for cohort_id in sorted(ids & site.cohorts.keys())]
    if found:
        caller.require(VIEW, MANAGE)
    return [{**_describe(cohort, caller), "customfields": []} for cohort in found]


def search_cohorts(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_cohort_search_cohorts: substring of name, idnumber or description, by name."""
    context = _find_context(site, arguments["context"])
    caller.require(VIEW, MANAGE)
    includes = arguments["includes"]
    if includes not in ("self", "parents", "all"):
        raise coding_error("Invalid parameter value for 'includes'.")
    wanted = lower(arguments["query"])
    contexts = {context, *([SYSTEM_CONTEXT] if includes == "parents" else [])}
    found = [
        cohort
        for cohort in site.cohorts.values()
        if (includes == "all" or _context_of(cohort) in contexts)
        and any(
            wanted in lower(text) for text in (cohort.name, cohort.idnumber, cohort.description)
        )
    ]
    database = site.settings.database
    found.sort(key=lambda c: (comparable(c.name, database), comparable(c.idnumber, database), c.id))
    start = max(arguments["limitfrom"], 0)
    end = start + arguments["limitnum"] if arguments["limitnum"] > 0 else None
    page = found[start:end]
    return {"cohorts": [{**_describe(cohort, caller), "customfields": []} for cohort in page]}


def get_cohort_members(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_cohort_get_cohort_members: all at once, in no order that a client may rely on."""
    listed: list[Reply] = []
    for cohort_id in arguments["cohortids"]:
        cohort = _existing_cohort(site, cohort_id)
        caller.require(VIEW, MANAGE)
        listed.append({"cohortid": cohort.id, "userids": sorted(cohort.members, key=_scatter)})
    return listed


def add_cohort_members(site: Site, caller: Caller, arguments: Reply) -> Reply:
    """Run core_cohort_add_cohort_members: problems are warnings, the others are applied."""
    warnings: list[Reply] = []
    with site.transaction() as changes:
        for member in arguments["members"]:
            problem = _add_member(site, caller, member, changes.change)
            if problem is not None:
                warnings.append({"warningcode": problem[0], "message": problem[1]})
    return {"warnings": warnings}


def delete_cohort_members(site: Site, caller: Caller, arguments: Reply) -> None:
    """Run core_cohort_delete_cohort_members: all or nothing; who is no member is passed over."""
    with site.transaction() as changes:
        for member in arguments["members"]:
            cohort = _existing_cohort(site, member["cohortid"])
            user = site.users.get(member["userid"])
            if user is None or user.deleted:
                raise missing_user(member["userid"])
            caller.require(ASSIGN, MANAGE)
            changes.change(cohort)
            cohort.members.discard(user.id)


def _add_member(site: Site, caller: Caller, member: Reply, remember: Any) -> tuple[str, str] | None:
    """Add one member, or return the code and text of the warning."""
    cohort_type, cohort_value = member["cohorttype"]["type"], member["cohorttype"]["value"]
    user_type, user_value = member["usertype"]["type"], member["usertype"]["value"]
    if cohort_type not in ("id", "idnumber"):
        return "1", f"invalid parameter: cohortype={cohort_type}"
    if user_type not in ("id", "username"):
        return "1", f"invalid parameter: usertype={user_type}"
    cohort = (
        site.cohorts.get(_as_id(cohort_value))
        if cohort_type == "id"
        else _find_by_idnumber(site, cohort_value)
    )
    if cohort is None:
        return "2", f"cohort {cohort_type}={cohort_value} not exists"
    user = _find_user(site, user_type, user_value)
    if user is None:
        return "2", f"user {user_type}={user_value} not exists"
    if user.id in cohort.members:
        keys = f"{cohort_type}={cohort_value} {user_type}={user_value}"
        return "3", f"record already exists: cohort({keys})"
    caller.require(ASSIGN, MANAGE)
    remember(cohort)
    cohort.members.add(user.id)
    return None


def _describe(cohort: Cohort, caller: Caller) -> Reply:
    return {
        "id": cohort.id,
        "name": format_line(cohort.name, caller.raw),
        "idnumber": cohort.idnumber,
        "description": format_html(cohort.description, caller.raw),
        "descriptionformat": cohort.descriptionformat,
        "visible": cohort.visible,
        "theme": cohort.theme,
    }


def _existing_cohort(site: Site, cohort_id: int) -> Cohort:
    cohort = site.cohorts.get(cohort_id)
    if cohort is None:
        raise missing_record("cohort")
    return cohort


def _find_by_idnumber(site: Site, idnumber: str) -> Cohort | None:
    database = site.settings.database
    wanted = comparable(idnumber, database)
    return next(
        (c for c in site.cohorts.values() if comparable(c.idnumber, database) == wanted), None
    )


def _find_user(site: Site, key: str, value: str) -> User | None:
    if key == "id":
        user = site.users.get(_as_id(value))
        return None if user is None or user.deleted else user
    database = site.settings.database
    wanted = comparable(value, database)
    return next(
        (
            user
            for user in site.users.values()
            if not user.deleted and comparable(user.username, database) == wanted
        ),
        None,
    )


def _find_category(site: Site, categorytype: Reply) -> int | None:
    """Return the category that a cohort belongs to, None for the whole site."""
    kind, value = categorytype["type"], categorytype["value"]
    if kind not in ("system", "id", "idnumber"):
        raise invalid_parameter(f"category type must be id, idnumber or system:{kind}")
    if kind == "system":
        return None
    for category in site.categories.values():
        if (category.id == _as_id(value)) if kind == "id" else (category.idnumber == value):
            return category.id
    raise invalid_parameter(f"category not exists: category {kind} = {value}")


def _find_context(site: Site, context: Reply) -> int:
    """Return the context id given by `contextid`, or by `contextlevel` and `instanceid`."""
    if given := context["contextid"]:
        found = site.contexts.get(given)
        if found is None or found.level == "course":
            raise missing_record("context")
        return found.id
    match context["contextlevel"]:
        case "system":
            return SYSTEM_CONTEXT
        case "coursecat" if context["instanceid"] in site.categories:
            return context_id("coursecat", context["instanceid"])
        case "coursecat":
            raise missing_record("context")
        case _:
            raise invalid_parameter(
                "a context id, or a context level and an instance id, is needed"
            )


def _context_of(cohort: Cohort) -> int:
    return SYSTEM_CONTEXT if cohort.category is None else context_id("coursecat", cohort.category)


def _as_id(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() else 0


def _scatter(user_id: int) -> int:
    return user_id * 2654435761 % 2**32
