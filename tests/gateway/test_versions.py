"""Versions of resources: ETag, If-Match, If-None-Match (RFC 7644 section 3.14)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.attributes import ENTERPRISE
from tests.gateway.service import Scim, Service, course, patch_op, person, team

RENAME = {"op": "replace", "path": "name.givenName", "value": "Bea"}


def version(scim: Scim, path: str) -> str:
    return str(scim.get(path).headers["ETag"])


def test_a_resource_tells_its_version(scim: Scim) -> None:
    created = scim.post("/Users", person("ann"))
    tag = created.headers["ETag"]
    assert tag.startswith('W/"')
    assert created.json["meta"]["version"] == tag
    path = f"/Users/{created.json['id']}"
    got = scim.get(path)
    assert got.headers["ETag"] == got.json["meta"]["version"] == tag
    listed = scim.get("/Users", filter='userName eq "ann"').json["Resources"][0]
    assert listed["meta"]["version"] == tag
    narrow = scim.get(path, attributes="userName")
    # Canvas would have to be asked once more for what is not wanted.
    assert narrow.headers.get("ETag") == (None if scim.name == "canvas" else tag)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_write_answers_with_the_version_that_a_read_gives(scim: Scim, method: str) -> None:
    id = scim.add("ann", addresses=[{"type": "work", "locality": "Oslo"}])
    path = f"/Users/{id}"
    before = version(scim, path)
    whole = person("ann", name={"givenName": "Bea", "familyName": "Doe"}, active=False)
    answer = scim.send(method, path, whole if method == "PUT" else patch_op(RENAME))
    assert answer.headers["ETag"] == answer.json["meta"]["version"] == version(scim, path)
    assert answer.headers["ETag"] != before


def test_the_version_stays_when_nothing_changes(scim: Scim) -> None:
    path = f"/Users/{scim.add('ann')}"
    before = version(scim, path)
    same = {"op": "replace", "path": "name.givenName", "value": "Ann"}
    assert scim.patch(path, same).headers["ETag"] == before == version(scim, path)


def test_a_known_version_is_not_sent_again(scim: Scim) -> None:
    path = f"/Users/{scim.add('ann')}"
    tag = version(scim, path)
    for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        answer = scim.service.client.get(scim.base + path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
    answer = scim.send("GET", path, headers={"If-None-Match": 'W/"other"'})
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_on_an_old_version_is_refused(scim: Scim, method: str) -> None:
    path = f"/Users/{scim.add('ann')}"
    tag = version(scim, path)
    scim.patch(path, RENAME)
    bodies = {"PUT": person("ann"), "PATCH": patch_op({**RENAME, "value": "Cleo"})}
    scim.service.forget()
    answer = scim.send(method, path, bodies.get(method), headers={"If-Match": tag})
    assert answer.status_code == 412
    if scim.name == "moodle":
        calls = {name for name, _ in scim.service.moodle.site.calls}
        assert calls <= {"core_user_get_users_by_field"}
    assert scim.event["outcome"] == "refused"
    assert scim.event["status"] == 412
    now = version(scim, path)
    answer = scim.send(method, path, bodies.get(method), headers={"If-Match": f'"x", {now}'})
    assert answer.status_code == (204 if method == "DELETE" else 200)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_conditions_that_name_any_version(scim: Scim, method: str) -> None:
    path = f"/Users/{scim.add('ann')}"
    bodies = {"PUT": person("ann"), "PATCH": patch_op(RENAME)}
    refused = scim.send(method, path, bodies.get(method), headers={"If-None-Match": "*"})
    assert refused.status_code == 412
    fine = scim.send(method, path, bodies.get(method), headers={"If-Match": "*"})
    assert fine.status_code < 300
    gone = scim.send(method, "/Users/999999", bodies.get(method), headers={"If-Match": "*"})
    assert gone.status_code == 404


def test_a_password_alone_makes_a_new_version_where_the_target_keeps_time(service: Service) -> None:
    memory = Scim(service, "memory")
    path = f"/Users/{memory.add('ann')}"
    before = version(memory, path)
    memory.patch(path, {"op": "replace", "path": "password", "value": "A new Secret 2!"})
    assert version(memory, path) != before


def test_members_are_part_of_a_groups_version(scim: Scim) -> None:
    ann, ben = scim.add("ann"), scim.add("ben")
    path = f"/Groups/{scim.add_group('Staff', ann)}"
    before = version(scim, path)
    add = {"op": "add", "path": "members", "value": [{"value": ben}]}
    refused = scim.send("PATCH", path, patch_op(add), headers={"If-Match": 'W/"x"'})
    assert refused.status_code == 412
    done = scim.send("PATCH", path, patch_op(add), headers={"If-Match": before})
    assert done.status_code in (200, 204)
    after = version(scim, path)
    assert after != before
    assert done.headers["ETag"] == after
    # In Brightspace the members come with the group.
    assert "ETag" not in scim.get(path, excludedAttributes="members").headers or (
        scim.name in ("memory", "brightspace")
    )
    found = scim.get("/Groups", filter=f"meta.version eq {after.replace(chr(34), '')!r}")
    assert found.status_code == 400
    escaped = after.replace('"', '\\"')
    found = scim.get("/Groups", filter=f'meta.version eq "{escaped}"').json
    assert [group["id"] for group in found["Resources"]] == [path.rpartition("/")[2]]


def test_what_takes_calls_of_its_own_is_part_of_the_version(make: Callable[..., Service]) -> None:
    scim = Scim(make("brightspace", brightspace_options={"more": {"profile": True}}), "brightspace")
    path = f"/Users/{scim.add('ann')}"
    before = version(scim, path)
    assert scim.get(path).json["schemas"] == person("ann")["schemas"]
    for change in ({"title": "Dr"}, {ENTERPRISE: {"organization": "EXU"}}):
        answer = scim.send(
            "PATCH", path, patch_op({"op": "add", "value": change}), headers={"If-Match": before}
        )
        assert answer.status_code == 204
        after = version(scim, path)
        assert after != before
        before = after
    remove = {"op": "remove", "path": f"{ENTERPRISE}:organization"}
    assert scim.patch(path, remove).status_code == 204
    assert ENTERPRISE not in scim.get(path).json["schemas"]
    assert version(scim, path) != before


@pytest.mark.parametrize("end", ["2027-01-31T00:00:00Z", None])
def test_a_course_tells_the_version_that_a_write_answers_with(
    service: Service, end: str | None
) -> None:
    scim = Scim(service, "brightspace")
    dates = {"start": "2026-09-01T00:00:00Z", "end": end} if end else {}
    made = scim.post("/Courses", course("PHYS-1", **dates))
    path = f"/Courses/{made.json['id']}"
    assert made.headers["ETag"] == version(scim, path)
    rename = {"op": "replace", "path": "name", "value": "Physics"}
    changed = scim.send("PATCH", path, patch_op(rename), headers={"If-Match": version(scim, path)})
    assert changed.status_code == 200
    assert changed.headers["ETag"] == version(scim, path) != made.headers["ETag"]


def test_a_lost_update_is_prevented(make: Callable[..., Service]) -> None:
    scim = Scim(make("moodle"), "moodle")
    path = f"/Users/{scim.add('ann')}"
    tag = version(scim, path)
    statuses = [
        scim.send(
            "PATCH", path, patch_op({**RENAME, "value": name}), headers={"If-Match": tag}
        ).status_code
        for name in ("Bea", "Cleo")
    ]
    assert statuses == [200, 412]
    assert scim.get(path).json["name"]["givenName"] == "Bea"


def test_the_condition_costs_no_further_call(make: Callable[..., Service]) -> None:
    scim = Scim(make("moodle"), "moodle")
    path = f"/Users/{scim.add('ann')}"
    tag = version(scim, path)
    scim.service.forget()
    scim.send("PATCH", path, patch_op(RENAME), headers={"If-Match": tag})
    assert scim.service.calls == 2


def test_deleted_members_do_not_come_back_through_a_condition(scim: Scim) -> None:
    ann, ben = scim.add("ann"), scim.add("ben")
    path = f"/Groups/{scim.add_group('Staff', ann, ben)}"
    assert scim.delete(f"/Users/{ben}").status_code == 204
    tag = version(scim, path)
    body = team("Staff", ann)
    assert scim.send("PUT", path, body, headers={"If-Match": tag}).status_code == 200
    assert scim.members(path.rpartition("/")[2]) == {ann}


@pytest.mark.parametrize("name", ["memory", "moodle"])
def test_a_membership_is_not_the_users_change(service: Service, name: str) -> None:
    scim = Scim(service, name)
    ann = scim.add("ann")
    path = f"/Users/{ann}"
    tag = version(scim, path)
    scim.add_group("Staff", ann)
    assert version(scim, path) == tag
    # But what is shown of it is new, so it is not held back.
    asked = {"query_string": {"attributes": "groups"}, "headers": {"If-None-Match": tag}}
    answer = scim.send("GET", path, **asked)
    assert answer.status_code == 200
    assert answer.json["groups"][0]["display"] == "Staff"
    done = scim.send("PATCH", path, patch_op(RENAME), headers={"If-Match": tag})
    assert done.status_code == 200
