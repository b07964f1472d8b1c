"""Group categories of accounts and courses."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import denied, invalid
from connectors.canvas.simulator.ids import find_account, find_category, find_course
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.people import show_user
from connectors.canvas.simulator.records import Category, Group
from connectors.canvas.simulator.site import Site

COMMUNITIES = "communities"


def show_category(call: Call, category: Category) -> Json:
    """Return a category as answers show it."""
    body: Json = {
        "id": category.id,
        "name": category.name,
        "role": category.role,
        "self_signup": category.self_signup,
        "group_limit": category.group_limit,
        "auto_leader": category.auto_leader,
        "created_at": write_time(category.created_at),
        "context_type": "Account" if category.course_id is None else "Course",
    }
    if category.course_id is None:
        body["account_id"] = category.account_id
    else:
        body["course_id"] = category.course_id
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body["sis_group_category_id"] = category.sis_group_category_id
        body["sis_import_id"] = None
    groups = groups_of(call.site, category)
    body["protected"] = category.role is not None
    body["allows_multiple_memberships"] = category.role == COMMUNITIES
    body["is_member"] = any(
        row.user_id == call.caller.id
        for group in groups
        for row in call.site.members_of(group.id, "accepted")
    )
    return body


def groups_of(site: Site, category: Category) -> list[Group]:
    """Return the groups of a category that are not deleted."""
    rows = site.groups.find("category_id", category.id)
    return [row for row in rows if row.state != "deleted"]


def find_communities(site: Site) -> Category:
    """Return the root account's category of communities, made when it is first needed."""
    for category in site.categories.find("account_id", site.root.id):
        if category.role == COMMUNITIES:
            return category
    number, now = site.categories.take_id(), site.clock.now()
    made = Category(number, "Communities", now, site.root.id, role=COMMUNITIES)
    return site.categories.put(made)


def list_of_account(call: Call, slot: str) -> Answer:
    """Return the categories of an account."""
    account = find_account(call, slot)
    call.require(permissions.MANAGE_GROUPS, permissions.READ_ROSTER)
    return _answer(call, call.site.categories.find("account_id", account.id))


def list_of_course(call: Call, slot: str) -> Answer:
    """Return the categories of a course."""
    course = find_course(call, slot)
    return _answer(call, call.site.categories.find("course_id", course.id))


def _answer(call: Call, rows: list[Category]) -> Answer:
    active = [row for row in rows if row.state != "deleted"]
    return answer_page(call, active, lambda row: show_category(call, row))


def create_in_account(call: Call, slot: str) -> Answer:
    """Add a category to an account."""
    account = find_account(call, slot)
    return _create(call, Category(0, "", call.now, account_id=account.id))


def create_in_course(call: Call, slot: str) -> Answer:
    """Add a category to a course."""
    course = find_course(call, slot)
    return _create(call, Category(0, "", call.now, course_id=course.id))


def _create(call: Call, category: Category) -> Answer:
    call.require(permissions.MANAGE_GROUPS)
    _apply(call, category, call.params)
    category.id = call.site.categories.take_id()
    call.site.categories.put(category)
    for number in range(1, min(call.params.number("create_group_count") or 0, 200) + 1):
        name = f"{category.name} {number}"
        group = Group(call.site.groups.take_id(), name, category.id, call.now)
        call.site.groups.put(group)
    return Answer(show_category(call, category))


def get_category(call: Call, slot: str) -> Answer:
    """Return one category."""
    return Answer(show_category(call, find_category(call, slot)))


def edit_category(call: Call, slot: str) -> Answer:
    """Change a category."""
    category = find_category(call, slot)
    call.require(permissions.MANAGE_GROUPS)
    if category.role is not None:
        raise denied(call.site.settings.denied_status)
    _apply(call, category, call.params)
    return Answer(show_category(call, category))


def _apply(call: Call, category: Category, given: Params) -> None:
    name = given.text("name") if "name" in given else category.name
    if not name:
        raise invalid("name", "blank", "can't be blank")
    others = [
        row
        for row in call.site.categories.values()
        if row.id != category.id and row.state != "deleted"
    ]
    place = (category.account_id, category.course_id)
    near = [row for row in others if (row.account_id, row.course_id) == place]
    if any(row.name.lower() == name.lower() for row in near):
        raise invalid("name", "taken", f"{name} is already in use.")
    sis_id = given.filled("sis_group_category_id")
    if sis_id is not None:
        call.require(permissions.MANAGE_SIS)
        if any(row.sis_group_category_id == sis_id for row in others):
            raise invalid("sis_source_id", "taken", f'SIS ID "{sis_id}" is already in use')
    if "sis_group_category_id" in given:
        category.sis_group_category_id = sis_id
    category.name = name
    for field in ("self_signup", "auto_leader"):
        if field in given:
            setattr(category, field, given.filled(field))
    if "group_limit" in given:
        category.group_limit = given.number("group_limit")


def delete_category(call: Call, slot: str) -> Answer:
    """Delete a category with its groups, never a protected one."""
    category = find_category(call, slot)
    call.require(permissions.MANAGE_GROUPS)
    if category.role is not None:
        raise denied(call.site.settings.denied_status)
    category.state = "deleted"
    for group in groups_of(call.site, category):
        delete_group(call.site, group)
    return Answer(show_category(call, category))


def delete_group(site: Site, group: Group) -> None:
    """Delete a group with its memberships."""
    group.state = "deleted"
    for row in site.memberships.find("group_id", group.id):
        row.state = "deleted"


def list_users(call: Call, slot: str) -> Answer:
    """Return the people in the groups of a category."""
    category = find_category(call, slot)
    call.require(permissions.READ_ROSTER, permissions.MANAGE_GROUPS)
    ids = dict.fromkeys(
        row.user_id
        for group in groups_of(call.site, category)
        for row in call.site.members_of(group.id, "accepted")
    )
    users = [call.site.users[number] for number in ids]
    return answer_page(call, users, lambda user: show_user(call, user))
