"""What Canvas's users do beyond what every connector promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Collection
from connectors.mapping import Resource
from connectors.planning import plan
from schemas.changes import diff
from schemas.errors import ScimError
from schemas.filters import parse_filter
from schemas.match import compile_filter
from schemas.user import LMS_USER
from tests.connectors.canvas.joined import Joined, joined
from tests.connectors.operations import TICKET

ANN: Resource = {
    "userName": "ann",
    "externalId": "S-1",
    "name": {"givenName": "Ann", "familyName": "Doe"},
    "emails": [{"type": "work", "value": "ann@example.edu", "primary": True}],
    "active": True,
}


@pytest.fixture
def canvas() -> Joined:
    return joined(users=12)


def create(canvas: Joined, **more: Any) -> Resource:
    users = canvas["User"]
    fitted, _ = users.mapping.fit({**ANN, **more})
    made = users.create(TICKET, users.mapping.with_defaults(fitted))
    canvas.forget()
    return made


def change(users: Collection, before: Resource, **values: Any) -> Resource:
    """Change as the gateway does; a value of None takes the attribute away."""
    wanted = {**before, **values}
    fitted, _ = users.mapping.fit({n: v for n, v in wanted.items() if v is not None})
    after = users.mapping.carry_over(before, users.mapping.patched(before, fitted))
    return users.update(TICKET, before, after, diff(users.mapping.resource_type, before, after))


def read(users: Collection, id: str, *wanted: str) -> Resource:
    found = users.get(id)
    assert found is not None
    users.complete([found], frozenset(wanted or ("active",)))
    return found


def search(users: Collection, text: str | None) -> list[Resource]:
    node = None if text is None else parse_filter(text, users.mapping.full)
    planned = plan(node, users.mapping)
    found = [resource for batch in users.search(planned) for resource in batch]
    if planned.residual is None:
        return found
    users.complete(found, users.mapping.whole)
    return list(filter(compile_filter(planned.residual), found))


class TestNames:
    def test_the_parts_make_all_the_others(self, canvas: Joined) -> None:
        made = create(canvas)
        held = canvas.site.users[int(made["id"])]
        assert (held.name, held.sortable_name, held.short_name) == (
            "Ann Doe",
            "Doe, Ann",
            "Ann Doe",
        )
        change(canvas["User"], made, name={**made["name"], "familyName": "Smith Jones"})
        held = canvas.site.users[int(made["id"])]
        assert held.name == held.short_name == "Ann Smith Jones"
        assert held.sortable_name == "Smith Jones, Ann"

    def test_a_full_name_of_the_clients_own_stays(self, canvas: Joined) -> None:
        names = {"givenName": "Ann", "familyName": "Doe", "formatted": "Dr Ann Doe"}
        made = create(canvas, name=names, displayName="Annie")
        change(canvas["User"], made, displayName="Nan")
        held = canvas.site.users[int(made["id"])]
        assert (held.name, held.short_name, held.sortable_name) == ("Dr Ann Doe", "Nan", "Doe, Ann")

    def test_a_full_name_alone_gives_the_parts(self, canvas: Joined) -> None:
        made = create(canvas, name={"formatted": "Mary Ann Evans"})
        assert made["name"] == {
            "formatted": "Mary Ann Evans", "givenName": "Mary Ann", "familyName": "Evans"
        }  # fmt: skip
        changed = change(canvas["User"], made, name={**made["name"], "formatted": "George Eliot"})
        assert changed["name"]["familyName"] == "Eliot"
        assert read(canvas["User"], made["id"])["name"] == changed["name"]

    @pytest.mark.parametrize(
        ("given", "family"),
        [("Mary Ann", ""), ("", "van Gogh"), ("Cher", ""), ("", "Plato"), ("Ann", "de la Cruz"),
         ("Martin Luther Jr.", "King")],
    )  # fmt: skip
    def test_no_half_of_a_name_is_lost(self, canvas: Joined, given: str, family: str) -> None:
        names = {n: v for n, v in (("givenName", given), ("familyName", family)) if v}
        made = create(canvas, name=names)
        held = read(canvas["User"], made["id"])["name"]
        assert (held.get("givenName", ""), held.get("familyName", "")) == (given, family)
        assert held == made["name"]

    def test_a_comma_in_a_part_is_refused(self, canvas: Joined) -> None:
        with pytest.raises(ScimError) as refused:
            create(canvas, name={"givenName": "Ann", "familyName": "Doe, PhD"})
        assert refused.value.status == 400
        assert "comma" in refused.value.detail


class TestState:
    def test_disabling_ends_the_sessions(self, canvas: Joined) -> None:
        made = create(canvas)
        token = canvas.site.add_token(int(made["id"]))
        change(canvas["User"], read(canvas["User"], made["id"]), active=False)
        id = made["id"]
        assert canvas.calls == [
            *(f"GET users/{id}", f"GET users/{id}/logins"),
            *(f"PUT users/{id}", f"DELETE users/{id}/sessions"),
        ]
        assert canvas.site.tokens[token].revoked
        assert read(canvas["User"], id)["active"] is False

    def test_a_disabled_account_is_made_in_two_calls(self, canvas: Joined) -> None:
        made = create(canvas)
        assert canvas["User"].find_again(ANN) is not None
        canvas.forget()
        users = canvas["User"]
        resource = {"userName": "bob", "active": False}
        id = users.create(TICKET, resource)["id"]
        assert canvas.calls == [
            *("POST accounts/self/users", f"PUT users/{id}", f"DELETE users/{id}/sessions"),
        ]
        assert read(users, id)["active"] is False
        assert read(users, made["id"])["active"] is True

    def test_one_active_login_of_two_is_enough(self, canvas: Joined) -> None:
        made = create(canvas)
        client = canvas.connector._client
        login = {"unique_id": "ann2"}
        client.send(
            TICKET,
            "POST",
            "accounts/self/logins",
            {"user": {"id": made["id"]}, "login": login},
        )
        first, second = canvas.site.logins_of(int(made["id"]))
        first.state = "suspended"
        held = read(canvas["User"], made["id"])
        # Canvas shows the active one.
        assert (held["active"], held["userName"]) == (True, "ann2")
        second.state = "suspended"
        assert read(canvas["User"], made["id"])["active"] is False
        change(canvas["User"], read(canvas["User"], made["id"]), active=True)
        assert {login.state for login in canvas.site.logins_of(int(made["id"]))} == {"active"}

    def test_the_account_of_the_token_is_neither_disabled_nor_deleted(self, canvas: Joined) -> None:
        own = read(canvas["User"], "1")
        for act in (
            lambda: change(canvas["User"], own, active=False),
            lambda: canvas["User"].delete(TICKET, "1"),
        ):
            with pytest.raises(ScimError) as refused:
                act()
            assert refused.value.status == 403
        assert read(canvas["User"], "1")["active"] is True

    @pytest.mark.parametrize(
        "text",
        [
            'userName eq "user10"',
            'userName sw "user10"',
            'userName co "USER10"',
            'externalId eq "s1000010"',
            'externalId co "000010"',
            'name.formatted co "{name}"',
            'emails.value eq "user10@example.edu"',
            'emails[type eq "work" and value co "user10@"]',
            'id eq "1010"',
            "active eq false",
            'active eq false and userName sw "user"',
        ],
    )
    def test_a_suspended_user_is_found_by_every_filter_that_matches(
        self, canvas: Joined, text: str
    ) -> None:
        user = canvas.site.users[1010]
        assert {login.state for login in canvas.site.logins_of(1010)} == {"suspended"}
        text = text.replace("{name}", user.name[:6])
        assert "1010" in [found["id"] for found in search(canvas["User"], text)]

    def test_who_was_removed_from_the_account_is_nobody(self, canvas: Joined) -> None:
        made = create(canvas)
        users = canvas["User"]
        users.delete(TICKET, made["id"])
        assert users.get(made["id"]) is None
        assert search(users, f'id eq "{made["id"]}"') == []
        assert users.find_again(ANN) is None
        assert made["id"] not in [found["id"] for found in search(users, None)]

    def test_a_create_revives_the_old_account_of_the_same_sis_id(self, canvas: Joined) -> None:
        made = create(canvas)
        canvas["User"].delete(TICKET, made["id"])
        again = create(canvas, userName="anna", name={"givenName": "Anna", "familyName": "Roe"})
        assert again["id"] == made["id"]
        held = read(canvas["User"], made["id"])
        assert (held["userName"], held["active"]) == ("anna", True)
        assert held["name"]["formatted"] == "Anna Roe"
        assert held["emails"][0]["value"] == "ann@example.edu"


class TestAddresses:
    def addresses(self, canvas: Joined, id: str) -> list[tuple[str, str]]:
        return [(held.address, held.state) for held in canvas.site.channels_of(int(id))]

    def test_the_new_address_is_first_and_confirmed_and_the_old_one_is_gone(
        self, canvas: Joined
    ) -> None:
        made = create(canvas)
        value = {"type": "work", "value": "new+x/y@example.edu", "primary": True}
        change(canvas["User"], made, emails=[value])
        assert self.addresses(canvas, made["id"]) == [("new+x/y@example.edu", "active")]
        change(canvas["User"], read(canvas["User"], made["id"]), emails=ANN["emails"])
        assert self.addresses(canvas, made["id"]) == [("ann@example.edu", "active")]

    def test_a_second_address_becomes_the_first(self, canvas: Joined) -> None:
        held = read(canvas["User"], "1008")
        assert [a for a, _ in self.addresses(canvas, "1008")] == [
            *("user8@example.edu", "home8@mail.example"),
        ]
        value = {"type": "work", "value": "home8@mail.example", "primary": True}
        change(canvas["User"], held, emails=[value])
        assert [a for a, _ in self.addresses(canvas, "1008")] == ["home8@mail.example"]

    @pytest.mark.parametrize("address", ["no", "a@b", "a b@c.de", "a@b.c,d@e.f", "a@@b.c"])
    def test_what_canvas_would_drop_in_silence_is_refused(
        self, canvas: Joined, address: str
    ) -> None:
        with pytest.raises(ScimError) as refused:
            create(canvas, userName="x", emails=[{"type": "work", "value": address}])
        assert refused.value.status == 400
        assert canvas["User"].find_again({"userName": "x"}) is None

    def test_the_login_is_no_address_of_who_has_none(self, canvas: Joined) -> None:
        made = create(canvas, userName="ann@idp.example", emails=[])
        assert self.addresses(canvas, made["id"]) == []


class TestCalls:
    def test_a_look_up_is_one_call_and_the_state_another(self, canvas: Joined) -> None:
        users = canvas["User"]
        for text in ('id eq "1003"', 'userName eq "USER3"', 'externalId eq "s1000003"'):
            canvas.forget()
            found = search(users, text)
            assert [user["id"] for user in found] == ["1003"]
            users.complete(found, users.mapping.whole)
            assert len(canvas.calls) == 2, text

    def test_a_login_that_changes_is_read_and_written(self, canvas: Joined) -> None:
        made = create(canvas)
        change(canvas["User"], made, externalId="S-2", userName="anna")
        login = canvas.site.logins_of(int(made["id"]))[0]
        assert (login.unique_id, login.sis_user_id) == ("anna", "S-2")
        assert canvas.calls == [
            f"GET users/{made['id']}/logins", f"PUT accounts/self/logins/{login.id}"
        ]  # fmt: skip

    def test_profiles_are_read_only_where_they_are_wanted(self, canvas: Joined) -> None:
        made = create(canvas, timezone="Europe/Berlin", locale="de")
        held = read(canvas["User"], made["id"], "timezone", "locale")
        assert (held["timezone"], held["locale"]) == ("Europe/Berlin", "de")
        assert canvas.calls == [f"GET users/{made['id']}", f"GET users/{made['id']}/profile"]
        canvas.forget()
        listed = search(canvas["User"], None)
        canvas["User"].complete(listed, frozenset({"timezone"}))
        assert len(canvas.calls) == 1

    def test_a_thousand_are_listed_in_ten_calls(self) -> None:
        canvas = joined(users=999)
        users, start, seen = canvas["User"], "", 0
        while True:
            page = users.page(plan(None, users.mapping), start, 100)
            seen += len(page.resources)
            if not (start := page.next):
                break
        assert seen == 1000
        assert len(canvas.calls) == 10

    def test_many_states_are_read_from_one_report(self) -> None:
        canvas = joined(users=450)
        found = search(canvas["User"], "active eq false")
        assert len(found) == 45
        assert [call for call in canvas.calls if call.endswith("/logins")] == []
        assert len(canvas.calls) <= 10

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda canvas: setattr(canvas.site.settings, "report_result", "error"),
            lambda canvas: setattr(canvas.site.settings, "report_polls", 10**6),
            lambda canvas: canvas.simulator.faults.add("status", status=403, match="/reports"),
            lambda canvas: setattr(canvas.site.settings, "files_url", "http://169.254.169.254"),
            lambda canvas: setattr(canvas.site.settings, "files_url", "http://no name"),
        ],
    )
    def test_without_a_report_the_logins_are_read_one_by_one(
        self, spoil: Callable[[Joined], None]
    ) -> None:
        canvas = joined(users=60, more={"report_from": 10, "report_wait": 0.2})
        spoil(canvas)
        assert len(search(canvas["User"], "active eq false")) == 6
        assert sum(call.endswith("/logins") for call in canvas.calls) == 61

    def test_a_report_that_lies_elsewhere_is_read_without_the_token(self) -> None:
        canvas = joined(users=30, more={"report_from": 10}, files_url="http://files.test")
        assert len(search(canvas["User"], "active eq false")) == 3
        assert [call for call in canvas.calls if call.endswith("/logins")] == []

    def test_a_user_type_is_filtered_from_what_logins_say(self) -> None:
        canvas = joined(users=30, more={"report_from": 10})
        found = search(canvas["User"], 'userType eq "teacher"')
        assert [user["userName"] for user in found] == [f"user{n}" for n in range(5, 31, 5)]


class TestPasswords:
    def test_a_password_is_set(self, canvas: Joined) -> None:
        made = create(canvas, password="first-Secret-1")
        assert canvas.site.passwords_match("ann", "first-Secret-1")
        change(canvas["User"], made, password="second-Secret-2")
        assert canvas.site.passwords_match("ann", "second-Secret-2")

    def test_a_site_that_does_not_allow_it_is_named(self) -> None:
        canvas = joined(admins_can_change_passwords=False)
        made = create(canvas)
        with pytest.raises(ScimError) as refused:
            change(canvas["User"], made, password="second-Secret-2")
        assert refused.value.status == 403
        assert "Secret" not in refused.value.detail

    def test_a_password_against_the_rules_is_refused_and_nothing_else_is_done(
        self, canvas: Joined
    ) -> None:
        made = create(canvas)
        with pytest.raises(ScimError) as refused:
            change(canvas["User"], made, password="short", displayName="Nan", userName="anna")
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        held = read(canvas["User"], made["id"])
        assert (held["displayName"], held["userName"]) == ("Ann Doe", "ann")

    def test_a_message_is_sent_to_the_address(self, canvas: Joined) -> None:
        made = create(canvas)
        canvas["User"].request_password_reset(TICKET, made)
        assert canvas.calls == ["POST users/reset_password"]
        with pytest.raises(ScimError) as refused:
            canvas["User"].request_password_reset(
                TICKET, create(canvas, userName="b", externalId="", emails=[])
            )
        assert refused.value.status == 400


class TestConfiguration:
    def test_the_integration_id_takes_the_place_of_the_sis_id(self) -> None:
        canvas = joined(users=12, attributes={"externalId": "login.integration_id"})
        made = create(canvas, externalId="I-1")
        login = canvas.site.logins_of(int(made["id"]))[0]
        assert (login.integration_id, login.sis_user_id) == ("I-1", None)
        canvas.forget()
        assert [u["id"] for u in search(canvas["User"], 'externalId eq "I-1"')] == [made["id"]]
        assert canvas.calls[0] == "GET users/sis_integration_id:I-1"
        change(canvas["User"], made, externalId="I-2")
        assert canvas.site.logins_of(int(made["id"]))[0].integration_id == "I-2"

    def test_pronouns_are_those_of_the_site(self) -> None:
        pronouns = ("She/Her", "They/Them")
        canvas = joined(more={"pronouns": list(pronouns)}, pronouns=pronouns)
        made = create(canvas, **{LMS_USER: {"pronouns": "She/Her"}})
        assert canvas.site.users[int(made["id"])].pronouns == "She/Her"
        assert LMS_USER not in joined()["User"].mapping.full.schema.urn
        assert "pronouns" not in str(joined()["User"].mapping.resource_type)
