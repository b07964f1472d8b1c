"""What is particular to Blackboard's users: roles, availability, observers, data sources."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Collection
from connectors.blackboard.simulator.entitlements import ALL
from connectors.mapping import Resource
from schemas.changes import check, diff
from schemas.errors import ScimError
from schemas.user import LMS_USER
from tests.connectors.blackboard.joined import Joined, joined
from tests.connectors.operations import TICKET


@pytest.fixture
def blackboard() -> Joined:
    made = joined(users=2)
    made.forget()
    return made


def create(users: Collection, login: str, **lms: Any) -> Resource:
    wanted = {
        "userName": login,
        "name": {"givenName": "Ann", "familyName": "Doe"},
        LMS_USER: lms,
    }
    fitted, _ = users.mapping.fit(wanted)
    return users.create(TICKET, users.mapping.with_defaults(fitted))


def change(users: Collection, before: Resource, active: bool | None = None, **lms: Any) -> Resource:
    wanted = {**before, LMS_USER: {**before.get(LMS_USER, {}), **lms}}
    if active is not None:
        wanted["active"] = active
    fitted, _ = users.mapping.fit(wanted)
    after = users.mapping.carry_over(before, fitted)
    check(users.mapping.resource_type, after, before=before)
    return users.update(TICKET, before, after, diff(users.mapping.resource_type, before, after))


def writes(blackboard: Joined) -> list[str]:
    return [call for call in blackboard.calls if not call.startswith("GET")]


class TestAvailability:
    @pytest.mark.parametrize("off", ["No", "Disabled"])
    def test_who_is_disabled_gets_the_configured_value(self, off: str) -> None:
        blackboard = joined(more={"disable_as": off})
        users = blackboard["User"]
        made = create(users, "ann")
        assert (made["active"], made[LMS_USER]["available"]) == (True, "Yes")
        disabled = change(users, made, active=False)
        assert (disabled["active"], disabled[LMS_USER]["available"]) == (False, off)
        enabled = change(users, disabled, active=True)
        assert (enabled["active"], enabled[LMS_USER]["available"]) == (True, "Yes")

    @pytest.mark.parametrize("available", ["Yes", "No", "Disabled"])
    def test_the_three_values(self, blackboard: Joined, available: str) -> None:
        users = blackboard["User"]
        made = create(users, "ann", available=available)
        assert (made["active"], made[LMS_USER]["available"]) == (available == "Yes", available)
        for other in ("No", "Disabled", "Yes"):
            made = change(users, users.get(made["id"]) or {}, available=other)
            assert (made["active"], made[LMS_USER]["available"]) == (other == "Yes", other)

    def test_off_wins_where_the_two_contradict_each_other(self, blackboard: Joined) -> None:
        users = blackboard["User"]
        off = {"active": False, LMS_USER: {"available": "Yes"}}
        fitted, _ = users.mapping.fit(
            {"userName": "ann", "name": {"givenName": "A", "familyName": "B"}, **off}
        )
        assert users.create(TICKET, fitted)[LMS_USER]["available"] == "No"
        bob = create(users, "bob", available="No")
        assert change(users, bob, active=True, available="Disabled")["active"] is False

    def test_another_word_for_off_is_refused_at_start(self) -> None:
        with pytest.raises(ValueError, match="disable_as"):
            joined(more={"disable_as": "Never"})


class TestRoles:
    def test_the_primary_role_stays_first(self, blackboard: Joined) -> None:
        users = blackboard["User"]
        made = create(users, "ann", institutionRoleIds=["STAFF", "FACULTY", "ALUMNI"])
        held = made[LMS_USER]["institutionRoleIds"]
        assert held == ["STAFF", "ALUMNI", "FACULTY"]
        changed = change(users, made, institutionRoleIds=["STAFF", "ALUMNI"])
        assert changed[LMS_USER]["institutionRoleIds"] == ["STAFF", "ALUMNI"]
        other = change(users, changed, institutionRoleIds=["ALUMNI", "STAFF"])
        assert other[LMS_USER]["institutionRoleIds"] == ["ALUMNI", "STAFF"]

    def test_the_order_of_the_others_is_no_change(self, blackboard: Joined) -> None:
        users = blackboard["User"]
        made = create(users, "ann", institutionRoleIds=["STAFF", "FACULTY", "ALUMNI"])
        wanted = {**made, LMS_USER: {"institutionRoleIds": ["STAFF", "FACULTY", "ALUMNI"]}}
        fitted, _ = users.mapping.fit(wanted)
        after = users.mapping.carry_over(made, users.mapping.replaced(made, fitted))
        assert diff(users.mapping.resource_type, made, after) == ()

    @pytest.mark.parametrize("roles", [["SystemAdmin"], ["User", "SystemAdmin"]])
    def test_administrators_are_not_made(self, blackboard: Joined, roles: list[str]) -> None:
        users = blackboard["User"]
        made = create(users, "ann")
        blackboard.forget()
        with pytest.raises(ScimError) as refused:
            create(users, "bob", systemRoleIds=roles)
        assert refused.value.status == 403
        with pytest.raises(ScimError) as refused:
            change(users, made, systemRoleIds=roles)
        assert refused.value.status == 403
        assert "allow_system_admin" in refused.value.detail
        assert writes(blackboard) == []

    def test_administrators_are_made_where_the_target_lets_it(self) -> None:
        blackboard = joined(sees_system_admins=True, more={"allow_system_admin": True})
        made = create(blackboard["User"], "ann", systemRoleIds=["SystemAdmin"])
        assert made[LMS_USER]["systemRoleIds"] == ["SystemAdmin"]

    @pytest.mark.parametrize("name", ["institutionRoleIds", "systemRoleIds"])
    def test_an_unknown_role_is_refused(self, blackboard: Joined, name: str) -> None:
        with pytest.raises(ScimError) as refused:
            create(blackboard["User"], "ann", **{name: ["NONSENSE"]})
        assert refused.value.status == 400


class TestObservers:
    def test_observers_are_added_and_removed(self, blackboard: Joined) -> None:
        users = blackboard["User"]
        watcher = create(users, "watcher", systemRoleIds=["Observer"])["id"]
        second = create(users, "second", systemRoleIds=["Observer"])["id"]
        ann = create(users, "ann", observers=[{"value": watcher}])
        assert seen(users, ann["id"], "observers") == {watcher}
        assert seen(users, watcher, "observees") == {ann["id"]}
        users.complete([ann], frozenset({"observers"}))
        changed = change(users, ann, observers=[{"userName": "second"}])
        assert [o["value"] for o in changed[LMS_USER]["observers"]] == [second]
        assert seen(users, ann["id"], "observers") == {second}
        change(users, changed, observers=[])
        assert seen(users, ann["id"], "observers") == set()

    @pytest.mark.parametrize("wrong", ["role", "observed", "nobody", "no id"])
    def test_each_broken_rule_is_refused_before_any_write(
        self, blackboard: Joined, wrong: str
    ) -> None:
        users = blackboard["User"]
        watcher = create(users, "watcher", systemRoleIds=["Observer"])["id"]
        plain = create(users, "plain")
        observers = {"role": plain["id"], "nobody": "_999_1", "no id": "userName:watcher"}
        own = ["Observer"] if wrong == "observed" else ["User"]
        wanted = [{"value": observers.get(wrong, watcher)}]
        ann = create(users, "ann", systemRoleIds=own)
        blackboard.forget()
        with pytest.raises(ScimError) as refused:
            create(users, "bob", systemRoleIds=own, observers=wanted)
        assert refused.value.status == 400
        with pytest.raises(ScimError) as refused:
            change(users, ann, observers=wanted, gender="Female")
        assert refused.value.status == 400
        assert writes(blackboard) == []

    def test_the_lists_cost_nothing_until_they_are_wanted(self, blackboard: Joined) -> None:
        users = blackboard["User"]
        assert {"observers", "observees"} <= users.mapping.costly.keys()
        assert users.mapping.whole == frozenset()


class TestDataSources:
    @pytest.mark.parametrize("written", ["externalId:SYSTEM", "SYSTEM", "_2_1"])
    def test_a_data_source_is_named_by_either_id(self, blackboard: Joined, written: str) -> None:
        made = create(blackboard["User"], "ann", dataSourceId=written)
        assert made[LMS_USER]["dataSourceId"] == "_2_1"

    def test_its_id_is_looked_up_once(self, blackboard: Joined) -> None:
        for number in range(3):
            create(blackboard["User"], f"u{number}", dataSourceId="SYSTEM")
        assert sum("dataSources" in call for call in blackboard.calls) == 1

    def test_an_unknown_one_is_refused(self, blackboard: Joined) -> None:
        with pytest.raises(ScimError) as refused:
            create(blackboard["User"], "ann", dataSourceId="NONE")
        assert refused.value.status == 400
        assert writes(blackboard) == []


class TestRefusals:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"birthDate": "31.12.1999"},
            {"birthDate": "1999-02-30"},
            {"studentId": "x" * 101},
            {"streetAddress2": "x" * 101},
        ],
    )
    def test_what_learn_would_refuse_costs_no_call(
        self, blackboard: Joined, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(ScimError) as refused:
            create(blackboard["User"], "ann", **wrong)
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert blackboard.calls == []

    def test_a_missing_entitlement_is_403_and_names_the_check(self) -> None:
        blackboard = joined(users=1, entitlements=ALL - {"system.user.CREATE"})
        with pytest.raises(ScimError) as refused:
            create(blackboard["User"], "ann")
        assert refused.value.status == 403
        assert "matricula check" in refused.value.detail

    def test_a_user_that_is_gone_cannot_be_changed(self, blackboard: Joined) -> None:
        users = blackboard["User"]
        made = create(users, "ann")
        users.delete(TICKET, made["id"])
        with pytest.raises(ScimError) as refused:
            change(users, made, gender="Female")
        assert refused.value.status == 404


def seen(users: Collection, id: str, name: str) -> set[str]:
    user = users.get(id)
    assert user is not None
    users.complete([user], frozenset({name}))
    return {item["value"] for item in user[LMS_USER][name]}
