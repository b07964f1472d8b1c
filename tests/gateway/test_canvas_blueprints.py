"""Blueprint courses of Canvas take no students: said clearly, written nowhere, recorded once."""

from __future__ import annotations

import pytest

from tests.gateway.service import Scim, Service, membership


@pytest.fixture
def scim(service: Service) -> Scim:
    return Scim(service, "canvas")


@pytest.mark.parametrize("role", ["StudentEnrollment", "ObserverEnrollment"])
def test_a_student_is_refused_before_any_write(scim: Scim, role: str) -> None:
    user, at = scim.add("ann"), scim.add_course("BLUE-1")
    scim.service.canvas.site.courses[int(at)].blueprint = True
    scim.service.forget()
    before = len(scim.service.events)
    refused = scim.post("/Memberships", membership(user, at, courseRoleId=role))
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert "blueprint" in refused.json["detail"]
    assert {method for method, _ in scim.service.canvas.site.calls} == {"GET"}
    (event,) = scim.service.events[before:]
    assert (event["outcome"], event["status"]) == ("refused", 400)
    assert "blueprint" in event["detail"]


def test_a_teacher_is_taken(scim: Scim) -> None:
    user, at = scim.add("ann"), scim.add_course("BLUE-1")
    scim.service.canvas.site.courses[int(at)].blueprint = True
    made = scim.post("/Memberships", membership(user, at, courseRoleId="TeacherEnrollment"))
    assert made.status_code == 201
