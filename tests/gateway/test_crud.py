"""Create, read, replace and delete over HTTP (RFC 7644 sections 3.3, 3.4.1, 3.5.1 and 3.6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.attributes import ENTERPRISE
from tests.gateway.service import TARGETS, Scim, Service, patch_op, person, team


def test_a_created_user_is_shown_as_a_read_shows_it(scim: Scim) -> None:
    made = scim.post("/Users", person("Ann.Doe", externalId="E1"))
    assert made.status_code == 201
    location = made.json["meta"]["location"]
    assert made.headers["Location"] == location
    assert location.endswith(f"{scim.base}/Users/{made.json['id']}")
    assert made.json["meta"]["resourceType"] == "User"
    assert made.json["schemas"][0] == "urn:ietf:params:scim:schemas:core:2.0:User"
    assert made.json["externalId"] == "E1"
    assert scim.get(f"/Users/{made.json['id']}").json == made.json


def test_a_created_group_is_shown_as_a_read_shows_it(scim: Scim) -> None:
    ann = scim.add("ann")
    made = scim.post("/Groups", team("Staff", ann))
    assert made.status_code == 201
    shown = scim.get(f"/Groups/{made.json['id']}").json
    assert shown == made.json
    assert shown["members"][0]["value"] == ann
    assert shown["members"][0]["$ref"].endswith(f"{scim.base}/Users/{ann}")


@pytest.mark.parametrize("other", ["ann", "ANN", "Ann"])
def test_a_login_is_taken_in_every_letter_case(scim: Scim, other: str) -> None:
    scim.add("Ann")
    refused = scim.post("/Users", person(other, emails=[{"value": "other@example.edu"}]))
    assert refused.status_code == 409
    assert refused.json["scimType"] == "uniqueness"
    assert scim.get("/Users", filter='userName sw "a"').json["totalResults"] <= 2
    assert len(scim.logins(filter='userName eq "ann"')) == 1


def test_read_only_input_is_ignored(scim: Scim) -> None:
    body = person(
        "ann",
        id="999",
        meta={"created": "1999-01-01T00:00:00Z", "location": "http://evil.example"},
        groups=[{"value": "1"}],
    )
    made = scim.post("/Users", body).json
    assert made["id"] != "999"
    assert "evil" not in made["meta"]["location"]
    assert "groups" not in made


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"userName": ""},
        {"userName": None},
        {"userName": 5, "emails": [{"value": "a@example.edu"}]},
        {"userName": ["ann"]},
        {"userName": "ann", "name": "Ann"},
        {"userName": "ann", "emails": 5},
        {"userName": "ann", "active": "perhaps"},
        {"userName": "ann", "emails": [{"value": "a@b.cd", "primary": "yes"}]},
    ],
)
def test_broken_resources_are_refused(scim: Scim, body: dict[str, object]) -> None:
    refused = scim.post("/Users", {"schemas": [], **body})
    assert refused.status_code == 400
    assert refused.json["scimType"] in ("invalidValue", "invalidSyntax")
    assert scim.event["outcome"] == "refused"
    assert scim.event["status"] == 400


@pytest.mark.parametrize("path", ["/Users/424242", "/Groups/cohort-424242", "/Groups/nothing"])
def test_unknown_ids_are_not_found(scim: Scim, path: str) -> None:
    assert scim.get(path).status_code == 404
    body = person("ann") if "Users" in path else team("Staff")
    assert scim.put(path, body).status_code == 404
    assert scim.patch(path, {"op": "replace", "value": {"externalId": "x"}}).status_code == 404
    assert scim.delete(path).status_code == 404


def test_names_of_endpoints_and_attributes_have_no_letter_case(scim: Scim) -> None:
    made = scim.post(
        "/users",
        {"USERNAME": "ann", "Name": {"GIVENNAME": "A", "familyname": "B"},
         "EMAILS": [{"Value": "a@example.edu", "TYPE": "work"}]},
    )  # fmt: skip
    assert made.status_code == 201
    assert made.json["name"]["givenName"] == "A"


@pytest.mark.parametrize("null", [None, [], ""])
def test_null_and_empty_are_unassigned(scim: Scim, null: object) -> None:
    single = None if null == [] else null
    id = scim.post("/Users", person("ann", externalId=single, phoneNumbers=null)).json["id"]
    shown = scim.get(f"/Users/{id}").json
    # Blackboard gives an account its login name as external id.
    assert shown.get("externalId") == ("ann" if scim.name == "blackboard" else None)
    assert "phoneNumbers" not in shown


def test_replace_clears_what_is_left_out_and_keeps_what_cannot_be(scim: Scim) -> None:
    id = scim.add("ann", externalId="E1", active=False, **{ENTERPRISE: {"department": "Physics"}})
    body = person("ann", name={"givenName": "Anne", "familyName": "Doe"})
    replaced = scim.put(f"/Users/{id}", body)
    assert replaced.status_code == 200
    assert replaced.json["name"]["givenName"] == "Anne"
    # Blackboard has filled it in by itself, and in Canvas a SIS feed may go by it: it stays.
    assert ("externalId" in replaced.json) == (scim.name in ("blackboard", "canvas"))
    assert ENTERPRISE not in replaced.json
    assert replaced.json == scim.get(f"/Users/{id}").json
    if scim.name == "moodle":
        assert replaced.json["active"] is False


def test_replace_ignores_read_only_parts_and_does_not_conflict_with_itself(scim: Scim) -> None:
    id = scim.add("ann")
    shown = scim.get(f"/Users/{id}").json
    again = scim.put(f"/Users/{id}", {**shown, "id": "77", "meta": {"version": "x"}})
    assert again.status_code == 200
    assert again.json["id"] == id
    assert scim.event["outcome"] == "noChange"


def test_replace_with_a_taken_login_conflicts(scim: Scim) -> None:
    scim.add("ann")
    id = scim.add("bob")
    refused = scim.put(f"/Users/{id}", {**person("ANN"), "emails": [{"value": "b@example.edu"}]})
    assert refused.status_code == 409
    assert scim.get(f"/Users/{id}").json["userName"] == "bob"


def test_replace_needs_what_is_required(scim: Scim) -> None:
    id = scim.add("ann")
    refused = scim.put(f"/Users/{id}", {"name": {"givenName": "A", "familyName": "B"}})
    assert refused.status_code == 400
    assert refused.json["scimType"] in ("invalidValue", "mutability")


def test_groups_are_replaced_with_their_members(scim: Scim) -> None:
    ann, bob = scim.add("ann"), scim.add("bob")
    id = scim.add_group("Staff", ann)
    assert scim.put(f"/Groups/{id}", team("Crew", bob)).status_code == 200
    assert scim.members(id) == {bob}
    assert scim.get(f"/Groups/{id}").json["displayName"] == "Crew"
    assert scim.put(f"/Groups/{id}", team("Crew")).status_code == 200
    assert scim.members(id) == set()


class TestDelete:
    """The three policies."""

    def test_a_disabled_account_is_gone_and_comes_back(self, scim: Scim) -> None:
        id = scim.add("ann", externalId="E1")
        group = scim.add_group("Staff", id)
        assert scim.delete(f"/Users/{id}").status_code == 204
        for answer in (
            scim.get(f"/Users/{id}"),
            scim.delete(f"/Users/{id}"),
            scim.put(f"/Users/{id}", person("ann")),
            scim.patch(f"/Users/{id}", {"op": "replace", "value": {"active": True}}),
            scim.post(f"/Users/{id}/.enable"),
        ):
            assert answer.status_code == 404
        assert "ann" not in scim.logins()
        assert scim.logins(filter='userName eq "ann"') == []
        assert scim.logins(filter='externalId eq "E1"') == []
        assert scim.members(group) == set()
        assert scim.get("/Groups", filter=f'members.value eq "{id}"').json["totalResults"] == 0

        back = scim.post("/Users", person("ANN", externalId="E2"))
        assert back.status_code == 201
        assert back.json["id"] == id
        assert back.json["active"] is True
        assert back.json["externalId"] == "E2"
        assert back.headers["Location"] == back.json["meta"]["location"]
        assert scim.event["operation"] == "revive"
        assert scim.get(f"/Users/{id}").status_code == 200
        assert scim.post("/Users", person("ann")).status_code == 409

    def test_a_deleted_account_can_be_no_member(self, scim: Scim) -> None:
        ann, bob = scim.add("ann"), scim.add("bob")
        group = scim.add_group("Staff", bob)
        scim.delete(f"/Users/{ann}")
        add = {"op": "add", "path": "members", "value": [{"value": ann}]}
        refused = [
            scim.patch(f"/Groups/{group}", add),
            scim.put(f"/Groups/{group}", team("Staff", ann, bob)),
            scim.post("/Groups", team("Crew", ann)),
        ]
        assert [answer.status_code for answer in refused] == [400, 400, 400]
        assert scim.members(group) == {bob}

    def test_a_replaced_list_of_members_loses_the_deleted_ones_too(self, scim: Scim) -> None:
        ann, bob = scim.add("ann"), scim.add("bob")
        group = scim.add_group("Staff", ann)
        scim.delete(f"/Users/{ann}")
        assert scim.put(f"/Groups/{group}", team("Staff", bob)).status_code == 200
        assert scim.post("/Users", person("ann")).status_code == 201
        assert scim.members(group) == {bob}

    def test_an_account_renamed_in_the_lms_is_not_brought_back_by_its_old_name(
        self, moodle: Scim
    ) -> None:
        id = moodle.add("ann")
        moodle.delete(f"/Users/{id}")
        moodle.service.moodle.site.users[int(id)].username = "somebody"
        moodle.service.moodle.site.users[int(id)].email = "somebody@example.edu"
        made = moodle.post("/Users", person("ann"))
        assert made.status_code == 201
        assert made.json["id"] != id
        assert moodle.service.moodle.site.users[int(id)].suspended

    @pytest.mark.parametrize("name", TARGETS)
    def test_a_real_deletion(self, name: str, make: Callable[..., Service]) -> None:
        scim = Scim(make(name, policies={"delete": "delete"}), name)
        id = scim.add("ann")
        assert scim.delete(f"/Users/{id}").status_code == 204
        assert scim.get(f"/Users/{id}").status_code == 404
        assert scim.post("/Users", person("ann")).json["id"] != id

    @pytest.mark.parametrize("name", TARGETS)
    def test_a_refusal(self, name: str, make: Callable[..., Service]) -> None:
        scim = Scim(make(name, policies={"delete": "refuse"}), name)
        id = scim.add("ann")
        assert scim.delete(f"/Users/{id}").status_code == 403
        assert scim.event["outcome"] == "refused"
        assert scim.get(f"/Users/{id}").json["active" if name == "moodle" else "id"]

    def test_a_group_is_deleted_for_good(self, scim: Scim) -> None:
        id = scim.add_group("Staff")
        assert scim.delete(f"/Groups/{id}").status_code == 204
        assert scim.get(f"/Groups/{id}").status_code == 404
        assert scim.delete(f"/Groups/{id}").status_code == 404


def test_a_projection_works_on_every_answer(scim: Scim) -> None:
    made = scim.post("/Users", person("ann"), query_string={"attributes": "userName"})
    assert set(made.json) == {"schemas", "id", "userName"}
    url = f"/Users/{made.json['id']}"
    for answer in (
        scim.get(url, attributes="USERNAME"),
        scim.put(url, person("ann"), query_string={"attributes": "userName"}),
        scim.send(
            "PATCH",
            url,
            patch_op({"op": "replace", "value": {"externalId": "1"}}),
            query_string={"attributes": "userName"},
        ),
    ):
        assert answer.status_code == 200
        assert set(answer.json) == {"schemas", "id", "userName"}


def test_a_projection_that_cannot_be_shown_refuses_the_write(scim: Scim) -> None:
    query = {"attributes": "userName", "excludedAttributes": "name"}
    refused = scim.post("/Users", person("ann"), query_string=query)
    assert refused.status_code == 400
    assert scim.event["outcome"] == "refused"
    assert scim.logins(filter='userName eq "ann"') == []


@pytest.mark.parametrize("password", ["Correct-Horse-7", ""])
def test_a_password_is_taken_and_never_shown(scim: Scim, password: str) -> None:
    made = scim.post("/Users", person("ann", password=password))
    assert made.status_code == 201
    shown = scim.get(f"/Users/{made.json['id']}", attributes="password,userName")
    assert set(shown.json) == {"schemas", "id", "userName"}
    if scim.name == "moodle" and password:
        assert scim.service.moodle.site.passwords_match("ann", password)


class TestStrict:
    """The strict mode refuses what the lenient one ignores and counts."""

    @pytest.mark.parametrize("name", TARGETS)
    @pytest.mark.parametrize(
        "body",
        [
            person("ann", shoeSize=44),
            person("ann", active="True"),
            {k: v for k, v in person("ann").items() if k != "schemas"},
            person("ann", schemas=["urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:y"]),
        ],
    )
    def test_a_deviation_is_refused(
        self, name: str, body: dict[str, object], make: Callable[..., Service]
    ) -> None:
        scim = Scim(make(name, policies={"strict": True}), name)
        assert scim.post("/Users", body).status_code == 400
        assert scim.event["outcome"] == "refused"
        assert scim.post("/Users", person("ann")).status_code == 201

    def test_what_the_lms_does_not_hold_is_refused(self, make: Callable[..., Service]) -> None:
        scim = Scim(make("moodle", policies={"strict": True}), "moodle")
        refused = scim.post("/Users", person("ann", title="Dr"))
        assert refused.status_code == 400
        assert "title" in refused.json["detail"]


def test_what_is_returned_on_request_is_returned_to_who_writes_it(service: Service) -> None:
    scim = Scim(service, "canvas")
    made = scim.post("/Users", person("ann", locale="de", timezone="Europe/Berlin")).json
    assert (made["locale"], made["timezone"]) == ("de", "Europe/Berlin")
    path = f"/Users/{made['id']}"
    assert not {"locale", "timezone"} & scim.get(path).json.keys()
    change = {"op": "replace", "path": "locale.id", "value": "en-GB"}
    patched = scim.patch(path, change).json
    assert (patched["locale"], "timezone" in patched) == ("en-GB", False)
    assert "locale" not in scim.put(path, person("ann")).json
