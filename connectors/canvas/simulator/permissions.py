"""The account permissions that calls are held against."""

from __future__ import annotations

READ_ROSTER = "read_roster"
VIEW_LOGINS = "view_user_logins"
MANAGE_LOGINS = "manage_user_logins"
MANAGE_DETAILS = "manage_user_details"
READ_EMAILS = "read_email_addresses"
READ_SIS = "read_sis"
MANAGE_SIS = "manage_sis"
IMPORT_SIS = "import_sis"
MANAGE_STUDENTS = "manage_students"
MANAGE_COURSES = "manage_courses"
MANAGE_GROUPS = "manage_groups"
MANAGE_ADMINS = "manage_account_memberships"
MANAGE_ROLES = "manage_role_overrides"
MANAGE_ACCOUNT = "manage_account_settings"
READ_REPORTS = "read_reports"
MANAGE_OBSERVERS = "manage_user_observers"

ALL = frozenset(
    {
        READ_ROSTER, VIEW_LOGINS, MANAGE_LOGINS, MANAGE_DETAILS, READ_EMAILS, READ_SIS, MANAGE_SIS,
        IMPORT_SIS, MANAGE_STUDENTS, MANAGE_COURSES, MANAGE_GROUPS, MANAGE_ADMINS, MANAGE_ROLES,
        MANAGE_ACCOUNT, READ_REPORTS, MANAGE_OBSERVERS,
    }
)  # fmt: skip
