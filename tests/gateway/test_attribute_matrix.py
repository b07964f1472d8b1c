"""Every row of the attribute matrix of the Blackboard document, over HTTP on the target."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest

from schemas.attributes import ResourceType
from schemas.course import COURSE
from schemas.filters import parse_path
from schemas.group import GROUP, LMS_GROUP
from schemas.membership import MEMBERSHIP
from schemas.paths import Path
from schemas.role import ROLE
from schemas.user import LMS_USER, USER
from tests.connectors.operations import TICKET
from tests.gateway.service import Scim, make_service

Row = dict[str, Any]
ROWS: list[Row] = json.loads(
    (File(__file__).parents[1] / "fixtures" / "attributes.json").read_text(encoding="utf-8")
)
OP_OF_A_PATCH = "group.member.membershipModifyType"
"""The one row that is no attribute: add or remove a member is the op of a PATCH operation."""

_MADE = "REST makes it itself; it cannot be written"
_ONCE = "REST takes it when the course is made and not afterwards"
_REST = "REST takes it; the membership is a resource of its own here, whoever looks at it"
_ROLES = "REST reads roles only, and so does the document's own summary"
HOLDS: dict[tuple[str, str], tuple[str, str, str]] = {
    **{("User", f"courseMembership.{path}"): ("Y", "Y", _REST)
       for path in ("availability.available", "childCourseId", "courseRoleId")},
    **{(form, f"courseMembership.{path}"): ("Y", "N", "it says whose and which, once and for all")
       for path in ("userId", "courseId") for form in ("User", "Course")},
    **dict.fromkeys(
        (("User", "id"), ("Course", "id"), ("Course", "group.id"),
         ("User", "courseMembership.id"), ("Course", "courseMembership.id")),
        ("N", "N", "REST gives it; it names the resource in the URL"),
    ),
    ("User", "observers.id"): ("Y", "Y", "REST makes and removes links"),
    ("User", "observers.userName"): ("Y", "Y", "REST makes links by login name as well"),
    **{("Course", path): ("N", "N", _MADE)
       for path in ("hasChildren", "externalAccessUrl", "guestAccessUrl",
                    "courseMembership.bypassCourseAvailabilityUntil",
                    "courseMembership.user.userName")},
    **{("Course", path): ("Y", "N", _ONCE)
       for path in ("courseId", "organization", "ultraStatus", "group.isGroupSet")},
    **{(row["format"], row["path"]): ("N", "N", _ROLES)
       for row in ROWS if row["format"].endswith("Role")},
}  # fmt: skip
"""Where document and REST disagree: create and modify as they hold here, and why."""

NOT_SHOWN = ("enrollment.accessCode",)
"""The document exports it; here it is a secret."""
SELF = {"enrollmentType": "SelfEnrollment"}
RANGE = {"durationType": "DateRange"}
VALUES: dict[str, tuple[Any, Any]] = {
    "userName": ("zoe", "zoe2"),
    "externalId": ("e-1", "e-2"),
    "dataSourceId": ("_1_1", "_2_1"),
    "birthDate": ("2000-02-29", "1999-12-31"),
    "institutionRoleIds": (["STAFF", "ALUMNI"], ["FACULTY"]),
    "systemRoleIds": (["User", "CourseCreator"], ["CourseSupport"]),
    "locale.id": ("en-GB", "de-DE"),
    "termId": ("_31_1", "_31_1"),
    "enrollment.start": ("2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"),
    "enrollment.end": ("2026-08-01T00:00:00.000Z", "2026-09-01T00:00:00.000Z"),
    "availability.duration.start": ("2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"),
    "availability.duration.end": ("2026-08-01T00:00:00.000Z", "2026-09-01T00:00:00.000Z"),
    "availability.duration.type": ("DateRange", "FixedNumDays"),
    "ultraStatus": ("Classic", "Ultra"),
    "courseMembership.courseRoleId": ("Grader", "Instructor"),
    "courseMembership.dataSourceId": ("_1_1", "_2_1"),
}
"""Values at create and later; the others are made of the attribute's type."""
NEEDS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("enrollment.start", "enrollment.end", "enrollment.accessCode"), SELF),
    **dict.fromkeys(("availability.duration.start", "availability.duration.end"), RANGE),
    "availability.duration.daysOfUse": {"durationType": "FixedNumDays"},
    "group.enrollment.signupSheet.name": {LMS_GROUP: {"available": "SignupOnly"}},
    "group.enrollment.signupSheet.description": {LMS_GROUP: {"available": "SignupOnly"}},
    "group.enrollment.signupSheet.showMembers": {LMS_GROUP: {"available": "SignupOnly"}},
}
"""What must be beside an attribute."""

each_row = pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["path"] != OP_OF_A_PATCH],
    ids=lambda row: f"{row['format']}-{row['path']}",
)


class Site:
    """A target with what the rows refer to: people, courses, a group set, a child course."""

    def __init__(self, scim: Scim) -> None:
        self.scim = scim
        self.numbers = iter(range(10_000))
        self.users = [scim.add(f"person{number}") for number in range(3)]
        watcher = {LMS_USER: {"systemRoleIds": ["Observer"]}}
        self.watchers = [scim.add(f"watcher{number}", **watcher) for number in range(2)]
        self.course, self.child = scim.add_course("PARENT"), scim.add_course("CHILD")
        targets = scim.service.app.extensions["matricula"]["targets"]
        client = targets["blackboard"].connector._client
        client.send(TICKET, "PUT", f"v1/courses/{self.course}/children/{self.child}", {})
        group_set = {LMS_GROUP: {"courseId": self.course, "isGroupSet": True}}
        self.set = scim.add_group("Teams", **group_set).partition(".")[2]

    def body(self, resource_type: ResourceType) -> dict[str, Any]:
        """Return the body of a new resource with what every such resource must have."""
        number = next(self.numbers)
        named: dict[str, dict[str, Any]] = {
            "User": {
                "userName": f"new{number}",
                "name": {"givenName": "Ann", "familyName": "Doe"},
            },
            "Course": {"courseId": f"NEW-{number}", "name": "New"},
            "Group": {"displayName": f"New {number}", LMS_GROUP: {"courseId": self.course}},
            "Role": {"roleId": f"NEW_{number}", "name": "New"},
        }
        if resource_type is MEMBERSHIP:
            user = self.scim.add(f"member{number}")
            named["Membership"] = {"userId": user, "courseId": self.course}
        return {"schemas": [resource_type.schema.urn], **named[resource_type.name]}

    def values(self, row: Row, path: Path) -> tuple[Any, Any]:
        """Return a value at create and another one for later."""
        places: dict[str, tuple[Any, Any]] = {
            "observers.id": (self.watchers[0], self.watchers[1]),
            "observers.userName": ("watcher0", "watcher1"),
            "observees.id": (self.users[0], self.users[1]),
            "observees.userName": ("person0", "person1"),
            "group.member.userId": (self.users[0], self.users[1]),
            "group.parentId": (self.set, self.set),
            "courseMembership.childCourseId": (self.child, self.child),
            "courseMembership.courseId": (self.course, self.child),
        }
        if row["path"] == "courseMembership.userId":
            return self.scim.add(f"other{next(self.numbers)}"), self.users[1]
        if found := places.get(row["path"], VALUES.get(row["path"])):
            return found
        if canonical := path.leaf.canonical_values:
            return canonical[0], canonical[1]
        return {
            "boolean": (True, False),
            "integer": (5, 7),
            "decimal": (5, 7),
            "dateTime": ("2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"),
        }.get(path.leaf.type, ("a value", "another value"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    service = make_service(tmp_path_factory.mktemp("matrix"))
    yield Site(Scim(service, "blackboard"))
    service.close()


def described(row: Row) -> ResourceType:
    """Return the resource type that a row describes."""
    if row["path"].startswith("courseMembership."):
        return MEMBERSHIP
    if row["path"].startswith("group."):
        return GROUP
    return {"User": USER, "Course": COURSE}.get(row["format"], ROLE)


def held_by(row: Row) -> tuple[bool, bool]:
    """Tell whether a row's attribute can be set at create, and modified, as it holds here."""
    key = (row["format"], row["path"])
    create, modify, _ = HOLDS.get(key, (row["create"], row["modify"], ""))
    return create.startswith("Y"), modify.startswith("Y")


def put(body: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return the body with a value at a path, whatever a client may write there."""
    holder = body.setdefault(path.urn, {}) if path.urn else body
    if path.sub is None:
        holder[path.name] = value
    elif path.attribute.multi_valued:
        kind = {"type": str(path.where).split('"')[1]} if path.where is not None else {}
        holder[path.name] = [{path.sub: value, **kind}]
    else:
        holder.setdefault(path.name, {})[path.sub] = value
    return body


def shown(site: Site, endpoint: str, id: str, path: Path) -> list[Any]:
    """Return the values that a GET shows at the path."""
    name = f"{path.urn}:{path.name}" if path.urn else path.name
    answer = site.scim.get(f"/{endpoint}/{id}", attributes=name)
    assert answer.status_code == 200, answer.text
    return list(path.values(answer.json))


def single(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@each_row
def test_a_row(row: Row, site: Site) -> None:
    resource_type = described(row)
    path = parse_path(row["path"], resource_type)
    endpoint = resource_type.endpoint
    if resource_type is ROLE:
        check_read_only(site, row, path)
        return
    may_create, may_modify = held_by(row)
    first, later = site.values(row, path)
    body = {**site.body(resource_type), **NEEDS.get(row["path"], {})}
    if path.urn and path.urn in NEEDS.get(row["path"], {}):
        body[path.urn] = {**body[path.urn], "courseId": site.course}
    made = site.scim.post(f"/{endpoint}", put(body, path, first))
    assert made.status_code == 201, made.text
    id = made.json["id"]
    is_shown = row["path"] not in NOT_SHOWN
    if is_shown:
        assert (shown(site, endpoint, id, path) == single(first)) == may_create
    replace = {"op": "replace", "path": row["path"], "value": later}
    if path.attribute.keyed:
        # A member is no other one: the list is replaced.
        replace |= {"path": path.name, "value": [{"value": later}]}
    patched = site.scim.patch(f"/{endpoint}/{id}", replace)
    if may_modify:
        assert patched.status_code in (200, 204), patched.text
        if is_shown:
            assert shown(site, endpoint, id, path) == single(later)
    elif patched.status_code == 400:
        assert patched.json["scimType"] == "mutability"
    else:
        # What only this target cannot write is ignored, and the audit event says so.
        assert patched.status_code in (200, 204)
        assert any(path.name in ignored for ignored in site.scim.event["ignored"])
        assert shown(site, endpoint, id, path) != single(later)
    if is_shown:
        check_found(site, endpoint, id, row["path"], path)


def check_read_only(site: Site, row: Row, path: Path) -> None:
    kind = row["format"].removesuffix("Role").lower()
    roles = site.scim.get("/Roles", filter=f'kind eq "{kind}"').json["Resources"]
    held = [role for role in roles if list(path.values(role))]
    assert held, "no role shows it"
    assert shown(site, "Roles", held[0]["id"], path) == list(path.values(held[0]))
    body = put(site.body(ROLE), path, site.values(row, path)[0])
    replace = {"op": "replace", "path": row["path"], "value": site.values(row, path)[1]}
    before = len(site.scim.service.blackboard.site.calls)
    assert site.scim.post("/Roles", body).status_code == 501
    assert site.scim.put(f"/Roles/{held[0]['id']}", body).status_code == 501
    assert site.scim.patch(f"/Roles/{held[0]['id']}", replace).status_code == 501
    assert len(site.scim.service.blackboard.site.calls) == before
    check_found(site, "Roles", held[0]["id"], row["path"], path)


def check_found(site: Site, endpoint: str, id: str, short: str, path: Path) -> None:
    """Check that the resource is found by the value that it shows, by the document's own path.

    Equal to, greater than or equal, less than, contains: each of the document's operators that has
    a meaning for the type, joined by AND; and each finds nothing where it does not hold.
    """
    values = shown(site, endpoint, id, path)
    tests = operators(path.leaf.type, values[0]) if values else [("pr", False)]
    for test, holds in tests:
        found = site.scim.get(f"/{endpoint}", filter=f'{short} {test} and id eq "{id}"')
        assert found.status_code == 200, found.text
        ids = [r["id"] for r in found.json.get("Resources", ())]
        assert ids == [id] * holds, f"{short} {test}"


def operators(kind: str, value: Any) -> list[tuple[str, bool]]:
    """Return comparisons with a value that is held, and whether they hold."""
    same = json.dumps(value)
    if kind == "boolean":
        return [(f"eq {same}", True), (f"eq {json.dumps(not value)}", False)]
    if kind in ("integer", "decimal"):
        less, more = value - 1, value + 1
        return [(f"eq {same}", True), (f"ge {same}", True), (f"lt {more}", True),
                (f"lt {same}", False), (f"ge {more}", False), (f"eq {less}", False)]  # fmt: skip
    if kind == "dateTime":
        late = '"2999-01-01T00:00:00Z"'
        return [(f"eq {same}", True), (f"ge {same}", True), (f"lt {late}", True),
                (f"lt {same}", False), (f"ge {late}", False)]  # fmt: skip
    part, longer = json.dumps(value[1:3] or value), json.dumps(value + "\U0010ffff")
    return [(f"eq {same}", True), (f"ge {same}", True), (f"lt {longer}", True),
            (f"co {part}", True), (f"lt {same}", False), (f"ge {longer}", False),
            (f"co {longer}", False)]  # fmt: skip


ENUMERATED = [
    row
    for row in ROWS
    if row["type"] == "enum" and parse_path(row["path"], described(row)).leaf.canonical_values
    if described(row) is not ROLE
]
"""Those of values that are all known: a course role may be a custom one as well."""


@pytest.mark.parametrize("row", ENUMERATED, ids=lambda row: f"{row['format']}-{row['path']}")
def test_a_bad_value_of_an_enumeration_is_refused_without_a_call(row: Row, site: Site) -> None:
    resource_type = described(row)
    path = parse_path(row["path"], resource_type)
    body = put(site.body(resource_type), path, "Nonsense")
    before = len(site.scim.service.blackboard.site.calls)
    refused = site.scim.post(f"/{resource_type.endpoint}", body)
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue"), refused.text
    assert len(site.scim.service.blackboard.site.calls) == before


def test_the_rows_are_all_covered() -> None:
    covered = [row for row in ROWS if row["path"] != OP_OF_A_PATCH]
    disagreeing = [row for row in covered if (row["format"], row["path"]) in HOLDS]
    print(f"{len(covered)} of {len(ROWS)} rows; REST differs on {len(disagreeing)}")
    assert len(ROWS) == 126
    assert len(covered) == 125
    known = {(row["format"], row["path"]) for row in ROWS}
    assert set(HOLDS) <= known
    for row in disagreeing:
        create, modify, why = HOLDS[row["format"], row["path"]]
        assert (create, modify) != (row["create"], row["modify"]) or why is _ROLES, row
