"""The entitlements of a Learn user that the simulated operations look at."""

from __future__ import annotations

VIEW_USERS = "system.user.VIEW"
VIEW_SOME_OF_USERS = "user.VIEW"
CREATE_USERS = "system.user.CREATE"
MODIFY_USERS = "system.user.properties.MODIFY"
RESET_PASSWORDS = ("system.user.MODIFY", "system.user-password.MODIFY")
DELETE_USERS = "system.user.DELETE"
ADMINISTER_USERS = "system.useradmin.generic.VIEW"
VIEW_OBSERVERS = "observer.associations.VIEW"
CREATE_OBSERVERS = "system.observer_user.CREATE"
DELETE_OBSERVERS = "system.observer_user.DELETE"
VIEW_INSTITUTION_ROLES = "system.institutionrole.VIEW"
VIEW_SYSTEM_ROLES = "system.systemrole.manager.VIEW"
MANAGE_DATA_SOURCES = "system.datasource.manager.VIEW"

# The names below are not Learn's: its names for these rights are not part of what is known.
VIEW_COURSES = "simulator.course.VIEW"
WRITE_COURSES = "simulator.course.WRITE"
VIEW_MEMBERSHIPS = "simulator.membership.VIEW"
WRITE_MEMBERSHIPS = "simulator.membership.WRITE"
WRITE_GROUPS = "simulator.group.WRITE"
WRITE_TERMS = "simulator.term.WRITE"

ALL = frozenset(
    {
        VIEW_USERS,
        VIEW_SOME_OF_USERS,
        CREATE_USERS,
        MODIFY_USERS,
        *RESET_PASSWORDS,
        DELETE_USERS,
        ADMINISTER_USERS,
        VIEW_OBSERVERS,
        CREATE_OBSERVERS,
        DELETE_OBSERVERS,
        VIEW_INSTITUTION_ROLES,
        VIEW_SYSTEM_ROLES,
        MANAGE_DATA_SOURCES,
        VIEW_COURSES,
        WRITE_COURSES,
        VIEW_MEMBERSHIPS,
        WRITE_MEMBERSHIPS,
        WRITE_GROUPS,
        WRITE_TERMS,
    }
)
