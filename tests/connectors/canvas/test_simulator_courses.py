"""Courses, sections, enrollments, groups, roles and accounts of the simulated Canvas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.connectors.canvas.site import START, Client


def enroll(canvas: Client, user_id: int, status: int = 200, **enrollment: Any) -> Any:
    given = {"user_id": user_id, **enrollment}
    return canvas.post("courses/301/enrollments", {"enrollment": given}, status)


@pytest.fixture
def canvas() -> Client:
    """A site with three people, and a course that nobody is in."""
    client = Client(users=3)
    client.post("accounts/1/courses", {"course": {"name": "Engines"}, "offer": True})
    return client


def test_an_enrollment_is_an_invitation_unless_it_says_otherwise(canvas: Client) -> None:
    body = enroll(canvas, 1001)
    assert (body["enrollment_state"], body["type"]) == ("invited", "StudentEnrollment")
    body = enroll(canvas, 1002, type="TeacherEnrollment", enrollment_state="active")
    assert (body["enrollment_state"], body["role_id"]) == ("active", 4)
    assert "grades" in enroll(canvas, 1001) and "grades" not in body


def test_the_same_enrollment_is_taken_up_again(canvas: Client) -> None:
    first = enroll(canvas, 1001, enrollment_state="active")
    assert enroll(canvas, 1001)["enrollment_state"] == "active"
    path = f"courses/301/enrollments/{first['id']}"
    canvas.delete(path, {"task": "delete"})
    again = enroll(canvas, 1001, enrollment_state="active")
    assert (again["id"], again["enrollment_state"]) == (first["id"], "active")
    assert enroll(canvas, 1001, type="TaEnrollment")["id"] != first["id"]


@pytest.mark.parametrize(
    ("task", "state"),
    [
        (None, "completed"),
        ("conclude", "completed"),
        ("inactivate", "inactive"),
        ("deactivate", "inactive"),
        ("delete", "deleted"),
    ],
)
def test_the_tasks_that_end_an_enrollment(canvas: Client, task: str | None, state: str) -> None:
    number = enroll(canvas, 1001, enrollment_state="active")["id"]
    path = f"courses/301/enrollments/{number}"
    body = canvas.delete(path, {} if task is None else {"task": task})
    assert body["enrollment_state"] == state
    canvas.put(f"{path}/reactivate", status={"inactive": 200, "deleted": 404}.get(state, 400))
    canvas.delete(path, status=404 if state == "deleted" else 200)


def test_the_states_that_lists_have(canvas: Client) -> None:
    for user_id, state in ((1001, "active"), (1002, "inactive"), (1003, "invited")):
        enroll(canvas, user_id, enrollment_state=state)
    assert len(canvas.get("courses/301/enrollments")) == 3
    assert len(canvas.get("courses/301/enrollments?state[]=inactive")) == 1
    assert canvas.get("users/1002/enrollments") == []
    assert len(canvas.get("users/1002/enrollments?state[]=inactive")) == 1
    canvas.delete("courses/301/enrollments/7001")
    assert canvas.get("users/1001/enrollments") == []
    assert len(canvas.get("users/1001/enrollments?state[]=current_and_concluded")) == 1
    assert len(canvas.get("users/1003/enrollments?state[]=current_and_invited")) == 1


def test_filters_of_enrollments() -> None:
    canvas = Client(users=10, courses=2)
    path = "courses/301/enrollments?per_page=100"
    assert {row["type"] for row in canvas.get(f"{path}&type[]=TeacherEnrollment")} == {
        "TeacherEnrollment"
    }
    assert [row["user_id"] for row in canvas.get(f"{path}&user_id=1003")] == [1003]
    assert len(canvas.get(f"{path}&sis_user_id[]=s1000003")) == 1
    assert canvas.get(f"{path}&role[]=Nothing") == []
    rows = canvas.get("users/1003/enrollments?sis_course_id[]=sis-course-2")
    assert [row["course_id"] for row in rows] == [302]
    types = [row["type"] for row in canvas.get(path)]
    assert types == sorted(types)
    assert canvas.get(path)[0]["user"]["login_id"]
    graded = [row for row in canvas.get(path) if row.get("grades", {}).get("current_score")]
    assert graded


@pytest.mark.parametrize(
    ("enrollment", "message"),
    [
        ({"type": "KingEnrollment"}, "Invalid type"),
        ({"role_id": 99}, "Invalid role"),
        ({"role_id": 1}, "Invalid role"),
        ({"role_id": 4, "type": "StudentEnrollment"}, "must match the base type"),
        ({"enrollment_state": "asleep"}, "Invalid enrollment state"),
        ({"user_id": None}, "without a user"),
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_wrong_parameters_are_one_message(
    enrollment: dict[str, Any], message: str, status: int
) -> None:
    canvas = Client(users=1, courses=1, enrollment_error_status=status)
    given = {"user_id": 1001, **enrollment}
    body = canvas.post("courses/301/enrollments", {"enrollment": given}, status)
    assert body.keys() == {"message"} and message in body["message"]


def test_a_custom_role(canvas: Client) -> None:
    body = enroll(canvas, 1001, role_id=22)
    assert (body["type"], body["role"], body["role_id"]) == ("TaEnrollment", "Lab Assistant", 22)
    rows = canvas.get("accounts/1/users?role_filter_id=22")
    assert [row["id"] for row in rows] == [1001]
    canvas.delete("accounts/1/roles/22")
    assert "inactive" in enroll(canvas, 1002, 400, role_id=22)["message"]


def test_who_cannot_be_enrolled(canvas: Client) -> None:
    enroll(canvas, 999, 404)
    canvas.delete("accounts/1/users/1003")
    enroll(canvas, 1003, 404)
    assert enroll(canvas, "sis_user_id:s1000001")["user_id"] == 1001  # type: ignore[arg-type]


@pytest.mark.parametrize("observers", [True, False])
def test_a_blueprint_takes_staff_only(canvas: Client, observers: bool) -> None:
    canvas.site.settings.blueprint_refuses_observers = observers
    body = canvas.put("courses/301", {"course": {"blueprint": True}})
    assert body["blueprint"] is True
    refused = enroll(canvas, 1001, 403)
    assert refused["status"] == "unauthorized"
    enroll(canvas, 1002, 403 if observers else 200, type="ObserverEnrollment")
    enroll(canvas, 1003, type="TeacherEnrollment")


def test_a_course_with_students_becomes_no_blueprint(canvas: Client) -> None:
    enroll(canvas, 1001)
    body = canvas.put("courses/301", {"course": {"blueprint": True}}, 400)
    assert "errors" in body


def test_an_invitation_is_answered_by_the_invited(canvas: Client) -> None:
    number = enroll(canvas, 1001)["id"]
    path = f"courses/301/enrollments/{number}"
    canvas.post(f"{path}/accept", status=403)
    canvas.token = canvas.site.add_token(1001, permissions=())
    assert canvas.post(f"{path}/accept") == {"success": True}
    canvas.post(f"{path}/reject", status=400)


def test_sections_hold_enrollments(canvas: Client) -> None:
    made = canvas.post("courses/301/sections", {"course_section": {"name": "B"}})
    enroll(canvas, 1001, course_section_id=made["id"])
    given = {"enrollment": {"user_id": 1002}}
    canvas.post(f"sections/{made['id']}/enrollments", given)
    rows = canvas.get(f"sections/{made['id']}/enrollments")
    assert sorted(row["user_id"] for row in rows) == [1001, 1002]
    canvas.delete(f"sections/{made['id']}", status=400)
    other = canvas.post("accounts/1/courses", {"course": {"name": "Other"}})
    elsewhere = canvas.post(f"courses/{other['id']}/sections", {"course_section": {"name": "C"}})
    enroll(canvas, 1003, 404, course_section_id=elsewhere["id"])
    body = canvas.put(f"sections/{made['id']}", {"course_section": {"sis_section_id": "S"}})
    assert canvas.get("sections/sis_section_id:S") == body
    canvas.delete(f"sections/{elsewhere['id']}")
    canvas.get(f"sections/{elsewhere['id']}", 404)


def test_the_states_of_a_course(canvas: Client) -> None:
    made = canvas.post("accounts/1/courses", {"course": {"name": "New", "sis_course_id": "C"}})
    path = f"courses/{made['id']}"
    assert made["workflow_state"] == "unpublished"
    assert canvas.put(path, {"course": {"event": "offer"}})["workflow_state"] == "available"
    canvas.delete(path, status=400)
    assert canvas.delete(path, {"event": "conclude"}) == {"conclude": True}
    assert canvas.get(path)["workflow_state"] == "completed"
    assert canvas.delete(path, {"event": "delete"}) == {"delete": True}
    canvas.get(path, 404)
    canvas.post("accounts/1/courses", {"course": {"sis_course_id": "C"}}, 400)
    assert canvas.put(path, {"course": {"event": "undelete"}})["workflow_state"] == "unpublished"
    canvas.delete(path, {"event": "delete"})
    back = {"course": {"sis_course_id": "C"}, "enable_sis_reactivation": True}
    assert canvas.post("accounts/1/courses", back)["id"] == made["id"]


def test_the_list_of_courses() -> None:
    canvas = Client(users=5, courses=6)
    assert len(canvas.get("accounts/1/courses")) == 6
    assert len(canvas.get("accounts/12/courses")) == 3
    found = canvas.get("accounts/1/courses?search_term=crs-0002")
    assert [row["course_code"] for row in found] == ["CRS-0002"]
    canvas.delete("courses/301", {"event": "delete"})
    assert len(canvas.get("accounts/1/courses")) == 5
    assert len(canvas.get("accounts/1/courses?state[]=all")) == 6
    published = canvas.get("accounts/1/courses?published=true")
    assert {row["workflow_state"] for row in published} == {"available"}
    rows = canvas.get("accounts/1/courses?sort=course_name&include[]=term&include[]=teachers")
    names = [row["name"] for row in rows]
    assert names == sorted(names) and rows[0]["term"]["name"] == "Default Term"
    canvas.get("accounts/1/courses?search_term=x", 400)


def test_the_people_of_a_course() -> None:
    canvas = Client(users=10, courses=1)
    rows = canvas.get("courses/301/users?include[]=enrollments&include[]=email&per_page=50")
    assert len(rows) == 10 and rows[0]["enrollments"] and rows[0]["email"]
    teachers = canvas.get("courses/301/search_users?enrollment_type[]=teacher")
    assert sorted(row["login_id"] for row in teachers) == ["user10", "user5"]
    assert len(canvas.get("courses/301/users?user_ids[]=1001&user_ids[]=1002")) == 2


def test_terms() -> None:
    canvas = Client()
    given = {"name": "Spring", "start_at": "2025-01-01T00:00:00Z", "end_at": "2025-06-01T00:00:00Z"}
    made = canvas.post("accounts/1/terms", {"enrollment_term": {**given, "sis_term_id": "SP"}})
    assert made["start_at"] == given["start_at"]
    assert canvas.get("accounts/1/terms/sis_term_id:SP") == made
    assert canvas.get("accounts/1/terms/current")["id"] == made["id"]
    assert len(canvas.get("accounts/1/terms")["enrollment_terms"]) == 2
    canvas.delete(f"accounts/1/terms/{made['id']}")
    canvas.delete("accounts/1/terms/1", status=400)
    assert len(canvas.get("accounts/1/terms")["enrollment_terms"]) == 1
    assert canvas.site.clock.now() == START


def new_group(canvas: Client, category: int, name: str) -> int:
    number: int = canvas.post(f"group_categories/{category}/groups", {"name": name})["id"]
    return number


def members(canvas: Client, group: int) -> list[int]:
    return [row["user_id"] for row in canvas.get(f"groups/{group}/memberships?per_page=100")]


def test_one_group_of_a_category_at_a_time(canvas: Client) -> None:
    category = canvas.post("accounts/1/group_categories", {"name": "Clubs"})["id"]
    first, second = new_group(canvas, category, "A"), new_group(canvas, category, "B")
    made = canvas.post(f"groups/{first}/memberships", {"user_id": 1001})
    assert (made["workflow_state"], made["just_created"]) == ("accepted", True)
    again = canvas.post(f"groups/{first}/memberships", {"user_id": "sis_login_id:user1"})
    assert (again["id"], again["just_created"]) == (made["id"], False)
    canvas.post(f"groups/{second}/memberships", {"user_id": 1001})
    assert (members(canvas, first), members(canvas, second)) == ([], [1001])
    other = canvas.post("accounts/1/group_categories", {"name": "Teams"})["id"]
    third = new_group(canvas, other, "A")
    canvas.post(f"groups/{third}/memberships", {"user_id": 1001})
    assert members(canvas, second) == [1001]


def test_a_list_of_members_takes_the_place_of_all(canvas: Client) -> None:
    category = canvas.post("accounts/1/group_categories", {"name": "Clubs"})["id"]
    group = new_group(canvas, category, "A")
    canvas.put(f"groups/{group}", {"members": [1001, 1002]})
    assert members(canvas, group) == [1001, 1002]
    form = {"members[]": ["1002", "1003"]}
    body = json.loads(canvas.call("PUT", f"groups/{group}", data=form).text)
    assert body["members_count"] == 2
    assert members(canvas, group) == [1002, 1003]
    canvas.call("PUT", f"groups/{group}", data={"members[]": ""})
    canvas.put(f"groups/{group}", {"name": "Renamed"})
    assert members(canvas, group) == [1002, 1003]
    canvas.put(f"groups/{group}", {"members": []})
    assert members(canvas, group) == []


def test_only_one_self_joins_a_community(canvas: Client) -> None:
    group = canvas.post("groups", {"name": "Community"})
    assert group["group_category"]["allows_multiple_memberships"] is True
    path = f"groups/{group['id']}"
    canvas.post(f"{path}/memberships", {"user_id": 1001}, 403)
    canvas.put(path, {"members": [1, 1001]})
    rows = canvas.get(f"{path}/memberships")
    assert [row["workflow_state"] for row in rows] == ["accepted", "invited"]
    canvas.token = canvas.site.add_token(1001, permissions={"read_roster"})
    joined = canvas.post(f"{path}/memberships", {"user_id": "self"})
    assert joined["workflow_state"] == "accepted"
    canvas.delete(f"{path}/users/self")


def test_groups_and_categories(canvas: Client) -> None:
    category = canvas.post("accounts/1/group_categories", {"name": "Clubs"})["id"]
    taken = canvas.post("accounts/1/group_categories", {"name": "clubs"}, 400)
    assert taken["errors"]["name"][0]["type"] == "taken"
    canvas.post("accounts/1/group_categories", {}, 400)
    made = canvas.post(
        f"group_categories/{category}/groups", {"name": "Chess", "sis_group_id": "G-1"}
    )
    canvas.post(f"group_categories/{category}/groups", {"name": "X", "sis_group_id": "G-1"}, 400)
    canvas.post(f"group_categories/{category}/groups", {"name": ""}, 400)
    assert canvas.get("groups/sis_group_id:G-1")["id"] == made["id"]
    name = canvas.site.users[1001].name.split()[0]
    canvas.post(f"groups/{made['id']}/memberships", {"user_id": 1001})
    for term, count in ((name.lower(), 1), ("hes", 1), ("nothing", 0)):
        rows = canvas.get("accounts/1/groups", query_string={"filter": term})
        assert sum(row["id"] == made["id"] for row in rows) == count
    assert [row["id"] for row in canvas.get(f"groups/{made['id']}/users")] == [1001]
    assert len(canvas.get(f"group_categories/{category}/users")) == 1
    assert canvas.delete(f"groups/{made['id']}/users/1001") == {"ok": True}
    canvas.delete(f"groups/{made['id']}/users/1001", status=404)
    canvas.delete(f"group_categories/{category}")
    canvas.get(f"groups/{made['id']}", 404)
    course = canvas.post("courses/301/group_categories", {"name": "Labs"})
    assert (course["context_type"], course["course_id"]) == ("Course", 301)
    new_group(canvas, course["id"], "Lab 1")
    assert [row["name"] for row in canvas.get("courses/301/groups")] == ["Lab 1"]


def test_roles_come_and_go(canvas: Client) -> None:
    made = canvas.post("accounts/1/roles", {"label": "Dean"})
    assert (made["base_role_type"], made["workflow_state"]) == ("AccountMembership", "active")
    path = f"accounts/1/roles/{made['id']}"
    assert canvas.delete(path)["workflow_state"] == "inactive"
    canvas.delete(path, status=400)
    labels = [row["label"] for row in canvas.get("accounts/1/roles?per_page=50")]
    assert "Dean" not in labels and "Student" in labels
    inactive = canvas.get("accounts/1/roles?state[]=inactive")
    assert [row["label"] for row in inactive] == ["Dean"]
    canvas.post(f"{path}/activate")
    canvas.post(f"{path}/activate", status=400)
    body = canvas.put(path, {"permissions": {"read_sis": {"explicit": True, "enabled": True}}})
    assert body["permissions"]["read_sis"]["explicit"] is True
    assert canvas.put(path, {"label": "Provost"})["role"] == "Provost"
    canvas.get("accounts/1/roles/999", 404)


def test_admins_come_and_go(canvas: Client) -> None:
    made = canvas.post("accounts/1/admins", {"user_id": 1001, "role_id": 21})
    assert (made["role"], made["user"]["id"]) == ("Help Desk", 1001)
    assert canvas.post("accounts/1/admins", {"user_id": 1001, "role_id": 21})["id"] == made["id"]
    assert len(canvas.get("accounts/1/admins")) == 2
    assert len(canvas.get("accounts/1/admins?user_id[]=1001")) == 1
    assert [row["user"]["id"] for row in canvas.get("accounts/1/admins/self")] == [1]
    canvas.delete("accounts/1/admins/1001", status=404)
    assert canvas.delete("accounts/1/admins/1001", {"role_id": 21})["workflow_state"] == "deleted"
    assert len(canvas.get("accounts/1/admins")) == 1
    canvas.post("accounts/1/admins", {"user_id": 1001, "role_id": 3}, 404)


def test_sub_accounts(canvas: Client) -> None:
    given = {"account": {"name": "Arts", "sis_account_id": "ART"}}
    made = canvas.post("accounts/1/sub_accounts", given)
    assert (made["parent_account_id"], made["root_account_id"]) == (1, 1)
    inner = canvas.post(f"accounts/{made['id']}/sub_accounts", {"account": {"name": "Music"}})
    assert len(canvas.get("accounts/1/sub_accounts")) == 1
    assert len(canvas.get("accounts/1/sub_accounts?recursive=true")) == 2
    canvas.post("accounts/1/sub_accounts", given, 400)
    course = canvas.post(f"accounts/{inner['id']}/courses", {"course": {"name": "Choir"}})
    body = {"enrollment": {"user_id": 1001}}
    canvas.post(f"courses/{course['id']}/enrollments", body)
    assert [row["id"] for row in canvas.get(f"accounts/{made['id']}/users")] == [1001]
    canvas.delete(f"accounts/{made['id']}/sub_accounts/{inner['id']}", status=400)
    canvas.delete(f"accounts/1/sub_accounts/{inner['id']}", status=404)
    assert [row["id"] for row in canvas.get("accounts")] == [1]
