"""A connector that keeps everything in this process: reference implementation, demo and tests."""

from __future__ import annotations

from connectors.base import Connector, Options
from connectors.memory.courses import Courses, Memberships
from connectors.memory.people import Groups, Users
from connectors.memory.store import MemoryCollection, Store, everything
from schemas.course import COURSE
from schemas.group import GROUP
from schemas.membership import MEMBERSHIP
from schemas.role import ROLE
from schemas.user import USER

_MANY = frozenset(("institutionRoleIds", "systemRoleIds", "observers", "observees"))
"""Relations that only an LMS can give a meaning to: left to those that have them."""


class Memory(Connector):
    """Resources of every type that live as long as the process."""

    lasting = False

    def __init__(self, options: Options) -> None:
        store = Store()
        users, courses = Users(everything(USER, _MANY), store), Courses(everything(COURSE), store)
        groups = Groups(everything(GROUP), store, users)
        memberships = Memberships(everything(MEMBERSHIP), store, users, courses)
        users.groups, users.memberships, courses.memberships = groups, memberships, memberships
        self.collections = {
            "User": users,
            "Group": groups,
            "Course": courses,
            "Membership": memberships,
            "Role": MemoryCollection(everything(ROLE), store),
        }
