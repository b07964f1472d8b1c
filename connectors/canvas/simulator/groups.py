"""Groups of accounts and courses."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.categories import (
    delete_group,
    find_communities,
    groups_of,
    show_category,
)
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.errors import invalid
from connectors.canvas.simulator.ids import (
    find_account,
    find_category,
    find_course,
    find_group,
    seek_user,
)
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.memberships import join, leave
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.people import avatar_of, show_user
from connectors.canvas.simulator.records import Category, Group, User
from connectors.canvas.simulator.search import matches, read_term

JOIN_LEVELS = ("invitation_only", "parent_context_request", "parent_context_auto_join")


def show_group(call: Call, group: Group) -> Json:
    """Return a group as answers show it."""
    site = call.site
    category = site.categories[group.category_id]
    account = site.accounts.get(category.account_id or 0)
    course = site.courses.get(category.course_id or 0)
    body: Json = {
        "id": group.id,
        "name": group.name,
        "created_at": write_time(group.created_at),
        "max_membership": None,
        "is_public": group.is_public,
        "join_level": group.join_level,
        "group_category_id": group.category_id,
        "description": group.description,
        "members_count": sum(1 for _ in site.members_of(group.id, "accepted")),
        "storage_quota_mb": 50,
    }
    if course is not None:
        body |= {"context_type": "Course", "context_name": course.name, "course_id": course.id}
    elif account is not None:
        body |= {"context_type": "Account", "context_name": account.name, "account_id": account.id}
    body |= {
        "avatar_url": None,
        "role": category.role,
        "leader": None,
        "has_submission": False,
        "concluded": course is not None and course.state == "completed",
    }
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        body |= {"sis_group_id": group.sis_group_id, "sis_import_id": None}
    if call.includes("users"):
        body["users"] = [show_user(call, user) for user in _people(call, group)]
    if call.includes("group_category"):
        body["group_category"] = show_category(call, category)
    return body


def _people(call: Call, group: Group) -> list[User]:
    return [call.site.users[row.user_id] for row in call.site.members_of(group.id, "accepted")]


def _show_created(call: Call, group: Group) -> Json:
    return {
        **show_group(call, group),
        "users": [show_user(call, user) for user in _people(call, group)],
        "group_category": show_category(call, call.site.categories[group.category_id]),
        "permissions": {
            "create_discussion_topic": True,
            "join": False,
            "create_announcement": True,
        },
    }


def list_of_account(call: Call, slot: str) -> Answer:
    """Return the groups of an account; `filter` looks into their names and their members'."""
    account = find_account(call, slot)
    call.require(permissions.MANAGE_GROUPS, permissions.READ_ROSTER)
    return _answer(call, call.site.categories.find("account_id", account.id))


def list_of_course(call: Call, slot: str) -> Answer:
    """Return the groups of a course."""
    course = find_course(call, slot)
    return _answer(call, call.site.categories.find("course_id", course.id))


def list_of_category(call: Call, slot: str) -> Answer:
    """Return the groups of a category."""
    return _answer(call, [find_category(call, slot)])


def _answer(call: Call, categories: list[Category]) -> Answer:
    term = (call.params.text("filter") or "").lower()
    own = call.params.flag("only_own_groups")
    rows = [
        group
        for category in categories
        for group in groups_of(call.site, category)
        if (not term or _contains(call, group, term))
        and (not own or any(user.id == call.caller.id for user in _people(call, group)))
    ]
    rows.sort(key=lambda group: (group.name.lower(), group.id))
    return answer_page(call, rows, lambda group: show_group(call, group))


def _contains(call: Call, group: Group, term: str) -> bool:
    names = [group.name, *(user.name for user in _people(call, group))]
    return any(term in name.lower() for name in names)


def get_group(call: Call, slot: str) -> Answer:
    """Return one group."""
    return Answer(show_group(call, find_group(call, slot)))


def create_in_category(call: Call, slot: str) -> Answer:
    """Add a group to a category."""
    return _create(call, find_category(call, slot))


def create_community(call: Call) -> Answer:
    """Add a community of the root account."""
    return _create(call, find_communities(call.site))


def _create(call: Call, category: Category) -> Answer:
    call.require(permissions.MANAGE_GROUPS)
    group = Group(0, "", category.id, call.now)
    _apply(call, group, call.params)
    group.id = call.site.groups.take_id()
    call.site.groups.put(group)
    if category.role is not None:
        join(call, group, call.caller)
    return Answer(_show_created(call, group))


def edit_group(call: Call, slot: str) -> Answer:
    """Change a group; `members` takes the place of all that it has."""
    group = find_group(call, slot)
    call.require(permissions.MANAGE_GROUPS)
    _apply(call, group, call.params)
    call.site.groups.put(group)
    if isinstance(call.params.raw("members"), list):
        _replace(call, group)
    return Answer(show_group(call, group))


def _apply(call: Call, group: Group, given: Params) -> None:
    name = given.text("name") if "name" in given else group.name
    if not name:
        raise invalid("name", "blank", "can't be blank")
    if len(name) > 255:
        raise invalid("name", "too_long")
    level = given.filled("join_level")
    if level is not None and level not in JOIN_LEVELS:
        raise invalid("join_level", "inclusion", "is not included in the list")
    sis_id = given.filled("sis_group_id")
    if "sis_group_id" in given:
        call.require(permissions.MANAGE_SIS)
        taken = call.site.groups.find("sis_group_id", sis_id) if sis_id else []
        if any(row.id != group.id for row in taken):
            raise invalid("sis_source_id", "taken", f'SIS ID "{sis_id}" is already in use')
        group.sis_group_id = sis_id
    group.name = name
    group.join_level = level or group.join_level
    if "description" in given:
        group.description = given.filled("description")
    group.is_public = given.flag("is_public", group.is_public)


def _replace(call: Call, group: Group) -> None:
    """Leave exactly the named people in a group; one empty text in a form names nobody anew."""
    slots = call.params.many("members")
    if call.params.raw("members") and not slots:
        return
    found = [seek_user(call, slot) for slot in slots]
    wanted = {user.id: user for user in found if user is not None}
    for row in list(call.site.members_of(group.id, "accepted", "invited", "requested")):
        if row.user_id not in wanted:
            leave(row)
    for user in wanted.values():
        join(call, group, user)


def remove_group(call: Call, slot: str) -> Answer:
    """Delete a group."""
    group = find_group(call, slot)
    call.require(permissions.MANAGE_GROUPS)
    delete_group(call.site, group)
    return Answer(show_group(call, group))


def list_users(call: Call, slot: str) -> Answer:
    """Return the people of a group."""
    group = find_group(call, slot)
    call.require(permissions.READ_ROSTER, permissions.MANAGE_GROUPS)
    term = read_term(call)
    users = [user for user in _people(call, group) if term is None or matches(call, user, term)]
    users.sort(key=lambda user: (user.sortable_name.lower(), user.id))

    def show(user: User) -> Json:
        body = show_user(call, user)
        if call.includes("avatar_url") and call.site.settings.avatars:
            body["avatar_url"] = avatar_of(call, user)
        return body

    return answer_page(call, users, show)
