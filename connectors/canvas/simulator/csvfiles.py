"""The CSV files of the provisioning report: one per kind of object."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from connectors.canvas.simulator.names import read_names
from connectors.canvas.simulator.site import Site

Rows = Iterable[list[object]]


def write_csv(header: list[str], rows: Rows) -> str:
    """Return a CSV file; None is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def users(site: Site, deleted: bool) -> str:
    """Return one row per login, with its state."""
    header = (
        "canvas_user_id,user_id,integration_id,authentication_provider_id,login_id,first_name,"
        "last_name,full_name,sortable_name,short_name,email,status,created_by_sis"
    )
    rows: list[list[object]] = []
    for login in site.logins.values():
        user = site.users[login.user_id]
        if login.state == "deleted" and not deleted:
            continue
        given, family = read_names(user.sortable_name)
        rows.append(
            [
                user.id,
                login.sis_user_id,
                login.integration_id,
                login.provider_id,
                login.unique_id,
                given,
                family,
                user.name,
                user.sortable_name,
                user.short_name,
                site.email_of(user.id),
                login.state,
                str(login.created_by_sis).lower(),
            ]
        )
    return write_csv(header.split(","), rows)


def accounts(site: Site, deleted: bool) -> str:
    """Return the sub-accounts."""
    header = (
        "canvas_account_id,account_id,canvas_parent_id,parent_account_id,name,status,created_by_sis"
    )
    rows: Rows = (
        [
            row.id,
            row.sis_account_id,
            row.parent_id,
            site.accounts[row.parent_id].sis_account_id,
            row.name,
            row.state,
            "false",
        ]
        for row in site.accounts.values()
        if row.parent_id is not None and (deleted or row.state != "deleted")
    )
    return write_csv(header.split(","), rows)


def courses(site: Site, deleted: bool) -> str:
    """Return the courses."""
    header = (
        "canvas_course_id,course_id,integration_id,short_name,long_name,canvas_account_id,"
        "account_id,canvas_term_id,term_id,status,start_date,end_date,created_by_sis"
    )
    rows: Rows = (
        [
            row.id,
            row.sis_course_id,
            row.integration_id,
            row.code,
            row.name,
            row.account_id,
            site.accounts[row.account_id].sis_account_id,
            row.term_id,
            site.terms[row.term_id].sis_term_id,
            {"available": "active", "claimed": "unpublished"}.get(row.state, row.state),
            None,
            None,
            "false",
        ]
        for row in site.courses.values()
        if deleted or row.state != "deleted"
    )
    return write_csv(header.split(","), rows)


def sections(site: Site, deleted: bool) -> str:
    """Return the sections."""
    header = (
        "canvas_section_id,section_id,canvas_course_id,course_id,integration_id,name,status,"
        "created_by_sis"
    )
    rows: Rows = (
        [
            row.id,
            row.sis_section_id,
            row.course_id,
            site.courses[row.course_id].sis_course_id,
            row.integration_id,
            row.name,
            row.state,
            "false",
        ]
        for row in site.sections.values()
        if deleted or row.state != "deleted"
    )
    return write_csv(header.split(","), rows)


def enrollments(site: Site, deleted: bool) -> str:
    """Return the enrollments."""
    header = (
        "canvas_course_id,course_id,canvas_user_id,user_id,role,role_id,canvas_section_id,"
        "section_id,status,canvas_associated_user_id,base_role_type,"
        "limit_section_privileges,canvas_enrollment_id"
    )
    rows: list[list[object]] = []
    for row in site.enrollments.values():
        if row.state == "deleted" and not deleted:
            continue
        login, role = site.shown_login(row.user_id), site.roles[row.role_id]
        rows.append(
            [
                row.course_id,
                site.courses[row.course_id].sis_course_id,
                row.user_id,
                login.sis_user_id if login else None,
                role.name,
                role.id,
                row.section_id,
                site.sections[row.section_id].sis_section_id,
                {"completed": "concluded"}.get(row.state, row.state),
                row.associated_user_id,
                role.base,
                str(row.limit_privileges).lower(),
                row.id,
            ]
        )
    return write_csv(header.split(","), rows)


def groups(site: Site, deleted: bool) -> str:
    """Return the groups."""
    header = "canvas_group_id,group_id,canvas_group_category_id,name,status,created_by_sis"
    rows: Rows = (
        [row.id, row.sis_group_id, row.category_id, row.name, row.state, "false"]
        for row in site.groups.values()
        if deleted or row.state != "deleted"
    )
    return write_csv(header.split(","), rows)


def group_membership(site: Site, deleted: bool) -> str:
    """Return the memberships of groups."""
    header = "canvas_group_id,group_id,canvas_user_id,user_id,status,created_by_sis"
    rows: list[list[object]] = []
    for row in site.memberships.values():
        if row.state == "deleted" and not deleted:
            continue
        login = site.shown_login(row.user_id)
        sis_group = site.groups[row.group_id].sis_group_id
        sis_user = login.sis_user_id if login else None
        rows.append([row.group_id, sis_group, row.user_id, sis_user, row.state, "false"])
    return write_csv(header.split(","), rows)


FILES: dict[str, Callable[[Site, bool], str]] = {
    "users": users,
    "accounts": accounts,
    "courses": courses,
    "sections": sections,
    "enrollments": enrollments,
    "groups": groups,
    "group_membership": group_membership,
}
