"""Every trap of Moodle's user functions, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from connectors.base import Collection, Options
from connectors.mapping import Resource
from connectors.moodle import Moodle
from connectors.moodle.fields import user_mapping
from connectors.moodle.simulator.parameters import accepts
from connectors.planning import plan
from schemas.attributes import ENTERPRISE
from schemas.changes import diff
from schemas.errors import ScimError
from schemas.filters import parse_filter
from schemas.match import compile_filter
from schemas.user import LMS_USER
from tests.connectors.law import everything
from tests.connectors.moodle.site import DATABASES, Joined, joined, options
from tests.connectors.operations import TICKET

GET = "core_user_get_users_by_field"
SEARCH = "core_user_get_users"
CREATE = "core_user_create_users"
UPDATE = "core_user_update_users"
CREW = ["admin", "scimgw"]
"""Accounts that every simulated site has beside the guest."""


def ann(**more: Any) -> Resource:
    return {
        "userName": "ann",
        "name": {"givenName": "Ann", "familyName": "Smith"},
        "emails": [{"value": "ann@example.org", "type": "work", "primary": True}],
        **more,
    }


def change(collection: Collection, before: Resource, **values: Any) -> Resource:
    """Change values as the gateway does."""
    mapping = collection.mapping
    after = mapping.carry_over(before, mapping.fit({**before, **values})[0])
    return collection.update(TICKET, before, after, diff(mapping.resource_type, before, after))


def search(collection: Collection, text: str) -> list[str]:
    """Return the user names that a filter finds."""
    node = parse_filter(text, collection.mapping.full)
    planned = plan(node, collection.mapping)
    holds = compile_filter(planned.residual) if planned.residual is not None else lambda _: True
    return [r["userName"] for batch in collection.search(planned) for r in batch if holds(r)]


def names(collection: Collection) -> list[str]:
    return [r["userName"] for r in everything(collection)]


@pytest.fixture(params=DATABASES)
def moodle(request: pytest.FixtureRequest) -> Joined:
    return joined(database=request.param)


def test_an_unknown_criterion_is_never_taken_for_everybody(moodle: Joined) -> None:
    mapping = moodle.users.mapping
    planned = plan(parse_filter('name.givenName eq "x"', mapping.full), mapping)
    assert planned.branches is not None
    condition = planned.branches[0][0]
    wrong = replace(condition, push=replace(condition.push, parameter="Email"))
    with pytest.raises(ScimError) as refused:
        list(moodle.users.search(replace(planned, branches=((wrong,),))))
    assert refused.value.status == 502


@pytest.mark.parametrize("value", ["%", "_", "\\", "a%", "a_b", "a\\b", "100%"])
def test_wildcards_are_letters(moodle: Joined, value: str) -> None:
    for number, name in enumerate(("%", "_", "\\", "a%", "a_b", "a\\b", "100%", "axb", "x")):
        moodle.site.add_user(
            username=f"u{number}", firstname=name, lastname="L", email=f"u{number}@x.org"
        )
    held = [r["name"]["givenName"] for r in everything(moodle.users) if r["userName"][0] == "u"]
    for operator, holds in (
        ("eq", value.__eq__),
        ("co", lambda name: value in name),
        ("sw", lambda name: name.startswith(value)),
        ("ew", lambda name: name.endswith(value)),
    ):
        quoted = value.replace("\\", "\\\\")
        found = search(moodle.users, f'name.givenName {operator} "{quoted}"')
        assert len(found) == len([name for name in held if holds(name)]), operator


def test_wildcards_in_addresses_are_letters(moodle: Joined) -> None:
    for name in ("a_b", "axb", "a%b"):
        moodle.site.add_user(username=name[0] + name[2] + str(ord(name[1])), firstname="F",
                             lastname="L", email=f"{name}@x.org")  # fmt: skip
    assert len(search(moodle.users, 'emails.value sw "A_b@"')) == 1
    assert len(search(moodle.users, 'emails.value eq "a%B@x.org"')) == 1


def test_letter_case_is_scims_on_both_databases(moodle: Joined) -> None:
    moodle.site.add_user(
        username="ann", firstname="Ann", lastname="L", email="Ann@X.org", idnumber="Ref-É"
    )
    moodle.site.add_user(
        username="bob", firstname="Bob", lastname="L", email="b@x.org", idnumber="ref-e "
    )
    assert search(moodle.users, 'userName eq "ANN"') == ["ann"]
    assert search(moodle.users, 'emails.value eq "ANN@x.ORG"') == ["ann"]
    assert search(moodle.users, 'name.givenName eq "ANN"') == ["ann"]
    assert search(moodle.users, 'externalId eq "Ref-É"') == ["ann"]
    assert search(moodle.users, 'externalId eq "ref-e "') == ["bob"]
    assert search(moodle.users, 'externalId eq "REF-E"') == []


def test_deleted_rows_are_nobody(moodle: Joined) -> None:
    created = moodle.users.create(TICKET, ann())
    moodle.users.delete(TICKET, created["id"])
    assert moodle.users.get(created["id"]) is None
    assert moodle.users.fetch([created["id"]]) == []
    assert search(moodle.users, f'id eq "{created["id"]}"') == []
    assert names(moodle.users) == CREW
    again = moodle.users.create(TICKET, ann())
    assert again["id"] != created["id"]


def test_the_guest_is_hidden(moodle: Joined) -> None:
    assert moodle.users.get("1") is None
    assert moodle.users.fetch(["1", "2"])[0]["userName"] == "admin"
    assert search(moodle.users, 'userName eq "guest"') == []
    assert names(moodle.users) == CREW


@pytest.fixture
def spoilt() -> Joined:
    """Return a site with 30 accounts of which one makes every list that holds it fail."""
    made = joined(users=30)
    made.site.users[17].username = "bad+é"
    return made


def test_one_bad_row_does_not_lose_the_list(spoilt: Joined) -> None:
    assert len(names(spoilt.users)) == 29 + len(CREW)
    assert "17" not in [r["id"] for r in everything(spoilt.users)]


def test_one_bad_row_does_not_lose_a_page(spoilt: Joined) -> None:
    ids = [str(id) for id in range(5, 35)]
    fetched = [r["id"] for r in spoilt.users.fetch(ids)]
    assert fetched == [id for id in ids if id != "17"]


def test_one_bad_row_does_not_lose_a_filter(spoilt: Joined) -> None:
    spoilt.site.users[18].firstname = spoilt.site.users[17].firstname = "Twin"
    assert search(spoilt.users, 'name.givenName eq "Twin"') == ["user0014"]
    assert search(spoilt.users, 'id eq "17" or id eq "18"') == ["user0014"]
    spoilt.forget()
    assert search(spoilt.users, 'id eq "17"') == []
    assert spoilt.calls == [GET]


def test_one_bad_row_does_not_lose_those_who_share_its_number(spoilt: Joined) -> None:
    spoilt.site.users[18].idnumber = spoilt.site.users[17].idnumber = "SAME"
    assert search(spoilt.users, 'externalId eq "SAME"') == ["user0014"]


def test_a_bad_row_itself_is_a_clear_error(spoilt: Joined) -> None:
    with pytest.raises(ScimError) as refused:
        spoilt.users.get("17")
    assert refused.value.status == 502
    assert "17" in refused.value.detail
    assert "Rename" in refused.value.detail


def test_accounts_behind_a_gap_of_ids_are_found_around_a_bad_row(spoilt: Joined) -> None:
    spoilt.site.add_user(
        id=6000, username="far", firstname="F", lastname="L", email="far@example.org"
    )
    assert "far" in names(spoilt.users)


def test_two_thousand_are_fetched_whole() -> None:
    moodle = joined(users=2000)
    ids = [str(id) for id in range(5, 2005)]
    moodle.forget()
    assert [r["id"] for r in moodle.users.fetch(ids)] == ids
    assert moodle.calls == [GET] * 3


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('id eq "7"', [GET]),
        ('userName eq "USER0003"', [GET]),
        ('externalId eq "SIS-000003"', [GET]),
        ('name.given eq "Ann" and contact.email co "@x"', [SEARCH]),
        ('userName eq "a" or userName eq "b"', [GET]),
        ('emails[type eq "work" and value sw "user0001"]', [SEARCH]),
        ('userName eq "no such name!"', []),
        ('costCenter eq "x"', []),
        ('phoneNumbers.value eq "x"', []),
        ("active eq false", [SEARCH]),
    ],
)
def test_queries_cost_as_many_calls_as_they_must(text: str, calls: list[str]) -> None:
    moodle = joined(users=5)
    search(moodle.users, text)
    assert moodle.calls == calls


def test_reading_one_is_one_call(moodle: Joined) -> None:
    moodle.users.get("2")
    assert moodle.calls == [GET]


def test_a_create_is_a_write_and_a_read(moodle: Joined) -> None:
    moodle.users.create(TICKET, ann())
    assert moodle.calls == [CREATE, GET]


def test_creating_disabled_takes_a_second_call(moodle: Joined) -> None:
    created = moodle.users.create(TICKET, ann(active=False))
    assert created["active"] is False
    assert moodle.calls == [CREATE, UPDATE, GET]


def test_disabling_a_new_account_is_tried_again(
    moodle: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    moodle.simulator.faults.add("status", match=UPDATE, status=503)
    assert moodle.users.create(TICKET, ann(active=False))["active"] is False


def test_an_account_that_stayed_enabled_is_named(
    moodle: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    moodle.simulator.faults.add("status", match=UPDATE, status=503, times=3)
    with pytest.raises(ScimError, match=r"User 5 was created, but could not be disabled"):
        moodle.users.create(TICKET, ann(active=False))


def test_a_create_whose_reading_fails_is_a_success(
    moodle: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    moodle.simulator.faults.add("status", match=GET, status=503, times=3)
    created = moodle.users.create(TICKET, ann(password="Secret 1!", active=False))
    assert (created["id"], created["active"]) == ("5", False)
    assert "Secret 1!" not in str(created)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"userName": "taken"}, "userName is already in use by user 5"),
        ({"emails": [{"value": "TAKEN@example.org", "type": "work"}]}, "is already in use by"),
    ],
)
@pytest.mark.parametrize("database", DATABASES)
def test_what_is_taken_is_a_409(
    values: dict[str, Any], said: str, debug: bool, database: str
) -> None:
    moodle = joined(debug=debug, database=database)
    moodle.site.add_user(username="taken", firstname="T", lastname="K", email="taken@example.org")
    with pytest.raises(ScimError, match=said) as refused:
        moodle.users.create(TICKET, ann(**values))
    assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
    held = moodle.users.create(TICKET, ann())
    with pytest.raises(ScimError, match=r"in use|used by") as refused:
        change(moodle.users, held, **values)
    assert refused.value.status == 409
    assert moodle.users.get(held["id"]) == held


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"userName": "ann smith"}, "letters a-z"),
        ({"userName": "ann+x"}, "letters a-z"),
        ({"userName": "änn"}, "letters a-z"),
        ({"userName": "a" * 101}, "longer than the 100"),
        ({"emails": [{"value": "ann@localhost", "type": "work"}]}, "e-mail address"),
        ({"emails": [{"value": "änn@example.org", "type": "work"}]}, "e-mail address"),
        ({"emails": [{"value": '"ann"@example.org', "type": "work"}]}, "e-mail address"),
        ({"emails": [{"value": "a" * 90 + "@example.org", "type": "work"}]}, "longer than"),
        ({"name": {"givenName": "<b>", "familyName": "S"}}, "takes the '<' for a tag"),
        ({"name": {"givenName": "x<", "familyName": "S"}}, "takes the '<' for a tag"),
        ({"name": {"givenName": " \t", "familyName": "S"}}, "only white space"),
        ({"name": {"givenName": "x" * 101, "familyName": "S"}}, "longer than the 100"),
        ({"externalId": "0"}, 'does not keep the value "0"'),
        ({"externalId": "x" * 256}, "longer than the 255"),
        ({"addresses": [{"type": "work", "locality": "0"}]}, 'does not keep the value "0"'),
        ({"addresses": [{"type": "work", "locality": "x" * 121}]}, "longer than the 120"),
        ({"phoneNumbers": [{"type": "work", "value": "1" * 21}]}, "longer than the 20"),
        ({ENTERPRISE: {"department": "a<b"}}, "takes the '<' for a tag"),
    ],
)
def test_what_moodle_would_refuse_is_refused_with_a_reason(
    moodle: Joined, values: dict[str, Any], said: str
) -> None:
    for write in (
        lambda: moodle.users.create(TICKET, ann(**values)),
        lambda: change(moodle.users, {**ann(), "id": "2"}, **values),
    ):
        with pytest.raises(ScimError, match=said) as refused:
            write()
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert moodle.calls == []


@pytest.mark.parametrize(
    "values",
    [
        {"name": {"givenName": "a < b", "familyName": "A & B > C"}},
        {"name": {"givenName": "0", "familyName": "O'Brien \\ %"}},
        {"name": {"givenName": "  Ann  ", "familyName": "e\u0301 😀"}},
        {"emails": [{"value": "o'brien+x@example.org", "type": "work", "primary": True}]},
        {"externalId": "<x> & 00"},
        {ENTERPRISE: {"department": "0"}},
    ],
)
def test_what_moodle_keeps_as_it_is_is_kept(moodle: Joined, values: dict[str, Any]) -> None:
    created = moodle.users.create(TICKET, ann(**values))
    read = moodle.users.get(created["id"])
    assert read is not None
    for name, value in values.items():
        assert read[name] == value or read[name].items() >= value.items()


def test_a_refusal_that_was_not_foreseen_is_readable(moodle: Joined) -> None:
    moodle.site.settings.languages = ()
    with pytest.raises(ScimError, match="Moodle refuses a value") as refused:
        moodle.users.create(TICKET, ann(locale="en"))
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")


def test_a_password_outside_the_policy_is_refused_in_moodles_words(moodle: Joined) -> None:
    with pytest.raises(ScimError, match=r"at least 1 upper case letter") as refused:
        moodle.users.create(TICKET, ann(password="weak"))
    assert refused.value.status == 400
    assert "<" not in refused.value.detail
    assert "weak" not in refused.value.detail
    assert names(moodle.users) == CREW


def test_a_password_outside_the_policy_changes_nothing_else(moodle: Joined) -> None:
    held = moodle.users.create(TICKET, ann(password="Secret 1!"))
    with pytest.raises(ScimError, match="password policy") as refused:
        change(moodle.users, held, password="weak", externalId="new", active=False)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert moodle.users.get(held["id"]) == held
    assert moodle.site.passwords_match("ann", "Secret 1!")


def test_a_taken_name_leaves_the_password_as_it_was(moodle: Joined) -> None:
    held = moodle.users.create(TICKET, ann(password="Secret 1!"))
    with pytest.raises(ScimError, match="in use"):
        change(moodle.users, held, password="Another 2!", userName="admin")
    assert moodle.site.passwords_match("ann", "Secret 1!")


def test_a_password_is_changed_in_one_call(moodle: Joined) -> None:
    held = moodle.users.create(TICKET, ann())
    moodle.forget()
    change(moodle.users, held, password="Another 2!", **{LMS_USER: {"mustChangePassword": True}})
    assert moodle.calls == [UPDATE]
    assert moodle.site.passwords_match("ann", "Another 2!")
    assert moodle.site.users[int(held["id"])].preferences["auth_forcepasswordchange"] == "1"


def test_a_change_is_one_call(moodle: Joined) -> None:
    held = moodle.users.create(TICKET, ann())
    moodle.forget()
    after = change(moodle.users, held, active=False, name={"givenName": "B", "familyName": "S"})
    assert moodle.calls == [UPDATE]
    assert (after["displayName"], after["name"]["formatted"]) == ("B S", "B S")
    assert moodle.users.get(held["id"]) == after


def test_a_change_is_read_again_where_the_target_wants_it(moodle: Joined) -> None:
    users = Moodle(options(moodle.simulator, verify=True)).collections["User"]
    held = users.create(TICKET, ann())
    moodle.forget()
    change(users, held, active=False)
    assert moodle.calls == [UPDATE, GET]


@pytest.mark.parametrize(("id", "status"), [("2", 403), ("999", 404), ("6", 404)])
def test_warnings_of_an_update_are_errors(moodle: Joined, id: str, status: int) -> None:
    moodle.users.create(TICKET, ann())
    gone = moodle.users.create(
        TICKET, ann(userName="b", emails=[{"value": "b@x.org", "type": "work"}])
    )
    moodle.users.delete(TICKET, gone["id"])
    with pytest.raises(ScimError) as refused:
        change(moodle.users, {**ann(), "id": id, "active": True}, active=False)
    assert refused.value.status == status


def test_site_administrators_are_not_deleted(moodle: Joined) -> None:
    with pytest.raises(ScimError) as refused:
        moodle.users.delete(TICKET, "2")
    assert refused.value.status == 403
    with pytest.raises(ScimError) as refused:
        moodle.users.delete(TICKET, "999")
    assert refused.value.status == 404


def test_countries_zones_and_languages_are_moodles(moodle: Joined) -> None:
    declared = moodle.users.mapping.resource_type
    zones = declared.find("timezone")
    assert zones is not None
    assert {"Europe/Oslo", "America/Argentina/Buenos_Aires", "UTC"} <= set(zones.canonical_values)
    assert not {"GMT+1", "Etc/GMT+5", "Mars/Base", "99"} & set(zones.canonical_values)
    for zone in zones.canonical_values:
        assert accepts("timezone", zone, moodle.site.settings), zone


def test_a_language_falls_back_on_what_the_site_has() -> None:
    moodle = joined(more={"languages": ["en", "de", "pt_br"]}, languages=("en", "de", "pt_br"))
    fit = moodle.users.mapping.fit
    assert fit({"locale": "de-AT"})[0] == {"locale": "de"}
    assert fit({"locale": "PT-br"})[0] == {"locale": "pt-BR"}
    created = moodle.users.create(TICKET, ann(locale="pt-BR"))
    assert created["locale"] == "pt-BR"
    assert moodle.site.users[int(created["id"])].lang == "pt_br"


def test_the_sites_own_time_zone_is_no_value(moodle: Joined) -> None:
    created = moodle.users.create(TICKET, ann(timezone="Europe/Oslo"))
    assert created["timezone"] == "Europe/Oslo"
    after = change(moodle.users, created, timezone=None)
    assert "timezone" not in after
    assert moodle.site.users[int(created["id"])].timezone == "99"


def test_hidden_phones_are_not_taken_for_empty(moodle: Joined) -> None:
    phones = [{"type": "work", "value": "+1"}]
    created = moodle.users.create(TICKET, ann(phoneNumbers=phones))
    assert "phoneNumbers" not in created
    change(moodle.users, created, active=False)
    assert moodle.site.users[int(created["id"])].phone1 == "+1"
    declared = moodle.users.mapping.resource_type.find("phoneNumbers")
    assert declared is not None
    assert declared.secret


def test_phones_are_read_where_the_site_shows_them() -> None:
    shown = ["email", "phone1"]
    moodle = joined(more={"show_user_identity": shown}, show_user_identity=tuple(shown))
    phones = [{"type": "work", "value": "+1"}, {"type": "mobile", "value": "+2"}]
    created = moodle.users.create(TICKET, ann(phoneNumbers=phones))
    assert created["phoneNumbers"] == [{"type": "work", "value": "+1"}]


def test_custom_profile_fields_hold_what_the_target_says(moodle: Joined) -> None:
    moodle = joined(
        attributes={
            "studentId": "profile_field_costcenter",
            "externalId": "profile_field_employeetype",
        },
        database=moodle.site.settings.database,
    )
    created = moodle.users.create(TICKET, ann(externalId="E-1", **{LMS_USER: {"studentId": "S-1"}}))
    assert created["externalId"] == "E-1"
    assert created[LMS_USER]["studentId"] == "S-1"
    held = moodle.site.users[int(created["id"])]
    assert held.customfields == {"costcenter": "S-1", "employeetype": "E-1"}
    assert held.idnumber == ""
    after = change(moodle.users, created, externalId=None)
    assert "externalId" not in after
    assert search(moodle.users, 'studentId eq "S-1"') == ["ann"]
    assert search(moodle.users, 'externalId eq "E-1"') == []


def test_an_attribute_is_dropped_and_another_has_a_default() -> None:
    moodle = joined(
        attributes={
            "department": "",
            "organization": {"default": "Example"},
            "nickName": "alternatename",
        }
    )
    fitted, ignored = moodle.users.mapping.fit(ann(**{ENTERPRISE: {"department": "P"}}))
    assert ignored == [f"{ENTERPRISE}:department"]
    created = moodle.users.create(TICKET, moodle.users.mapping.with_defaults(fitted))
    assert created[ENTERPRISE] == {"organization": "Example"}


@pytest.mark.parametrize(
    "attributes",
    [{"title": "nonsense"}, {"userName": "idnumber"}, {"userName": ""}, {"studentId": "idnumber"}],
)
def test_an_override_that_moodle_cannot_do_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        user_mapping(Options(name="moodle", attributes=attributes))


def test_an_account_without_password_gets_one_or_a_mail() -> None:
    silent, notifying = joined(), joined(more={"notify": True})
    silent.users.create(TICKET, ann())
    assert silent.site.mails == []
    assert silent.site.users[5].password_hash
    notifying.users.create(TICKET, ann())
    assert [(m.kind, m.address) for m in notifying.site.mails] == [
        ("newpassword", "ann@example.org")
    ]


def test_moodle_mails_a_way_to_a_new_password(moodle: Joined) -> None:
    created = moodle.users.create(TICKET, ann())
    moodle.users.request_password_reset(TICKET, created)
    assert [m.kind for m in moodle.site.mails] == ["passwordreset"]


def test_the_login_method_of_new_accounts_is_the_targets() -> None:
    moodle = joined(more={"auth": "oauth2"})
    created = moodle.users.create(TICKET, ann())
    assert moodle.site.users[int(created["id"])].auth == "oauth2"


def test_extended_user_names_are_a_matter_of_configuration() -> None:
    moodle = joined(more={"extended_usernames": True}, extended_usernames=True)
    created = moodle.users.create(TICKET, moodle.users.mapping.fit(ann(userName="Änn+X"))[0])
    assert created["userName"] == "änn+x"
    assert search(moodle.users, 'userName eq "ÄNN+x"') == ["änn+x"]
    found = moodle.users.find_again({"userName": "ÄNN+X"})
    assert found is not None
    moodle.site.add_user(username="ann+y", firstname="F", lastname="L", email="y@x.org")
    moodle.forget()
    assert search(moodle.users, 'userName eq "ANN+Y"') == ["ann+y"]
    assert moodle.calls == [GET]


def test_a_name_that_moodle_cannot_have_is_not_found_again(moodle: Joined) -> None:
    assert moodle.users.find_again({"userName": "no such name!"}) is None
    assert moodle.calls == []


def test_the_token_is_in_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    moodle = joined(users=2)
    seen: list[httpx.Request] = []
    handle = httpx.WSGITransport.handle_request

    def remember(self: httpx.WSGITransport, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return handle(self, request)

    monkeypatch.setattr(httpx.WSGITransport, "handle_request", remember)
    assert list(moodle.users.search(plan(None, moodle.users.mapping)))
    held = moodle.users.create(TICKET, ann(active=False))
    moodle.users.delete(TICKET, held["id"])
    moodle.connector.ping()
    assert len(seen) == 6
    assert {str(request.url) for request in seen} == {
        "http://moodle.test/webservice/rest/server.php"
    }
    assert not any(moodle.site.token in str(request.headers) for request in seen)
