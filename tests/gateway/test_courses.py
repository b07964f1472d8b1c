"""Courses, memberships and roles over HTTP: the same tests on every target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.ticket import Ticket
from gateway.audit import Intent
from gateway.keys import lookup_of, unique_values
from schemas.errors import ScimError
from schemas.filters import instant
from schemas.group import GROUP, LMS_GROUP
from tests.connectors.operations import TICKET
from tests.gateway.service import TARGETS, Scim, Service, course, membership, team

ROLES = {
    "memory": ("Student", "Instructor"),
    "moodle": ("student", "editingteacher"),
    "blackboard": ("Student", "Instructor"),
    "canvas": ("StudentEnrollment", "TeacherEnrollment"),
    "brightspace": ("110", "109"),
}
NOBODY = {
    "memory": "99",
    "moodle": "99",
    "blackboard": "_99_1",
    "canvas": "99",
    "brightspace": "99",
}


@pytest.fixture
def deleting(request: pytest.FixtureRequest, make: Callable[..., Service]) -> Scim:
    """Give each target with the policy that deletes for good."""
    return Scim(make(request.param, policies={"delete": "delete"}), request.param)


each_deleting = pytest.mark.parametrize("deleting", TARGETS, indirect=True)


def test_the_types_are_declared(scim: Scim) -> None:
    kinds = {kind["name"]: kind for kind in scim.get("/ResourceTypes").json["Resources"]}
    assert {"Course", "Membership", "Role"} <= kinds.keys()
    for name in ("Course", "Membership", "Role"):
        schema = scim.get(f"/Schemas/{kinds[name]['schema']}").json
        assert schema["name"] == name
        assert schema["attributes"]


class TestCourses:
    def test_a_course_is_made_read_and_listed(self, scim: Scim) -> None:
        dates = {"start": "2026-09-01T00:00:00+02:00", "end": "2027-01-31T00:00:00Z"}
        if scim.name == "blackboard":
            dates["durationType"] = "DateRange"
        body = course("PHYS-1", externalId="P1", description="<p>All</p>", available="Yes", **dates)
        made = scim.post("/Courses", body)
        assert made.status_code == 201
        assert made.headers["Location"].endswith(f"{scim.base}/Courses/{made.json['id']}")
        shown = scim.get(f"/Courses/{made.json['id']}").json
        assert shown == made.json
        assert shown["meta"]["resourceType"] == "Course"
        for name in ("courseId", "name", "externalId", "description", "available"):
            if scim.holds(name, "Course"):
                assert shown[name] == body[name]
        for name in ("start", "end"):
            assert instant(shown[name]) == instant(body[name])
        listed = scim.get("/Courses", filter='courseId eq "PHYS-1"').json["Resources"]
        assert listed == [shown]
        event = scim.event
        assert (event["operation"], event["resourceType"]) == ("create", "Course")
        assert event["login"] == "PHYS-1"
        for name in ("courseId", "name", "externalId"):
            named = name in {c["path"] for c in event["changes"]}
            assert named is scim.holds(name, "Course")

    @pytest.mark.parametrize(
        "text",
        [
            *('courseId eq "phys-1"', 'name co "physics"', 'externalId eq "P1"', 'name sw "All"'),
            'availability.duration.start lt "2026-10-01T00:00:00Z"',
            'start ge "2026-01-01T00:00:00Z" and start lt "2026-10-01T00:00:00Z"',
            'start pr and courseId sw "PHYS"',
            *('courseId eq "PHYS-1" or courseId eq "NONE"', 'not (courseId eq "CHEM-1")'),
            *('created ge "2001-01-01T00:00:00Z" and courseId sw "PHYS"', 'available eq "Yes"'),
        ],
    )
    def test_courses_are_found(self, scim: Scim, text: str) -> None:
        dates: dict[str, Any] = {"start": "2026-09-01T00:00:00Z"}
        if scim.name == "blackboard":
            dates["durationType"] = "DateRange"
        id = scim.add_course(
            "PHYS-1", name="All of physics", externalId="P1", available="Yes", **dates
        )
        other = scim.add_course("CHEM-1", name="Chemistry", available="No")
        found = scim.get("/Courses", filter=text)
        assert found.status_code == 200, found.text
        ids = [r["id"] for r in found.json.get("Resources", ())]
        # Courses of Brightspace have no external id, and do not tell when they were made.
        lacks = scim.name == "brightspace" and text.startswith(("externalId", "created"))
        assert (id in ids) is not lacks
        assert other not in ids

    def test_one_attribute_changes_alone(self, scim: Scim) -> None:
        id = scim.add_course("PHYS-1", externalId="P1")
        before = scim.get(f"/Courses/{id}").json
        answer = scim.patch(f"/Courses/{id}", {"op": "replace", "path": "name", "value": "Physics"})
        assert answer.status_code == 200, answer.text
        after = scim.get(f"/Courses/{id}").json
        assert after["name"] == "Physics"
        assert {k: v for k, v in after.items() if k not in ("name", "meta")} == {
            k: v for k, v in before.items() if k not in ("name", "meta")
        }
        (change,) = scim.event["changes"]
        assert (change["path"], change["old"], change["new"]) == (
            *("name", before["name"], "Physics"),
        )

    def test_the_same_again_writes_nothing(self, scim: Scim) -> None:
        id = scim.add_course("PHYS-1", externalId="P1", description="d")
        shown = scim.get(f"/Courses/{id}").json
        again = scim.put(f"/Courses/{id}", shown)
        assert again.status_code == 200
        assert scim.event["outcome"] == "noChange"
        assert scim.get(f"/Courses/{id}").json == shown

    def test_a_code_is_taken_once(self, scim: Scim) -> None:
        scim.add_course("PHYS-1")
        refused = scim.post("/Courses", course("PHYS-1"))
        assert (refused.status_code, refused.json["scimType"]) == (409, "uniqueness")

    @pytest.mark.parametrize("lacking", ["courseId", "name"])
    def test_what_is_required(self, scim: Scim, lacking: str) -> None:
        body = course("PHYS-1")
        del body[lacking]
        refused = scim.post("/Courses", body)
        assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
        assert lacking in refused.json["detail"]

    def test_a_deleted_course_is_kept_and_comes_back(self, scim: Scim) -> None:
        id = scim.add_course("PHYS-1", available="Yes")
        assert scim.delete(f"/Courses/{id}").status_code == 204
        assert scim.get(f"/Courses/{id}").status_code == 404
        assert scim.get("/Courses", filter='courseId eq "PHYS-1"').json["totalResults"] == 0
        (change,) = scim.event["changes"]
        assert (change["path"], change["old"], change["new"]) == ("available", "Yes", "No")
        again = scim.post("/Courses", course("PHYS-1"))
        assert (again.status_code, again.json["id"]) == (201, id)
        assert again.json["available"] == "Yes"

    @each_deleting
    def test_a_course_is_deleted_for_good(self, deleting: Scim) -> None:
        id = deleting.add_course("PHYS-1")
        user = deleting.add("ann")
        deleting.enrol(user, id)
        assert deleting.delete(f"/Courses/{id}").status_code == 204
        assert deleting.get(f"/Courses/{id}").status_code == 404
        assert deleting.get("/Courses", filter='courseId eq "PHYS-1"').json["totalResults"] == 0
        assert deleting.delete(f"/Courses/{id}").status_code == 404

    def test_a_deletion_that_the_lms_queues(self, make: Callable[..., Service]) -> None:
        scim = Scim(make("blackboard", policies={"delete": "delete"}), "blackboard")
        site = scim.service.blackboard.site
        id = scim.add_course("PHYS-1")
        assert scim.delete(f"/Courses/{id}").status_code == 204
        assert id in site.courses
        assert scim.get(f"/Courses/{id}").status_code == 404
        early = scim.post("/Courses", course("PHYS-1"))
        assert (early.status_code, early.json["scimType"]) == (409, "uniqueness")
        assert "not yet finished" in early.json["detail"]
        site.clock.advance(60)
        again = scim.post("/Courses", course("PHYS-1"))
        assert again.status_code == 201
        assert again.json["id"] != id


class TestMemberships:
    def test_a_person_is_enrolled_with_the_default_role(self, scim: Scim) -> None:
        user, at = scim.add("ann"), scim.add_course("PHYS-1")
        made = scim.post("/Memberships", membership(user, at))
        assert made.status_code == 201, made.text
        shown = scim.get(f"/Memberships/{made.json['id']}").json
        assert (shown["userId"], shown["courseId"], shown["userName"]) == (user, at, "ann")
        if scim.name != "memory":
            assert shown["courseRoleId"] == ROLES[scim.name][0]
        assert (scim.event["operation"], scim.event["login"]) == ("create", f"{user}/{at}")

    def test_enrolled_twice_is_enrolled_once(self, scim: Scim) -> None:
        user, at = scim.add("ann"), scim.add_course("PHYS-1")
        scim.enrol(user, at)
        refused = scim.post("/Memberships", membership(user, at))
        assert (refused.status_code, refused.json["scimType"]) == (409, "uniqueness")
        assert len(found(scim, f'courseId eq "{at}"')) == 1

    def test_both_sides_find_the_same(self, scim: Scim) -> None:
        ann, bob = scim.add("ann"), scim.add("bob")
        first, second = scim.add_course("PHYS-1"), scim.add_course("CHEM-1")
        one, two, three = scim.enrol(ann, first), scim.enrol(bob, first), scim.enrol(ann, second)
        assert found(scim, f'courseId eq "{first}"') == {one, two}
        assert found(scim, f'userId eq "{ann}"') == {one, three}
        assert found(scim, f'userId eq "{ann}" and courseId eq "{second}"') == {three}
        assert found(scim, 'userName eq "bob"') == {two}
        assert found(scim, f'courseMembership.userId eq "{bob}"') == {two}
        assert found(scim, f'id eq "{one}"') == {one}
        assert found(scim, "userId pr") == {one, two, three}

    def test_the_role_changes(self, scim: Scim) -> None:
        student, teacher = ROLES[scim.name]
        at = scim.add_course("PHYS-1")
        id = scim.enrol(scim.add("ann"), at, courseRoleId=student)
        answer = scim.patch(
            f"/Memberships/{id}", {"op": "replace", "path": "courseRoleId", "value": teacher}
        )
        assert answer.status_code in (200, 204), answer.text
        assert scim.get(f"/Memberships/{id}").json["courseRoleId"] == teacher
        (change,) = scim.event["changes"]
        assert (change["old"], change["new"]) == (student, teacher)
        assert found(scim, f'courseId eq "{at}" and courseRoleId eq "{teacher}"') == {id}

    def test_a_membership_is_suspended_and_comes_back(self, scim: Scim) -> None:
        if not scim.holds("available", "Membership"):
            pytest.skip(f"{scim.name} knows no suspended members")
        id = scim.enrol(scim.add("ann"), scim.add_course("PHYS-1"), available="Yes")
        for available in ("No", "Yes"):
            change = {"op": "replace", "path": "available", "value": available}
            assert scim.patch(f"/Memberships/{id}", change).status_code in (200, 204)
            assert scim.get(f"/Memberships/{id}").json["available"] == available

    def test_the_end_of_a_membership(self, scim: Scim) -> None:
        user, at = scim.add("ann"), scim.add_course("PHYS-1")
        id = scim.enrol(user, at)
        assert scim.delete(f"/Memberships/{id}").status_code == 204
        assert scim.get(f"/Memberships/{id}").status_code == 404
        assert found(scim, f'courseId eq "{at}"') == set()
        assert scim.delete(f"/Memberships/{id}").status_code == 404
        scim.enrol(user, at)

    @pytest.mark.parametrize("end", ["userId", "courseId"])
    @pytest.mark.parametrize("id", ["nobody", "S-1", "userName:admin", "externalId:x", "../1", ""])
    def test_nobody_is_in_what_does_not_exist(self, scim: Scim, end: str, id: str) -> None:
        ends = {"userId": scim.add("ann"), "courseId": scim.add_course("PHYS-1")}
        for wrong in (id, NOBODY[scim.name]):
            body = {**membership(ends["userId"], ends["courseId"]), end: wrong}
            refused = scim.post("/Memberships", body)
            assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
        assert found(scim, f'courseId eq "{ends["courseId"]}"') == set()

    @pytest.mark.parametrize("end", ["userId", "courseId"])
    def test_the_two_ends_stay(self, scim: Scim, end: str) -> None:
        id = scim.enrol(scim.add("ann"), scim.add_course("PHYS-1"))
        other = {"userId": scim.add("bob"), "courseId": scim.add_course("CHEM-1")}[end]
        refused = scim.patch(f"/Memberships/{id}", {"op": "replace", "path": end, "value": other})
        assert (refused.status_code, refused.json["scimType"]) == (400, "mutability")

    def test_pages_by_cursor(self, scim: Scim) -> None:
        at = scim.add_course("PHYS-1")
        made = {scim.enrol(scim.add(f"user{number}"), at) for number in range(5)}
        seen: list[str] = []
        cursor = ""
        for _ in range(10):
            page = scim.get(
                "/Memberships", filter=f'courseId eq "{at}"', count=2, cursor=cursor
            ).json
            seen += [r["id"] for r in page.get("Resources", ())]
            if "nextCursor" not in page:
                break
            cursor = page["nextCursor"]
        assert len(seen) == 5
        assert set(seen) == made


class TestTransfer:
    def test_a_person_moves_with_role_and_state(self, scim: Scim) -> None:
        teacher = ROLES[scim.name][1]
        user, first, second = scim.add("ann"), scim.add_course("A"), scim.add_course("B")
        id = scim.enrol(user, first, courseRoleId=teacher, available="No")
        moved = scim.post(f"/Memberships/{id}/.transfer", {"courseId": second})
        assert moved.status_code == 201, moved.text
        assert moved.headers["Location"].endswith(moved.json["id"])
        shown = scim.get(f"/Memberships/{moved.json['id']}").json
        assert (shown["userId"], shown["courseId"]) == (user, second)
        assert shown["courseRoleId"] == teacher
        if scim.holds("available", "Membership"):
            assert shown["available"] == "No"
        assert scim.get(f"/Memberships/{id}").status_code == 404
        made, ended = scim.service.events[-2:]
        assert (made["operation"], ended["operation"]) == ("create", "delete")
        assert made["requestId"] == ended["requestId"]

    def test_a_transfer_that_stopped_half_way_is_ended(self, scim: Scim) -> None:
        user, first, second = scim.add("ann"), scim.add_course("A"), scim.add_course("B")
        id, made = scim.enrol(user, first), scim.enrol(user, second)
        moved = scim.post(f"/Memberships/{id}/.transfer", {"courseId": second})
        assert (moved.status_code, moved.json["id"]) == (201, made)
        assert found(scim, f'userId eq "{user}"') == {made}

    def test_a_transfer_to_nowhere_changes_nothing(self, scim: Scim) -> None:
        user, first = scim.add("ann"), scim.add_course("A")
        id = scim.enrol(user, first)
        for body in ({"courseId": NOBODY[scim.name]}, {"courseId": first}, {}, {"courseId": 5}):
            refused = scim.post(f"/Memberships/{id}/.transfer", body)
            assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
        assert found(scim, f'userId eq "{user}"') == {id}

    def test_the_transfer_of_nobody(self, scim: Scim) -> None:
        at = scim.add_course("A")
        answer = scim.post("/Memberships/7.7/.transfer", {"courseId": at})
        assert answer.status_code == 404

    @pytest.mark.parametrize("name", TARGETS)
    def test_a_target_that_ends_nothing(self, name: str, make: Callable[..., Service]) -> None:
        scim = Scim(make(name, policies={"delete": "refuse"}), name)
        user, first, second = scim.add("ann"), scim.add_course("A"), scim.add_course("B")
        id = scim.enrol(user, first)
        refused = scim.post(f"/Memberships/{id}/.transfer", {"courseId": second})
        assert refused.status_code == 403
        assert found(scim, f'userId eq "{user}"') == {id}


class TestGroupsOfCourses:
    """Who joins a course's group is in the course first, or refused."""

    @pytest.fixture(params=["moodle", "brightspace", "blackboard"])
    def lms(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def scim(self, lms: str, make: Callable[..., Service], *, enrol: bool) -> Scim:
        options = {"more": {"groups": ["cohort", "courseGroup"]}}
        return Scim(make(lms, moodle_options=options, policies={"enrol_members": enrol}), lms)

    def group(self, at: str, *users: str) -> dict[str, Any]:
        return team("Team", *users, **{LMS_GROUP: {"courseId": at}})

    def test_new_members_are_enrolled_each_by_a_write_of_its_own(
        self, lms: str, make: Callable[..., Service]
    ) -> None:
        scim = self.scim(lms, make, enrol=True)
        ann, bob, at = scim.add("ann"), scim.add("bob"), scim.add_course("PHYS-1")
        made = scim.post("/Groups", self.group(at, ann))
        assert made.status_code == 201, made.text
        id = made.json["id"]
        add = {"op": "add", "path": "members", "value": [{"value": ann}, {"value": bob}]}
        assert scim.patch(f"/Groups/{id}", add).status_code in (200, 204)
        assert scim.members(id) == {ann, bob}
        members = scim.get("/Memberships", filter=f'courseId eq "{at}"').json["Resources"]
        assert {m["userId"] for m in members} == {ann, bob}
        events = scim.service.events[3:]
        written = {(e["operation"], e["resourceType"], e["requestId"]) for e in events}
        first, second = events[0]["requestId"], events[-1]["requestId"]
        assert written == {
            ("create", "Membership", first),
            ("create", "Group", first),
            ("create", "Membership", second),
            ("patch", "Group", second),
        }

    def test_a_create_that_a_crash_has_cut_off_is_judged(
        self, lms: str, make: Callable[..., Service]
    ) -> None:
        scim = self.scim(lms, make, enrol=False)
        at = scim.add_course("PHYS-1")
        collection = scim.service.app.extensions["matricula"]["targets"][lms].connector.collections
        resource = {"displayName": "Team", LMS_GROUP: {"courseId": at}}
        made = collection["Group"].create(TICKET, {**resource, "members": []})
        intent = Intent(lms, "create", "Group", login="Team", lookup=lookup_of(GROUP, resource))
        scim.service.app.extensions["matricula"]["audit"].begin(intent)
        options = {"more": {"groups": ["cohort", "courseGroup"]}}
        make(lms, moodle_options=options, **scim.service.simulators)
        event = scim.service.events[-1]
        assert (event["outcome"], event["resourceId"]) == ("success", made["id"])

    def test_an_enrolment_at_work_is_nobody_elses_to_settle(
        self, make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scim = self.scim("memory", make, enrol=True)
        ann, at = scim.add("ann"), scim.add_course("PHYS-1")
        known = scim.service.app.extensions["matricula"]
        memberships = known["targets"]["memory"].connector.collections["Membership"]
        create, refused = memberships.create, []

        def watched(ticket: Ticket, resource: dict[str, Any]) -> dict[str, Any]:
            values = unique_values(memberships.mapping.full, resource)
            keys = [f"memory/Membership/{value.casefold()}" for value in values]
            with pytest.raises(ScimError), known["database"].lock(keys, 0.05, family="values"):
                pass
            refused.append(keys)
            made: dict[str, Any] = create(ticket, resource)
            return made

        monkeypatch.setattr(memberships, "create", watched)
        assert scim.post("/Groups", self.group(at, ann)).status_code == 201
        group = scim.add_group("Crew", **{LMS_GROUP: {"courseId": at}})
        bob = scim.add("bob")
        add = {"op": "add", "path": "members", "value": [{"value": bob}]}
        assert scim.patch(f"/Groups/{group}", add).status_code == 200
        assert len(refused) == 2

    def test_without_the_policy_they_are_refused_before_any_write(
        self, lms: str, make: Callable[..., Service]
    ) -> None:
        scim = self.scim(lms, make, enrol=False)
        ann, bob, at = scim.add("ann"), scim.add("bob"), scim.add_course("PHYS-1")
        scim.enrol(ann, at)
        refused = scim.post("/Groups", self.group(at, ann, bob))
        assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
        assert bob in refused.json["detail"]
        found = scim.get("/Groups", filter='displayName eq "Team"').json
        assert found["totalResults"] == 0
        made = scim.post("/Groups", self.group(at, ann))
        add = {"op": "add", "path": "members", "value": [{"value": bob}]}
        assert scim.patch(f"/Groups/{made.json['id']}", add).status_code == 400
        assert scim.members(made.json["id"]) == {ann}

    def test_nobody_is_enrolled_for_a_member_that_does_not_exist(
        self, lms: str, make: Callable[..., Service]
    ) -> None:
        scim = self.scim(lms, make, enrol=True)
        at = scim.add_course("PHYS-1")
        refused = scim.post("/Groups", self.group(at, NOBODY[lms]))
        assert refused.status_code == 400
        assert found(scim, f'courseId eq "{at}"') == set()


class TestRoles:
    def test_roles_are_read(self, scim: Scim) -> None:
        if scim.name == "memory":
            body = {"schemas": ["urn:ietf:params:scim:schemas:extension:lms:2.0:Role"]}
            made = scim.post("/Roles", {**body, "roleId": "Student", "kind": "course"})
            assert made.status_code == 201
        wanted = ROLES[scim.name][0]
        text = f'roleId eq "{wanted}"'
        if scim.holds("kind", "Role"):
            text += ' and kind eq "course"'
        (role,) = scim.get("/Roles", filter=text).json["Resources"]
        assert scim.get(f"/Roles/{role['id']}").json == role
        assert scim.get("/Roles", filter=f'id eq "{role["id"]}"').json["Resources"] == [role]
        assert scim.get("/Roles/course.x").status_code == 404

    @pytest.mark.parametrize("name", ["moodle", "canvas", "brightspace", "blackboard"])
    def test_roles_are_not_written(self, name: str, make: Callable[..., Service]) -> None:
        scim = Scim(make(name), name)
        role = scim.get("/Roles", count=1).json["Resources"][0]
        scim.service.forget()
        for method, path in (
            *(("POST", "/Roles"), ("PUT", f"/Roles/{role['id']}")),
            *(("PATCH", f"/Roles/{role['id']}"), ("DELETE", f"/Roles/{role['id']}")),
        ):
            assert scim.send(method, path, {"roleId": "x"}).status_code == 501
        assert scim.service.calls == 0


class TestUpstreamCalls:
    """How many LMS calls each operation costs."""

    @pytest.fixture(params=["moodle", "blackboard"])
    def lms(self, request: pytest.FixtureRequest, make: Callable[..., Service]) -> Scim:
        return Scim(make(request.param), request.param)

    def test_a_course(self, lms: Scim) -> None:
        id = lms.add_course("101", externalId="202")
        for text in (f'id eq "{id}"', 'courseId eq "101"', 'externalId eq "202"'):
            lms.service.forget()
            assert lms.get("/Courses", filter=text).json["totalResults"] == 1
            assert lms.service.calls == 1, text
        lms.service.forget()
        lms.get(f"/Courses/{id}")
        assert lms.service.calls == 1
        lms.service.forget()
        lms.patch(f"/Courses/{id}", {"op": "replace", "path": "name", "value": "N"})
        assert lms.service.calls == 2

    def test_users_of_blackboard(self, service: Service) -> None:
        scim = Scim(service, "blackboard")
        id = scim.add("ann", externalId="E1")
        for text in (f'id eq "{id}"', 'userName eq "ann"', 'externalId eq "E1"'):
            service.forget()
            assert scim.get("/Users", filter=text).json["totalResults"] == 1
            assert service.calls == 1, text
        service.forget()
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "title", "value": "Dr"})
        assert service.calls == 2
        service.forget()
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "title", "value": "Dr"})
        assert service.calls == 1

    def test_a_thousand_users_of_blackboard_are_ten_pages(
        self, make: Callable[..., Service]
    ) -> None:
        scim = Scim(make("blackboard", users=999), "blackboard")
        scim.service.forget()
        seen, cursor = 0, ""
        for _ in range(10):
            page = scim.get("/Users", count=100, cursor=cursor).json
            seen += len(page["Resources"])
            cursor = page.get("nextCursor", "")
        assert (seen, cursor) == (1000, "")
        assert scim.service.calls == 10


def found(scim: Scim, text: str) -> set[str]:
    answer = scim.get("/Memberships", filter=text)
    assert answer.status_code == 200, answer.text
    ids = [r["id"] for r in answer.json.get("Resources", ())]
    assert len(ids) == len(set(ids))
    return set(ids)
