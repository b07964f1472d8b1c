"""Enrollments as answers show them."""

from __future__ import annotations

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.people import show_user
from connectors.canvas.simulator.records import Enrollment

STUDENT = "StudentEnrollment"
_GRADES = (
    "current_grade",
    "current_score",
    "final_grade",
    "final_score",
    "unposted_current_score",
    "unposted_current_grade",
    "unposted_final_score",
    "unposted_final_grade",
)


def show_enrollment(call: Call, row: Enrollment, with_user: bool = False) -> Json:
    """Return an enrollment; lists carry the user within, students have grades."""
    site = call.site
    course, section = site.courses[row.course_id], site.sections[row.section_id]
    role, user = site.roles[row.role_id], site.users[row.user_id]
    body: Json = {
        "id": row.id,
        "user_id": row.user_id,
        "course_id": row.course_id,
        "type": role.base,
        "created_at": write_time(row.created_at),
        "updated_at": write_time(row.updated_at),
        "associated_user_id": row.associated_user_id,
        "start_at": write_time(row.start_at),
        "end_at": write_time(row.end_at),
        "course_section_id": row.section_id,
        "root_account_id": site.root.id,
        "limit_privileges_to_course_section": row.limit_privileges,
        "enrollment_state": row.state,
        "role": role.name,
        "role_id": row.role_id,
        "last_activity_at": write_time(row.last_activity_at),
        "last_attended_at": None,
        "total_activity_time": 0,
    }
    if role.base == STUDENT:
        address = f"{call.base}/courses/{course.id}/grades/{user.id}"
        empty: Json = dict.fromkeys(_GRADES)
        body["grades"] = {"html_url": address, **empty, **row.grades}
    if call.may(permissions.MANAGE_SIS):
        body["sis_import_id"] = row.sis_import_id
    if call.may(permissions.READ_SIS, permissions.MANAGE_SIS):
        login = site.shown_login(user.id)
        body |= {
            "sis_account_id": site.accounts[course.account_id].sis_account_id,
            "sis_course_id": course.sis_course_id,
            "course_integration_id": course.integration_id,
            "sis_section_id": section.sis_section_id,
            "section_integration_id": section.integration_id,
            "sis_user_id": login.sis_user_id if login else None,
        }
    body["html_url"] = f"{call.base}/courses/{course.id}/users/{user.id}"
    if with_user:
        body["user"] = show_user(call, user)
        if call.includes("email") and call.may(permissions.READ_EMAILS):
            body["user"]["email"] = site.email_of(user.id)
        if call.includes("uuid"):
            body["user"]["uuid"] = user.uuid
    return body
