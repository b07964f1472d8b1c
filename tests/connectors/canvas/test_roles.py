"""What is particular to Canvas's roles."""

from __future__ import annotations

import pytest

from connectors.canvas.client import CanvasClient
from connectors.canvas.roles import RoleBook
from connectors.canvas.simulator.records import Role
from schemas.errors import ScimError
from tests.connectors.canvas.joined import Joined, joined, options


@pytest.fixture
def canvas() -> Joined:
    return joined()


def test_account_and_course_roles_are_one_list_of_one_call(canvas: Joined) -> None:
    roles = {role["roleId"]: role for role in canvas.found("Role")}
    assert canvas.calls == ["GET accounts/self/roles"]
    assert roles.keys() == {
        *("AccountAdmin", "StudentEnrollment", "TeacherEnrollment", "TaEnrollment"),
        *("DesignerEnrollment", "ObserverEnrollment", "Help Desk", "Lab Assistant"),
    }
    student, admin = roles["StudentEnrollment"], roles["AccountAdmin"]
    assert {name: student[name] for name in ("id", "name", "kind", "custom", "available")} == {
        "id": "3",
        "name": "Student",
        "kind": "course",
        "custom": False,
        "available": "Course",
    }
    assert (admin["kind"], admin["custom"], "available" in admin) == ("system", False, False)
    assert (roles["Lab Assistant"]["custom"], roles["Lab Assistant"]["actAsInstructor"]) == (
        True,
        True,
    )
    assert student["actAsInstructor"] is False
    assert student["meta"]["created"] == "2020-01-01T00:00:00Z"


def test_one_role_is_one_call(canvas: Joined) -> None:
    role = canvas["Role"].get("22")
    assert role is not None and role["roleId"] == "Lab Assistant"
    assert canvas.calls == ["GET accounts/self/roles/22"]
    assert canvas.found("Role", 'id eq "22"') == [role]
    for id in ("999", "x", "", "0", "../1"):
        assert canvas["Role"].get(id) is None


def test_a_deactivated_role_is_none(canvas: Joined) -> None:
    canvas.site.roles[22].state = "inactive"
    assert canvas["Role"].get("22") is None
    assert "22" not in [role["id"] for role in canvas.found("Role")]


def test_roles_cannot_be_written(canvas: Joined) -> None:
    for method in ("create", "update", "delete"):
        assert not canvas["Role"].offers(method)


def test_names_of_roles_are_read_once_and_again_for_a_new_name(canvas: Joined) -> None:
    book = RoleBook(CanvasClient(options(canvas.simulator)))
    assert book.role("StudentEnrollment", "1").id == 3
    assert book.role("Lab Assistant", "12").base == "TaEnrollment"
    assert canvas.calls == ["GET accounts/self/roles"]
    canvas.site.roles.put(Role(40, "Auditor", "Auditor", "ObserverEnrollment", 1, 0, 0))
    assert book.role("Auditor", "1").id == 40
    assert canvas.calls == ["GET accounts/self/roles"] * 2


def test_roles_of_the_courses_account_are_found_after_those_of_the_root() -> None:
    canvas = joined(courses=1)
    canvas.site.roles.put(Role(41, "Tutor", "Tutor", "TaEnrollment", 12, 0, 0))
    book = RoleBook(CanvasClient(options(canvas.simulator)))
    assert book.role("Tutor", "12").id == 41
    assert canvas.calls == ["GET accounts/self/roles", "GET accounts/12/roles"]
    for name in ("AccountAdmin", "Help Desk", "King"):
        with pytest.raises(ScimError) as refused:
            book.role(name, "12")
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert name in refused.value.detail
