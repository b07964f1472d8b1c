"""Users in the simulator: searches, lists, creation, replacement, and what is kept beside them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.brightspace.site import (
    LP,
    ORG,
    Client,
    changed,
    fixture,
    person,
    simulator,
)

NONE = (404, "Resource Not Found")


@pytest.fixture
def client() -> Client:
    return Client(simulator())


def test_a_new_account(client: Client) -> None:
    made = client.ok("POST users/", fixture("user_create"))
    recorded = fixture("user")
    late = {"LastAccessedDate": None, "FirstLoginDate": None, "Pronouns": ""}
    assert made == {**recorded, **late}
    assert client.ok("GET users/3163") == made
    assert client.ok(f"GET enrollments/orgUnits/{ORG}/users/3163")["RoleId"] == 110
    assert client.site.mails == []
    assert "FirstLoginDate" in made
    client.site.settings.release = (20, 26, 1)
    assert "FirstLoginDate" not in client.ok("GET users/3163")


def test_the_three_searches(client: Client) -> None:
    ada = client.add("ada+1@x", OrgDefinedId="E 1&2#", ExternalEmail="a+b@example.edu")
    assert client.ok("GET users/", userName="ada+1@x") == ada
    assert client.ok("GET users/", orgDefinedId="E 1&2#") == [ada]
    assert client.ok("GET users/", externalEmail="a+b@example.edu") == [ada]
    for name in ("userName", "orgDefinedId", "externalEmail"):
        assert client.refused("GET users/", **{name: "ada"}) == NONE
        assert client.refused("GET users/", **{name: ""}) == NONE


def test_only_the_first_search_counts(client: Client) -> None:
    ada, bo = client.add("ada"), client.add("bo")
    both = {"userName": "bo", "orgDefinedId": "E-ada"}
    assert client.ok("GET users/", **both) == [ada]
    assert client.ok("GET users/", externalEmail="ada@example.edu", userName="bo") == bo
    assert client.ok("GET users/", bookmark="1", externalEmail="ada@example.edu") == [ada]
    assert client.refused("GET users/", orgDefinedId="x", userName="bo") == NONE


def test_searches_pass_over_case_unless_told(client: Client) -> None:
    client.add("Ada")
    assert client.ok("GET users/", userName="aDA")["UserName"] == "Ada"
    assert len(client.ok("GET users/", orgDefinedId="e-ADA")) == 1
    strict = Client(simulator(case_sensitive=True))
    strict.add("Ada")
    assert strict.refused("GET users/", userName="ada") == NONE


def test_several_may_share_an_address_and_perhaps_a_key(client: Client) -> None:
    client.add("ada", ExternalEmail="x@example.edu")
    client.add("bo", ExternalEmail="x@example.edu")
    found = client.ok("GET users/", externalEmail="x@example.edu")
    assert [row["UserName"] for row in found] == ["ada", "bo"]
    again = person("cy", OrgDefinedId="e-ADA")
    assert client.refused("POST users/", again)[0] == 400
    client.site.settings.unique_org_defined_ids = False
    client.ok("POST users/", again)
    assert len(client.ok("GET users/", orgDefinedId="E-ada")) == 2
    for name in ("dee", "eve"):
        assert client.add(name, OrgDefinedId=None, ExternalEmail=None)["OrgDefinedId"] is None


def test_the_list_goes_by_bookmarks() -> None:
    client = Client(simulator(users=7, page_size=3))
    parts = client.walk("users/")
    assert [[row["UserId"] for row in part] for part in parts] == [
        [177, 3163, 3164],
        [3165, 3166, 3167],
        [3168, 3169],
    ]
    first = client.ok("GET users/")
    assert first.keys() == {"PagingInfo", "Items"}
    assert first["PagingInfo"] == {"Bookmark": "3164", "HasMoreItems": True}
    last = client.ok("GET users/", bookmark="3167")["PagingInfo"]
    assert last == {"Bookmark": "3169", "HasMoreItems": False}
    assert client.ok("GET users/", bookmark="9999") == fixture("user_page_empty")
    assert client.ok("GET users/", bookmark="garbage") == first
    assert client.ok("GET users/", search="x", isActive="0") == first
    for choice, end in (("null", None), ("empty", "")):
        client.site.settings.last_bookmark = choice
        assert client.ok("GET users/", bookmark="3167")["PagingInfo"]["Bookmark"] == end
        assert client.ok("GET users/")["PagingInfo"]["Bookmark"] == "3164"


def test_exactly_one_page_has_no_more() -> None:
    client = Client(simulator(users=2, page_size=3))
    assert client.ok("GET users/")["PagingInfo"] == {"Bookmark": "3164", "HasMoreItems": False}


def test_a_hundred_make_a_page() -> None:
    parts = Client(simulator(users=100)).walk("users/")
    assert [len(part) for part in parts] == [100, 1]


def test_a_walk_goes_on_when_accounts_come_and_go() -> None:
    client = Client(simulator(users=6, page_size=3))
    mark = client.ok("GET users/")["PagingInfo"]["Bookmark"]
    client.ok(f"DELETE users/{mark}")
    client.add("late")
    rest = client.ok("GET users/", bookmark=mark)
    assert [row["UserId"] for row in rest["Items"]] == [3165, 3166, 3167]
    assert rest["PagingInfo"]["HasMoreItems"]


def test_who_leaves_the_organization_is_in_no_list(client: Client) -> None:
    ada = client.add("ada")
    client.ok(f"DELETE enrollments/orgUnits/{ORG}/users/{ada['UserId']}")
    assert [row["UserId"] for row in client.ok("GET users/")["Items"]] == [177]
    assert client.refused("GET users/", userName="ada") == NONE
    assert client.ok(f"GET users/{ada['UserId']}") == ada


@pytest.mark.parametrize("name", [name for name in fixture("user_create") if name != "Pronouns"])
def test_every_member_of_a_new_account_must_be_there(client: Client, name: str) -> None:
    body = person("ada")
    del body[name]
    assert client.refused("POST users/", body) == (400, f"Missing member: {name}")
    assert len(client.site.users) == 1


def test_pronouns_may_be_missing(client: Client) -> None:
    body = person("ada")
    del body["Pronouns"]
    assert client.ok("POST users/", body)["Pronouns"] == ""
    assert client.add("bo", Pronouns="They/Them")["Pronouns"] == "They/Them"


@pytest.mark.parametrize(
    "changes",
    [
        {"UserName": None},
        {"UserName": " "},
        {"FirstName": " \t"},
        {"LastName": ""},
        {"RoleId": "110"},
        {"RoleId": True},
        {"IsActive": "true"},
        {"IsActive": None},
        {"ExternalEmail": ""},
        {"ExternalEmail": "no address"},
        {"UserName": "u" * 271},
        {"OrgDefinedId": "k" * 257},
        {"FirstName": "n" * 65},
        {"MiddleName": "n" * 65},
        {"ExternalEmail": "e" * 250 + "@x.edu2"},
        {"UserName": "SVC.scim"},
    ],
    ids=lambda changes: "-".join(f"{name}={value!r:.12}" for name, value in changes.items()),
)
def test_new_accounts_that_are_refused(client: Client, changes: dict[str, Any]) -> None:
    assert client.status("POST users/", person("ada", **changes)) == 400
    assert len(client.site.users) == 1


def test_columns_take_their_length(client: Client) -> None:
    assert client.add("u" * 270, ExternalEmail=None, OrgDefinedId="k" * 256, FirstName="n" * 64)


def test_bodies_of_another_kind_are_refused(client: Client) -> None:
    for body in ([], "x", 1):
        assert client.status("POST users/", body) == 400
    assert client.status("POST users/") == 400


def test_roles_of_new_accounts(client: Client) -> None:
    assert client.status("POST users/", person("ada", RoleId=999)) == 404
    client.site.settings.managed_roles = {110}
    assert client.status("POST users/", person("ada", RoleId=105)) == 403
    assert client.status("POST users/", person("ada")) == 200


def test_the_message_to_a_new_account(client: Client) -> None:
    client.add("ada", SendCreationEmail=True)
    client.add("bo", SendCreationEmail=True, ExternalEmail=None)
    sent = [(mail.kind, mail.user_id, mail.address) for mail in client.site.mails]
    assert sent == [("created", 3163, "ada@example.edu")]


def test_a_password_may_come_with_a_new_account(client: Client) -> None:
    recorded = fixture("user_create_with_password")
    least = recorded.pop("_min_lp")
    early = {**recorded, "UserName": "early", "OrgDefinedId": None}
    client.ok("POST users/", early, base="/d2l/api/lp/1.56")
    password = recorded["PasswordData"]["Password"]
    assert not client.site.passwords_match("early", password)
    client.ok("POST users/", recorded, base=f"/d2l/api/lp/{least}")
    assert client.site.passwords_match("ada.lovelace", password)
    assert client.site.users[3164].must_reset
    weak = person("weak", PasswordData={"Password": "x", "ForcePasswordReset": False})
    assert client.status("POST users/", weak) == 400
    partial = person("partial", PasswordData={"Password": password})
    assert client.refused("POST users/", partial) == (400, "Missing member: ForcePasswordReset")
    assert client.ok("POST users/", person("none", PasswordData=None))


def test_replacing_an_account(client: Client) -> None:
    made = client.ok("POST users/", fixture("user_create"))
    update = fixture("user_update")
    new = client.ok("PUT users/3163", update)
    assert new["UserId"] == made["UserId"]
    assert {name: new[name] for name in update if name != "Pronouns"} == {
        name: value for name, value in update.items() if name != "Pronouns"
    }
    assert new["DisplayName"] == "Ada Byron"
    assert client.ok("GET users/", userName="ada.byron") == new
    assert client.refused("GET users/", userName="ada.lovelace") == NONE
    assert client.refused("GET users/", externalEmail="ada.lovelace@example.edu") == NONE
    assert client.status("PUT users/9", update) == 404


@pytest.mark.parametrize("name", [name for name in fixture("user_update") if name != "Pronouns"])
def test_every_member_of_a_replacement_must_be_there(client: Client, name: str) -> None:
    ada = client.add("ada")
    body = changed(ada, LastName="Byron", ExternalEmail="b@example.edu")
    del body[name]
    assert client.refused("PUT users/3163", body) == (400, f"Missing member: {name}")
    assert client.ok("GET users/3163") == ada


def test_what_a_replacement_refuses(client: Client) -> None:
    ada = client.add("ada")
    client.add("bo")
    flat = {**changed(ada), "IsActive": False}
    del flat["Activation"]
    wrong = (
        flat,
        changed(ada, UserName="BO"),
        changed(ada, OrgDefinedId="E-bo"),
        changed(ada, OrgDefinedId=None),
        changed(ada, FirstName=" "),
        changed(ada, ExternalEmail=""),
        changed(ada, Activation={}),
        changed(ada, Activation=True),
    )
    for body in wrong:
        assert client.status("PUT users/3163", body) == 400, body
    assert client.ok("GET users/3163") == ada
    assert client.ok("PUT users/3163", changed(ada, UserName="ADA"))["UserName"] == "ADA"


def test_pronouns_are_left_alone_or_cleared(client: Client) -> None:
    ada = client.add("ada", Pronouns="She/Her")
    assert client.ok("PUT users/3163", changed(ada, Pronouns=None))["Pronouns"] == "She/Her"
    body = changed(ada)
    del body["Pronouns"]
    assert client.ok("PUT users/3163", body)["Pronouns"] == "She/Her"
    assert client.ok("PUT users/3163", changed(ada, Pronouns=""))["Pronouns"] == ""


def test_the_unique_identifier_follows_late(client: Client) -> None:
    ada = client.add("ada")
    assert ada["UniqueIdentifier"] == "ada"
    new = client.ok("PUT users/3163", changed(ada, UserName="byron"))
    assert (new["UserName"], new["UniqueIdentifier"]) == ("byron", "ada")
    client.site.clock.advance(59)
    assert client.ok("GET users/3163")["UniqueIdentifier"] == "ada"
    client.site.clock.advance(1)
    assert client.ok("GET users/3163")["UniqueIdentifier"] == "byron"
    client.site.settings.identifier_seconds = 0
    last = client.ok("PUT users/3163", changed(ada, UserName="lovelace"))
    assert last["UniqueIdentifier"] == "lovelace"


def test_names(client: Client) -> None:
    ada = client.add("ada")
    told = client.ok("GET users/3163/names")
    assert told.keys() == fixture("user_names").keys()
    assert (told["LegalFirstName"], told["PreferredFirstName"]) == ("Ada", None)
    client.ok("PUT users/3163", changed(ada, FirstName="Augusta"))
    assert client.ok("GET users/3163/names")["LegalFirstName"] == "Augusta"
    assert client.ok("PUT users/3163/names", fixture("user_names")) == fixture("user_names")
    shown = client.ok("GET users/3163")
    assert (shown["FirstName"], shown["DisplayName"]) == ("Ada", "Ada Lovelace")
    client.ok("PUT users/3163", changed(shown, FirstName="Countess"))
    names = client.ok("GET users/3163/names")
    assert (names["LegalFirstName"], names["PreferredFirstName"]) == ("Augusta Ada", "Countess")
    partial = {"LegalFirstName": "Ada", "LegalLastName": "L"}
    assert client.status("PUT users/3163/names", partial) == 400
    assert client.status("PUT users/3163/names", {**names, "LegalLastName": " "}) == 400


def test_activation(client: Client) -> None:
    client.add("ada")
    assert client.ok("GET users/3163/activation") == {"IsActive": True}
    assert client.ok("PUT users/3163/activation", fixture("user_activation")) is None
    assert client.ok("GET users/3163")["Activation"] == {"IsActive": False}
    assert client.ok("GET users/", userName="ada")["UserId"] == 3163
    assert len(client.ok("GET users/")["Items"]) == 2
    assert client.status(f"GET enrollments/orgUnits/{ORG}/users/3163") == 200
    assert client.status("PUT users/3163/activation", {}) == 400
    assert client.status("PUT users/9/activation", {"IsActive": True}) == 404
    client.ok("PUT users/3163/activation", {"IsActive": True})
    assert client.ok("GET users/3163/activation") == {"IsActive": True}


def test_passwords(client: Client) -> None:
    client.add("ada")
    body = fixture("user_password_set")
    assert client.ok("PUT users/3163/password", body) is None
    assert client.site.passwords_match("ada", body["Password"])
    assert not client.site.passwords_match("ada", "other")
    assert client.refused("PUT users/3163/password", {"Password": "short"})[0] == 400
    assert client.ok("PUT users/3163/password", {"Password": "Other-Passw0rd"}) is None
    assert client.site.passwords_match("ada", "Other-Passw0rd")
    assert client.ok("DELETE users/3163/password") is None
    assert not client.site.passwords_match("ada", "Other-Passw0rd")
    assert not client.site.passwords_match("ada", "")


def test_the_message_for_a_new_password(client: Client) -> None:
    client.add("ada")
    client.add("bo", ExternalEmail=None)
    assert client.ok("POST users/3163/password", base="/d2l/api/lp/1.49") is None
    assert client.status("POST users/3163/password", base="/d2l/api/lp/1.50") == 400
    assert client.ok("POST users/3163/password", fixture("user_password_reset")) is None
    assert not client.site.users[3163].must_reset
    client.ok("POST users/3163/password", {"ForcePasswordReset": True})
    assert client.site.users[3163].must_reset
    assert client.status("POST users/3164/password", {"ForcePasswordReset": True}) == 400
    assert [(mail.kind, mail.user_id) for mail in client.site.mails] == [("reset", 3163)] * 3


def test_deletion_is_for_good() -> None:
    client = Client(simulator(users=26, courses=1))
    assert client.site.users[3187].auditees == [3186]
    assert client.ok("DELETE users/3186") is None
    assert client.status("GET users/3186") == 404
    assert client.status("DELETE users/3186") == 404
    assert client.site.users[3187].auditees == []
    assert not client.site.enrollments.of_user(3186)
    assert client.refused("GET users/", userName="user24") == NONE
    assert client.add("user24", OrgDefinedId="E1000024")["UserId"] == 3189


def test_batches_tell_only_failures(client: Client) -> None:
    recorded = fixture("user_batch_create")
    client.ok("POST users/", fixture("user_create"))
    told = client.ok("POST users/batch/", recorded["request"])
    assert told == recorded["response_partial"]
    assert client.ok("GET users/", userName="katherine.johnson")["UserId"] == 3164
    assert client.ok("POST users/batch/", [person("bo")]) == recorded["response_all_created"]
    odd = client.ok("POST users/batch/", ["x", {"UserName": "y"}, person("z", RoleId=9)])
    assert [(row["UserName"], row["StatusError"]) for row in odd] == [
        (None, 400),
        ("y", 400),
        ("z", 404),
    ]
    client.site.settings.users_batch = 1
    assert client.status("POST users/batch/", [person("c"), person("d")]) == 400
    assert client.refused("GET users/", userName="c") == NONE


def test_who_calls(client: Client) -> None:
    told, recorded = client.ok("GET users/whoami"), fixture("whoami")
    profile = client.site.own_user.profile_id
    assert told == {**recorded, "ProfileIdentifier": profile}


def test_members_may_be_hidden(client: Client) -> None:
    client.add("ada")
    client.site.settings.hidden = {"OrgDefinedId", "ExternalEmail", "Pronouns"}
    told = client.ok("GET users/3163")
    assert (told["OrgDefinedId"], told["ExternalEmail"], told["Pronouns"]) == (None, None, None)
    row = client.ok(f"GET enrollments/orgUnits/{ORG}/users/")["Items"][1]["User"]
    assert (row["OrgDefinedId"], row["EmailAddress"]) == (None, None)


def test_profiles(client: Client) -> None:
    client.add("ada")
    blank = client.ok("GET profile/user/3163")
    recorded = fixture("user_profile")
    assert blank.keys() == recorded.keys()
    identifier = blank["ProfileIdentifier"]
    body = {name: value for name, value in recorded.items() if name != "ProfileIdentifier"}
    new = client.ok("PUT profile/user/3163", body)
    assert new == {**body, "ProfileIdentifier": identifier}
    assert client.ok(f"GET profile/{identifier}") == new
    assert client.status("GET profile/nosuch") == 404
    del body["JobTitle"]
    assert client.status("PUT profile/user/3163", body) == 400
    assert client.ok("GET profile/user/3163") == new
    assert client.ok("GET users/3163")["ExternalEmail"] == "ada@example.edu"


def test_locale_attributes_and_demographics(client: Client) -> None:
    client.add("ada")
    assert client.ok("PUT accountSettings/3163/locale/", {"LocaleId": 7}) is None
    assert client.ok("GET accountSettings/3163/locale/") == {"LocaleId": 7}
    client.ok("PUT accountSettings/3163/locale/", fixture("locale_update"))
    assert client.ok("GET accountSettings/3163/locale/") == fixture("locale_update")
    assert client.ok("GET attributes/schemas/") == fixture("attribute_schemas")
    recorded = fixture("user_attributes")
    client.ok("PUT attributes/users/3163", recorded)
    assert client.ok("GET attributes/users/3163") == recorded
    client.ok("PUT attributes/users/3163", {**recorded, "Attributes": recorded["Attributes"][:1]})
    assert len(client.ok("GET attributes/users/3163")["Attributes"]) == 1
    for row in ({"AttributeId": "x", "Value": ["1"]}, {"AttributeId": "_manager", "Value": [1]}):
        assert client.status("PUT attributes/users/3163", {"Attributes": [row]}) == 400
    assert client.ok("DELETE attributes/users/3163") is None
    assert client.ok("GET attributes/users/3163")["Attributes"] == []
    older = fixture("user_demographics")
    client.ok("PUT demographics/users/3163", older)
    assert client.ok("GET demographics/users/3163") == older
    client.ok("DELETE demographics/users/3163")
    assert client.ok("GET demographics/users/3163")["EntryValues"] == []


def test_sessions_are_ended(client: Client) -> None:
    client.ok("PUT forceLogout/177")
    client.ok("DELETE sessions/177")
    assert client.status("DELETE sessions/9") == 404
    assert client.site.logouts == [177, 177]


def test_nothing_else_is_told_of_a_call(client: Client) -> None:
    answer = client("POST users/", person("ada"))
    assert not {"ETag", "Location", "Last-Modified"} & set(answer.headers.keys())
    assert client.status("GET users/3163/password") == 405
    assert f"{LP}/users/" in client.site.calls[0]
