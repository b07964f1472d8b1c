"""What is particular to Brightspace's users: whole replacements, roles, passwords, observees."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Collection
from connectors.brightspace.simulator.builtin import AUDITOR
from connectors.http import counted
from connectors.mapping import Resource
from schemas.attributes import ENTERPRISE
from schemas.changes import check, diff
from schemas.errors import ScimError
from schemas.user import LMS_USER
from tests.connectors.brightspace.joined import Joined, joined
from tests.connectors.operations import TICKET

ANN: Resource = {"userName": "ann", "name": {"givenName": "Ann", "familyName": "Doe"}}


@pytest.fixture
def brightspace() -> Joined:
    return warm(joined(users=2))


def warm(made: Joined) -> Joined:
    """Let the connector fetch its token and the versions, so that calls can be counted."""
    made["User"].get("3163")
    made.forget()
    return made


def create(users: Collection, **values: Any) -> Resource:
    fitted, _ = users.mapping.fit({**ANN, **values})
    fitted = users.mapping.with_defaults(fitted)
    check(users.mapping.resource_type, fitted)
    return users.create(TICKET, fitted)


def change(users: Collection, before: Resource, **values: Any) -> Resource:
    fitted, _ = users.mapping.fit({**before, **values})
    after = users.mapping.carry_over(before, fitted)
    check(users.mapping.resource_type, after, before=before)
    return users.update(TICKET, before, after, diff(users.mapping.resource_type, before, after))


class TestCalls:
    """How many calls each operation takes, and which."""

    def test_an_account_is_made_in_one(self, brightspace: Joined) -> None:
        create(brightspace["User"], password="a Secret 1!", active=False)
        assert brightspace.calls == ["POST lp/users/"]

    def test_an_account_is_disabled_in_one(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        brightspace.forget()
        change(brightspace["User"], made, active=False)
        assert brightspace.calls == [f"PUT lp/users/{made['id']}/activation"]

    def test_a_password_is_set_in_one(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        brightspace.forget()
        change(brightspace["User"], made, password="a Secret 1!")
        assert brightspace.calls == [f"PUT lp/users/{made['id']}/password"]
        assert brightspace.site.passwords_match("ann", "a Secret 1!")

    def test_all_else_is_replaced_in_two(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        brightspace.forget()
        changed = change(brightspace["User"], made, externalId="E-1", active=False)
        path = f"lp/users/{made['id']}"
        assert brightspace.calls == [f"GET {path}", f"PUT {path}"]
        assert (changed["externalId"], changed["active"]) == ("E-1", False)

    def test_a_role_is_given_in_one_beside_the_organizations_id(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        brightspace.forget()
        change(brightspace["User"], made, **{LMS_USER: {"institutionRoleIds": ["109"]}})
        assert brightspace.calls == ["GET lp/organization/info", "POST lp/enrollments/"]
        assert brightspace.site.role_of(int(made["id"])) == 109

    def test_costly_attributes_cost_nothing_until_they_are_wanted(
        self, brightspace: Joined
    ) -> None:
        users = brightspace["User"]
        assert users.mapping.whole == frozenset()
        users.complete([users.get("3163") or {}], users.mapping.whole)
        assert brightspace.calls == ["GET lp/users/3163"]

    def test_the_own_page_is_one_more(self) -> None:
        brightspace = warm(joined(users=2, more={"profile": True}))
        users = brightspace["User"]
        made = create(users, title="Dean")
        path = f"lp/profile/user/{made['id']}"
        assert brightspace.calls == ["POST lp/users/", f"GET {path}", f"PUT {path}"]
        brightspace.forget()
        read = users.get(made["id"]) or {}
        users.complete([read], users.mapping.whole)
        assert read["title"] == "Dean"
        assert len(brightspace.calls) == 2

    def test_what_the_own_page_does_not_say_was_looked_at(self) -> None:
        brightspace = joined(users=1, more={"profile": True})
        users = brightspace["User"]
        read = users.get("3163") or {}
        users.complete([read], users.mapping.whole)
        assert (read["title"], read["phoneNumbers"], read["addresses"]) == (None, [], [])
        assert read[ENTERPRISE] == {"organization": None}
        fitted, ignored = users.mapping.fit(read)
        assert ENTERPRISE not in fitted
        assert not {"organization", "title"} & set(ignored)


class TestReplacement:
    def test_what_the_target_does_not_hold_stays(self) -> None:
        brightspace = joined(users=1, attributes={"externalId": ""})
        user = brightspace.site.users[3163]
        user.org_defined_id, user.pronouns = "E-1", "She/Her"
        before = brightspace["User"].get("3163") or {}
        assert "externalId" not in before
        change(brightspace["User"], before, name={"givenName": "New", "familyName": "Name"})
        assert (user.legal_first, user.org_defined_id, user.pronouns) == ("New", "E-1", "She/Her")

    def test_names_are_those_that_are_shown(self, brightspace: Joined) -> None:
        user = brightspace.site.users[3163]
        user.legal_first, user.preferred_first, user.preferred_last = "Augusta", "Ada", "King"
        before = brightspace["User"].get("3163") or {}
        assert before["displayName"] == "Ada King"
        name = {"givenName": "Adele", "familyName": "King"}
        changed = change(brightspace["User"], before, name=name)
        assert changed["displayName"] == changed["name"]["formatted"] == "Adele King"
        assert (user.legal_first, user.preferred_first) == ("Augusta", "Adele")

    def test_who_is_gone_cannot_be_changed(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        brightspace["User"].delete(TICKET, made["id"])
        for values in ({"externalId": "x"}, {"active": False}, {"password": "a Secret 1!"}):
            with pytest.raises(ScimError) as refused:
                change(brightspace["User"], made, **values)
            assert refused.value.status == 404


class TestDuplicates:
    def test_free_text_is_looked_into(self, brightspace: Joined) -> None:
        create(brightspace["User"], externalId="E-1")
        for values in ({"externalId": "E-2"}, {"userName": "bob", "externalId": "e-1"}):
            with pytest.raises(ScimError) as refused:
                create(brightspace["User"], **values)
            assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")

    def test_another_refusal_stays_one(self, brightspace: Joined) -> None:
        brightspace.simulator.faults.add("status", match="/users/", status=400)
        with pytest.raises(ScimError) as refused:
            create(brightspace["User"])
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")

    def test_ids_that_need_not_be_unique_are_taken(self) -> None:
        brightspace = joined(unique_org_defined_ids=False)
        create(brightspace["User"], externalId="E-1")
        assert create(brightspace["User"], userName="bob", externalId="E-1")["id"]


class TestRoles:
    def test_new_accounts_have_the_configured_role(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        assert brightspace.site.role_of(int(made["id"])) == 103

    @pytest.mark.parametrize("role", ["109", "Instructor", "INSTRUCTOR"])
    def test_a_role_is_named_by_id_or_name(self, brightspace: Joined, role: str) -> None:
        made = create(brightspace["User"], **{LMS_USER: {"institutionRoleIds": [role]}})
        assert brightspace.site.role_of(int(made["id"])) == 109
        assert made[LMS_USER]["institutionRoleIds"] == ["109"]

    @pytest.mark.parametrize("roles", [["Nonsense"], ["109", "110"], ["999"]])
    def test_an_unknown_role_and_two_of_them_are_refused(
        self, brightspace: Joined, roles: list[str]
    ) -> None:
        with pytest.raises(ScimError) as refused:
            create(brightspace["User"], **{LMS_USER: {"institutionRoleIds": roles}})
        assert refused.value.status in (400, 404)
        assert len(brightspace.site.users) == 3
        before = brightspace["User"].get("3163") or {}
        with pytest.raises(ScimError) as refused:
            change(brightspace["User"], before, **{LMS_USER: {"institutionRoleIds": roles}})
        assert refused.value.status == 400

    def test_without_a_configured_role_one_must_be_named(self) -> None:
        brightspace = joined(more={"config": {}})
        with pytest.raises(ScimError, match="roleId"):
            create(brightspace["User"])
        assert brightspace.calls == []

    @pytest.mark.parametrize("config", ["103", {"roleId": "End User"}, {"roleId": True}])
    def test_what_is_no_role_id_is_refused_at_start(self, config: Any) -> None:
        with pytest.raises(ValueError, match="config"):
            joined(more={"config": config})


class TestPasswords:
    @pytest.mark.parametrize("version", ["1.49", "1.56", "1.62"])
    def test_new_accounts_get_theirs_in_every_version(self, version: str) -> None:
        brightspace = joined(versions={"lp": (version,), "le": ("1.96",)})
        made = create(
            brightspace["User"], password="a Secret 1!", **{LMS_USER: {"mustChangePassword": True}}
        )
        assert brightspace.site.passwords_match("ann", "a Secret 1!")
        assert brightspace.site.users[int(made["id"])].must_reset
        assert "password" not in made
        assert "mustChangePassword" not in made.get(LMS_USER, {})

    @pytest.mark.parametrize("version", ["1.49", "1.62"])
    def test_a_refused_password_leaves_no_account(self, version: str) -> None:
        brightspace = joined(versions={"lp": (version,), "le": ("1.96",)})
        with pytest.raises(ScimError) as refused:
            create(brightspace["User"], password="short")
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert "short" not in refused.value.detail
        assert not brightspace.site.users.find("user_name", "ann")

    def test_a_refused_password_after_another_change_is_looked_at(
        self, brightspace: Joined
    ) -> None:
        made = create(brightspace["User"])
        with pytest.raises(ScimError) as refused:
            change(brightspace["User"], made, externalId="E-1", password="short")
        assert (refused.value.status, refused.value.unknown) == (400, True)
        with pytest.raises(ScimError) as refused:
            change(brightspace["User"], made, password="short")
        assert (refused.value.status, refused.value.unknown) == (400, False)

    def test_it_must_be_changed_only_together_with_a_new_one(self, brightspace: Joined) -> None:
        made = create(brightspace["User"])
        must = {LMS_USER: {"mustChangePassword": True}}
        with pytest.raises(ScimError) as refused:
            change(brightspace["User"], made, **must)
        assert refused.value.status == 400
        change(brightspace["User"], made, password="a Secret 1!", **must)
        assert brightspace.site.users[int(made["id"])].must_reset

    @pytest.mark.parametrize("version", ["1.49", "1.62"])
    def test_a_message_is_sent(self, version: str) -> None:
        brightspace = joined(users=1, versions={"lp": (version,), "le": ("1.96",)})
        users = brightspace["User"]
        made = create(users, emails=[{"type": "work", "value": "a@example.edu"}])
        users.request_password_reset(TICKET, made)
        assert [mail.kind for mail in brightspace.site.mails] == ["reset"]
        with pytest.raises(ScimError) as refused:
            users.request_password_reset(TICKET, create(users, userName="bob"))
        assert refused.value.status == 400

    def test_people_are_told_of_their_account_where_that_is_configured(self) -> None:
        for tells in (True, False):
            brightspace = joined(more={"creation_email": tells})
            create(brightspace["User"], emails=[{"type": "work", "value": "a@example.edu"}])
            assert [mail.kind for mail in brightspace.site.mails] == ["created"] * tells


class TestObservees:
    def test_they_are_added_and_removed(self, brightspace: Joined) -> None:
        users = brightspace["User"]
        role = {"institutionRoleIds": [str(AUDITOR)]}
        ann = create(users, **{LMS_USER: {**role, "observees": [{"value": "3163"}]}})
        assert seen(users, ann["id"]) == ["3163"]
        changed = change(
            users, ann, **{LMS_USER: {**ann[LMS_USER], "observees": [{"userName": "user2"}]}}
        )
        assert changed[LMS_USER]["observees"] == [{"value": "3164"}]
        assert seen(users, ann["id"]) == ["3164"]
        change(users, changed, **{LMS_USER: {**ann[LMS_USER], "observees": []}})
        assert seen(users, ann["id"]) == []

    @pytest.mark.parametrize("item", [{"value": "x"}, {"userName": "nobody"}, {"value": "0"}])
    def test_nobody_is_refused_before_any_write(
        self, brightspace: Joined, item: dict[str, str]
    ) -> None:
        with pytest.raises(ScimError) as refused:
            create(brightspace["User"], **{LMS_USER: {"observees": [item]}})
        assert refused.value.status == 400
        assert brightspace.writes == []

    def test_who_is_no_auditor_is_not_made(self, brightspace: Joined) -> None:
        with pytest.raises(ScimError) as refused:
            create(brightspace["User"], **{LMS_USER: {"observees": [{"value": "3163"}]}})
        assert refused.value.status == 403
        assert not brightspace.site.users.find("user_name", "ann")

    def test_a_tenant_without_auditors_shows_none(self) -> None:
        brightspace = joined(users=1, auditing=False)
        assert seen(brightspace["User"], "3163") == []


class TestBeside:
    def test_an_attribute_of_the_tenant_holds_what_is_configured(self) -> None:
        brightspace = warm(joined(users=1, attributes={"department": "attribute._companyname"}))
        users = brightspace["User"]
        held = brightspace.site.users[3163]
        held.attributes = [{"AttributeId": "_hireddate", "Value": ["2020-05-01"]}]
        made = create(users, **{ENTERPRISE: {"department": "Physics"}})
        before = users.get("3163") or {}
        changed = change(users, before, **{ENTERPRISE: {"department": "Law"}})
        for id, wanted in ((made["id"], "Physics"), (changed["id"], "Law")):
            read = users.get(id) or {}
            users.complete([read], users.mapping.whole)
            assert read[ENTERPRISE] == {"department": wanted}
        assert len(held.attributes) == 2
        change(users, changed, **{ENTERPRISE: {"department": None}})
        assert [row["AttributeId"] for row in held.attributes] == ["_hireddate"]

    def test_any_member_of_the_page_can_be_chosen(self) -> None:
        brightspace = joined(users=1, attributes={"department": "profile.University"})
        made = create(brightspace["User"], **{ENTERPRISE: {"department": "Physics"}})
        assert brightspace.site.users[int(made["id"])].profile["University"] == "Physics"

    def test_a_field_that_is_not_there_is_refused_at_start(self) -> None:
        for native in ("Shoes", "profile.", "attribute."):
            with pytest.raises(ValueError, match="department"):
                joined(attributes={"department": native})

    def test_without_the_option_the_page_is_left_alone(self, brightspace: Joined) -> None:
        fitted, ignored = brightspace["User"].mapping.fit({**ANN, "title": "Dean"})
        assert (fitted, ignored) == (ANN, ["title"])


class TestRefusals:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"userName": " "},
            {"userName": "x" * 271},
            {"externalId": "x" * 257},
            {"name": {"givenName": " ", "familyName": "Doe"}},
            {"emails": [{"type": "work", "value": "no address"}]},
        ],
    )
    def test_what_brightspace_would_refuse_costs_no_call(
        self, brightspace: Joined, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(ScimError) as refused:
            create(brightspace["User"], **wrong)
        assert refused.value.status == 400
        assert brightspace.calls == []

    @pytest.mark.parametrize("permission", ["Users.Delete", "Users.Edit", "Users.Activate"])
    def test_a_missing_permission_is_403_and_names_the_check(self, permission: str) -> None:
        brightspace = joined(users=1, denied=[permission])
        before = brightspace["User"].get("3163") or {}
        with counted(), pytest.raises(ScimError) as refused:
            if permission == "Users.Delete":
                brightspace["User"].delete(TICKET, "3163")
            elif permission == "Users.Edit":
                change(brightspace["User"], before, externalId="x")
            else:
                change(brightspace["User"], before, active=False)
        assert refused.value.status == 403
        assert permission in refused.value.detail
        assert "matricula check" in refused.value.detail


def seen(users: Collection, id: str) -> list[str]:
    user = users.get(id) or {}
    users.complete([user], frozenset({"observees"}))
    return [item["value"] for item in user[LMS_USER]["observees"]]
