"""What is easy to get wrong about Moodle's web services, and the simulator's own conveniences."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connectors.moodle.simulator import Mail, Simulator, create_simulator
from connectors.moodle.simulator.forms import parse_form
from tests.connectors.moodle.client import PASSWORD, REST, Client, new_cohort, new_user


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=12, cohorts=2)


@pytest.fixture
def moodle(simulator: Simulator) -> Client:
    return Client(simulator)


@pytest.fixture
def on_postgresql() -> Client:
    return Client(create_simulator(users=12, database="postgresql"))


# Protocol


def test_errors_come_with_status_200_and_debuginfo_only_while_debugging(moodle: Client) -> None:
    refused = moodle("core_user_create_users", users=[new_user("user0001")])
    assert refused["errorcode"] == "invalidparameter"
    assert "debuginfo" not in refused
    moodle.simulator.site.settings.debug = True
    refused = moodle("core_user_create_users", users=[new_user("user0001")])
    assert refused["debuginfo"] == "Username already exists: user0001"


def test_functions_without_result_answer_null(moodle: Client) -> None:
    assert moodle("core_user_delete_users", userids=[5]) is None


def test_json_escapes_slashes_and_letters_beyond_ascii(moodle: Client) -> None:
    moodle.update({"id": 5, "lastname": "Zoë/😀"})
    data = {"wstoken": moodle.token, "wsfunction": "core_user_get_users_by_field"}
    data |= {"moodlewsrestformat": "json", "field": "id", "values[]": "5"}
    text = moodle.http.post(REST, data=data).text
    assert r'"lastname":"Zo\u00eb\/\ud83d\ude00"' in text


def test_fields_beyond_max_input_vars_vanish(moodle: Client) -> None:
    fields = ("username", "password", "firstname", "lastname", "email", "idnumber")
    users = [new_user(f"lim{number}", idnumber=f"L{number}") for number in range(850)]
    users = [{name: user[name] for name in fields} for user in users]
    created = moodle("core_user_create_users", users=users)
    assert len(created) == 833
    first, last = moodle.by_field("username", "lim0", "lim832")
    assert first["idnumber"] == "L0"
    assert "idnumber" not in last


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a=1&a=2", {"a": "2"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[]=x&a[5]=y&a[]=z", {"a": {"0": "x", "5": "y", "6": "z"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a.b+c=1&a[b=2&[d]=3", {"a_b_c": "1", "a_b": "2", "_d]": "3"}),
        ("a[b]c=1&&=2&d", {"a": {"b": "1"}, "d": ""}),
        ("a=%C3%A9+%2B&%61%5Bx%5D=1", {"a": {"x": "1"}}),
    ],
)
def test_fields_are_read_as_php_reads_them(text: str, fields: dict[str, Any]) -> None:
    assert parse_form(text.encode(), 5000) == fields


def test_a_body_above_post_max_size_is_thrown_away(moodle: Client) -> None:
    seven, nine = ("x" * (size * 2**20) for size in (7, 9))
    assert moodle.error("core_webservice_get_site_info", junk=seven) == "invalidparameter"
    sent = {"wstoken": moodle.token, "moodlewsrestformat": "json", "junk": nine}
    answer = moodle.http.post(REST, data=sent)
    assert answer.status_code == 200
    assert answer.content_type == "application/xml; charset=utf-8"
    assert "<ERRORCODE>invalidtoken</ERRORCODE>" in answer.text


def test_a_url_of_more_than_8_kb_is_414(moodle: Client) -> None:
    assert moodle.http.get(REST, query_string={"x": "y" * 9000}).status_code == 414


@pytest.mark.parametrize("value", ["true", "false", "", "yes", "2"])
def test_booleans_are_0_or_1(moodle: Client, value: str) -> None:
    refused = moodle("core_user_update_users", users=[{"id": 5, "suspended": value}])
    assert refused["errorcode"] == "invalidparameter"


@pytest.mark.parametrize("value", ["", "abc", "1.5", " 1", "+1", "01", "1e3"])
def test_integers_are_plain(moodle: Client, value: str) -> None:
    assert moodle.error("core_user_update_users", users=[{"id": value}]) == "invalidparameter"


@pytest.mark.parametrize(
    "users",
    [
        [{"id": 5, "nosuch": "1"}],
        [{"id": 5, "customfields": [{"type": "a", "value": "b", "more": "c"}]}],
        [{"id": 5, "city": {"deep": "1"}}],
    ],
)
def test_undeclared_names_fail_the_call_at_any_depth(moodle: Client, users: Any) -> None:
    assert moodle.error("core_user_update_users", users=users) == "invalidparameter"


def test_moodlewssetting_names_are_allowed_everywhere(moodle: Client) -> None:
    moodle.update({"id": 5, "description": "a & b"})
    shown = moodle.by_field("id", 5)[0]["description"]
    raw = moodle("core_user_get_users_by_field", field="id", values=[5], moodlewssettingraw=1)[0][
        "description"
    ]
    assert (shown, raw) == ("a &amp; b", "a & b")


def test_an_expired_token_is_refused_once_and_then_unknown(moodle: Client) -> None:
    site = moodle.simulator.site
    client = Client(moodle.simulator, site.add_token("old", expires=1))
    assert client.error("core_webservice_get_site_info") == "accessexception"
    assert client.error("core_webservice_get_site_info") == "invalidtoken"


@pytest.mark.parametrize(
    ("state", "errorcode"),
    [
        ({"suspended": True}, "wsaccessusersuspended"),
        ({"confirmed": False}, "wsaccessuserunconfirmed"),
        ({"deleted": True}, "wsaccessuserdeleted"),
        ({"auth": "nologin"}, "wsaccessusernologin"),
        ({"preferences": {"auth_forcepasswordchange": "1"}}, "forcepasswordchangenotice"),
    ],
)
def test_an_unusable_service_account(moodle: Client, state: dict[str, Any], errorcode: str) -> None:
    for name, value in state.items():
        setattr(moodle.simulator.site.service_account, name, value)
    assert moodle.error("core_user_get_users_by_field", field="id", values=[5]) == errorcode


def test_site_maintenance_lets_an_administrator_in(moodle: Client) -> None:
    moodle.simulator.site.settings.maintenance = "site"
    assert moodle.error("core_webservice_get_site_info") == "sitemaintenance"
    administrator = Client(moodle.simulator, moodle.simulator.site.admin_token)
    assert administrator("core_webservice_get_site_info")["userissiteadmin"] is True


# Rights


def test_capabilities_are_asked_for_before_anything_is_looked_at(moodle: Client) -> None:
    calls: list[tuple[str, str, dict[str, Any], str]] = [
        ("create", "core_user_create_users", {"users": [new_user("user0001")]}, "invalidparameter"),
        ("delete", "core_user_delete_users", {"userids": [999]}, "invaliduser"),
    ]
    for right, function, fields, errorcode in calls:
        assert moodle.error(function, **fields) == errorcode
        moodle.simulator.site.gateway.capabilities.discard(f"moodle/user:{right}")
        assert moodle.error(function, **fields) == "nopermissions"
        assert moodle.error(function) == "invalidparameter"
    assert moodle.update({"id": 999})["warnings"][0]["warningcode"] == "invaliduserid"
    moodle.simulator.site.gateway.capabilities.discard("moodle/user:update")
    assert moodle.update({"id": 999})["errorcode"] == "nopermissions"


def test_cohort_rights(moodle: Client) -> None:
    rights = moodle.simulator.site.gateway.capabilities
    rights -= {"moodle/cohort:manage", "moodle/cohort:assign"}
    assert len(moodle("core_cohort_get_cohorts")) == 2
    assert moodle.error("core_cohort_create_cohorts", cohorts=[new_cohort("N")]) == "nopermissions"
    taken = [new_cohort("COH-01")]
    assert moodle.error("core_cohort_create_cohorts", cohorts=taken) == "invalidparameter"
    removal = [{"cohortid": 1, "userid": 5}]
    assert moodle.error("core_cohort_delete_cohort_members", members=removal) == "nopermissions"
    rights.discard("moodle/cohort:view")
    assert moodle.error("core_cohort_get_cohorts") == "nopermissions"
    assert moodle.error("core_cohort_get_cohort_members", cohortids=[1]) == "nopermissions"


@pytest.mark.parametrize(
    ("change", "value"),
    [("service_enabled", False), ("authorised", False), ("functions", set())],
)
def test_a_service_that_does_not_let_in(moodle: Client, change: str, value: Any) -> None:
    setattr(moodle.simulator.site.gateway, change, value)
    assert moodle.error("core_webservice_get_site_info") == "accessexception"


def test_without_the_protocols_capability_nothing_runs(moodle: Client) -> None:
    moodle.simulator.site.gateway.capabilities.discard("webservice/rest:use")
    assert moodle.error("core_webservice_get_site_info") == "accessexception"


def test_a_search_finds_nobody_whose_searched_field_is_hidden(moodle: Client) -> None:
    rights = moodle.simulator.site.gateway.capabilities
    assert moodle.find(username="user0001") == [5]
    rights.discard("moodle/user:viewalldetails")
    assert moodle.find(username="user0001") == []
    assert moodle.find(email="user0001@%") == [5]
    rights.discard("moodle/site:viewuseridentity")
    assert moodle.find(email="user0001@%") == []
    assert moodle.by_field("id", 5)[0]["id"] == 5
    rights.discard("moodle/user:viewdetails")
    assert moodle.by_field("id", 5) == []


def test_phones_are_for_administrators_unless_the_site_shows_them(moodle: Client) -> None:
    site = moodle.simulator.site
    site.users[5].phone1 = "1"
    site.users[5].phone2 = "2"
    assert moodle.by_field("id", 5)[0].keys().isdisjoint({"phone1", "phone2"})
    assert Client(moodle.simulator, site.admin_token).by_field("id", 5)[0]["phone2"] == "2"
    site.settings.show_user_identity = ("email", "phone1")
    shown = moodle.by_field("id", 5)[0]
    assert shown["phone1"] == "1"
    assert "phone2" not in shown


# Reading users


def test_empty_fields_are_left_out_and_department_never(moodle: Client) -> None:
    moodle.create("bare")
    (user,) = moodle.by_field("username", "bare")
    assert user["department"] == user["theme"] == ""
    assert (user["suspended"], user["confirmed"], user["lastaccess"]) == (False, True, 0)
    absent = {"city", "country", "idnumber", "institution", "address", "description"}
    assert user.keys().isdisjoint(absent | {"customfields", "preferences", "interests"})


def test_zero_is_stored_but_not_shown_and_not_found(moodle: Client) -> None:
    zero = {"idnumber": "0", "city": "0", "department": "0", "lastname": "0"}
    moodle.create("zero", **zero)
    (user,) = moodle.by_field("username", "zero")
    assert (user["department"], user["lastname"]) == ("0", "0")
    assert user.keys().isdisjoint({"idnumber", "city"})
    assert moodle.simulator.site.users[user["id"]].idnumber == "0"
    assert moodle.find(idnumber="0") == moodle.find(lastname="0") == []
    assert moodle.by_field("idnumber", "0") == []


def test_like_has_wildcards_and_escapes(moodle: Client) -> None:
    moodle.create("one", email="a_b@example.edu")
    moodle.create("two", email="axb@example.edu")
    assert len(moodle.find(email="a_b@%")) == 2
    assert len(moodle.find(email=r"a\_b@%")) == 1
    assert moodle.find(email=r"a\%b@%") == []
    assert moodle.find(email=" USER0001@Students.example.edu ") == [5]


def test_like_counts_accents_and_ignores_case_letter_by_letter(moodle: Client) -> None:
    site = moodle.simulator.site
    site.users[5].lastname, site.users[6].lastname = "İstanbul", "ΣΊΣΥΦΟΣ"
    site.users[7].lastname = "MÜLLER"
    assert moodle.find(lastname="istanbul") == [5]
    assert moodle.find(lastname="σίσυφος") == []
    assert moodle.find(lastname="müller") == [7]
    assert moodle.find(lastname="muller") == []


def test_an_unknown_key_is_dropped_with_a_warning(moodle: Client) -> None:
    reply = moodle("core_user_get_users", criteria=[{"key": "Email", "value": "x"}])
    assert len(reply["users"]) == len(moodle.simulator.site.users)
    (warning,) = reply["warnings"]
    assert (warning["item"], warning["warningcode"]) == ("Email", "invalidfieldparameter")


def test_get_users_cleans_a_username_and_by_field_refuses_it(moodle: Client) -> None:
    assert moodle.find(username="USER 0001%") == [5]
    for value in ("USER0001", "user 0001", "user0001%"):
        refused = moodle.error("core_user_get_users_by_field", field="username", values=[value])
        assert refused == "invalidparameter"


def test_equality_on_mariadb_ignores_case_accents_and_trailing_blanks(moodle: Client) -> None:
    for number, idnumber in enumerate(("Ref-É", "ref-e", "REF-E ", "ref-x"), start=5):
        moodle.simulator.site.users[number].idnumber = idnumber
    assert moodle.find(idnumber="Ref-É") == [5, 6, 7]
    assert [user["id"] for user in moodle.by_field("idnumber", "ref-E")] == [5, 6, 7]
    assert [user["id"] for user in moodle.by_field("email", "USER0001@students.example.edu")] == [5]


def test_equality_on_postgresql_is_exact(on_postgresql: Client) -> None:
    for number, idnumber in enumerate(("Ref-É", "ref-e", "Ref-É "), start=5):
        on_postgresql.simulator.site.users[number].idnumber = idnumber
    assert on_postgresql.find(idnumber="Ref-É") == [5]
    assert on_postgresql.by_field("email", "USER0001@students.example.edu") == []
    assert on_postgresql.find(email="USER0001@students.example.edu") == [5]
    twice = on_postgresql.create("twice", email="USER0001@students.example.edu")
    assert twice["errorcode"] == "invalidparameter"


def test_one_bad_stored_value_loses_the_whole_list_until_it_is_repaired(moodle: Client) -> None:
    settings = moodle.simulator.site.settings
    settings.extended_usernames = True
    (made,) = moodle.create("s+plus josé", email="s@example.edu")
    assert made["username"] == "s+plus josé"
    settings.extended_usernames = False
    everybody = [{"key": "email", "value": "%"}]
    assert moodle.error("core_user_get_users", criteria=everybody) == "invalidresponse"
    values = {"field": "id", "values": [5, made["id"]]}
    assert moodle.error("core_user_get_users_by_field", **values) == "invalidresponse"
    assert len(moodle.by_field("id", 5, 6)) == 2
    moodle.update({"id": made["id"], "username": "s.plus"})
    assert made["id"] in moodle.find(email="%")


def test_custom_fields_and_own_preferences(moodle: Client) -> None:
    custom = [{"type": "employeetype", "value": "staff"}, {"type": "nosuch", "value": "x"}]
    moodle.update({"id": 5, "customfields": custom})
    assert moodle.by_field("id", 5)[0]["customfields"] == [
        {
            "type": "text",
            "value": "staff",
            "displayvalue": "staff",
            "name": "employeetype",
            "shortname": "employeetype",
        }
    ]
    moodle.update({"id": 5, "customfields": [{"type": "employeetype", "value": ""}]})
    assert "customfields" not in moodle.by_field("id", 5)[0]
    assert "preferences" in moodle.by_field("id", 3)[0]


# Creating users


def test_creation_is_one_transaction_that_uses_up_ids(moodle: Client) -> None:
    site = moodle.simulator.site
    refused = moodle("core_user_create_users", users=[new_user("fine"), new_user("user0001")])
    assert refused["errorcode"] == "invalidparameter"
    assert site.find_user("fine") is None
    assert moodle.create("later")[0]["id"] == 5 + 12 + 1


@pytest.mark.parametrize("username", ["Upper", "a b", "a+b", "josé", "", "a%b"])
def test_refused_usernames(moodle: Client, username: str) -> None:
    assert moodle.create(username, email="x@example.edu")["errorcode"] == "invalidparameter"


@pytest.mark.parametrize("email", ["o'brien@example.edu", "a+b@example.edu"])
def test_accepted_addresses(moodle: Client, email: str) -> None:
    assert moodle.create("x", email=email)[0]["username"] == "x"


@pytest.mark.parametrize(
    "email", ['"q"@example.edu', "é@example.edu", "x@exämple.edu", "x@localhost", " x@y.org", ""]
)
def test_refused_addresses(moodle: Client, email: str) -> None:
    assert moodle.create("x", email=email)["errorcode"] == "invalidparameter"


@pytest.mark.parametrize("name", ["<b>x</b>", "x<y", "<3", "x <= y", "x <", "x\0y", " ", ""])
def test_refused_names(moodle: Client, name: str) -> None:
    assert moodle.create("x", lastname=name)["errorcode"] == "invalidparameter"


@pytest.mark.parametrize(
    "name", ["a < b", "a > b", "R&D", "&amp;", " Zoë\t", "O’Neil 😀", "e\u0301\\%"]
)
def test_names_kept_as_sent(moodle: Client, name: str) -> None:
    moodle.create("x", lastname=name)
    assert moodle.by_field("username", "x")[0]["lastname"] == name


@pytest.mark.parametrize("zone", ["Mars/Base", "xyz", "europe/oslo", "+2", "5.5", "-13", "99"])
def test_timezones_kept_as_sent(moodle: Client, zone: str) -> None:
    moodle.create("x", timezone=zone)
    assert moodle.by_field("username", "x")[0]["timezone"] == zone


@pytest.mark.parametrize("zone", ["GMT+1", "Etc/GMT+5", "14", "Ho-00006"])
def test_refused_timezones(moodle: Client, zone: str) -> None:
    assert moodle.create("x", timezone=zone)["errorcode"] == "invalidparameter"


@pytest.mark.parametrize("country", ["ESP", "ZZ", "es"])
def test_an_unknown_country_is_silently_blanked(moodle: Client, country: str) -> None:
    moodle.create("x", country=country)
    assert "country" not in moodle.by_field("username", "x")[0]


def test_createpassword_mails_and_forces_a_change(moodle: Client) -> None:
    values = new_user("x", createpassword=1)
    del values["password"]
    (made,) = moodle("core_user_create_users", users=[values])
    assert moodle.simulator.site.mails == [Mail("newpassword", "x@example.edu")]
    user = moodle.simulator.site.users[made["id"]]
    assert user.preferences["auth_forcepasswordchange"] == "1"


@pytest.mark.parametrize(
    ("auth", "accepted"), [("oauth2", True), ("ldap", True), ("nologin", False)]
)
def test_external_methods_need_no_password(moodle: Client, auth: str, accepted: bool) -> None:
    values = new_user("x", auth=auth)
    del values["password"]
    reply = moodle("core_user_create_users", users=[values])
    assert isinstance(reply, list) is accepted


def test_the_password_policy_is_the_error_code(moodle: Client) -> None:
    refused = moodle.create("x", password="short")
    assert refused["errorcode"].startswith("<div>Passwords must be at least 8")
    assert refused["message"] == f"error/{refused['errorcode']}"
    moodle.simulator.site.settings.password_policy = False
    assert moodle.create("x", password="short")[0]["username"] == "x"


def test_simultaneous_creates_of_one_username_make_one_account(simulator: Simulator) -> None:
    def create(number: int) -> bool:
        return isinstance(Client(simulator).create("same", email=f"{number}@example.edu"), list)

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(create, range(6))) == 1


# Updating users


def test_failing_elements_are_warnings_and_the_others_are_applied(moodle: Client) -> None:
    reply = moodle.update(
        {"id": 999, "city": "x"},
        {"id": 5, "email": "user0002@STUDENTS.example.edu"},
        {"id": 6, "username": "user0003", "city": "lost"},
        {"id": 7, "phone1": "1" * 21},
        {"id": 2, "city": "x"},
        {"id": 8, "city": "Applied"},
    )
    codes = [(warning["itemid"], warning["warningcode"]) for warning in reply["warnings"]]
    assert codes == [
        (999, "invaliduserid"),
        (5, "useremailduplicate"),
        (6, "dmlwriteexception"),
        (7, "dmlwriteexception"),
        (2, "usernotupdatedadmin"),
    ]
    assert moodle.by_field("id", 8)[0]["city"] == "Applied"
    assert moodle.by_field("id", 6)[0]["city"] != "lost"


def test_a_refused_password_loses_the_reply_but_not_the_other_elements(moodle: Client) -> None:
    site = moodle.simulator.site
    reply = moodle.update(
        {"id": 5, "city": "Before"},
        {"id": 6, "password": "x", "city": "Lost"},
        {"id": 7, "city": "After"},
    )
    assert reply["errorcode"] == "invalidresponse"
    assert (site.users[5].city, site.users[7].city) == ("Before", "After")
    assert site.users[6].city != "Lost"


def test_a_wrong_type_fails_the_whole_call(moodle: Client) -> None:
    before = moodle.simulator.site.users[5].city
    reply = moodle.update({"id": 5, "city": "x"}, {"id": 6, "username": "Upper"})
    assert reply["errorcode"] == "invalidparameter"
    assert moodle.simulator.site.users[5].city == before


def test_timemodified_moves_only_with_a_real_change(moodle: Client) -> None:
    user = moodle.simulator.site.users[5]
    before = user.timemodified
    moodle.update({"id": 5, "firstname": user.firstname})
    assert user.timemodified == before
    moodle.update({"id": 5, "firstname": "New"})
    assert user.timemodified > before


def test_passwords_through_update_and_the_login_page(moodle: Client) -> None:
    def log_in(username: str, password: str) -> str:
        sent = {"username": username, "password": password, "service": "nosuch"}
        return str(moodle.http.post("/login/token.php", data=sent).json["errorcode"])  # type: ignore[index]

    assert moodle.update({"id": 5, "password": PASSWORD}) == {"warnings": []}
    assert moodle.simulator.site.passwords_match("user0001", PASSWORD)
    assert log_in("USER0001", PASSWORD) == "servicenotavailable"
    assert log_in("user0001", "wrong") == "invalidlogin"
    assert log_in("user0001@students.example.edu", PASSWORD) == "invalidlogin"
    moodle.update({"id": 5, "auth": "nologin", "password": "N3w-Passw0rd"})
    assert log_in("user0001", "N3w-Passw0rd") == "invalidlogin"
    moodle.update({"id": 5, "auth": "manual"}, {"id": 5, "suspended": 1})
    assert log_in("user0001", PASSWORD) == "invalidlogin"


def test_preferences_and_reset_mails(moodle: Client) -> None:
    site = moodle.simulator.site
    name = "auth_forcepasswordchange"
    moodle("core_user_update_user_preferences", userid=5, preferences=[{"type": name, "value": 1}])
    assert site.users[5].preferences == {name: "1"}
    moodle("core_user_update_user_preferences", userid=5, preferences=[{"type": name}])
    assert site.users[5].preferences == {}
    assert moodle.error("core_user_get_user_preferences", userid=5) == "nopermissions"
    for username in ("user0001", "nobody"):
        reply = moodle("core_auth_request_password_reset", username=username)
        assert reply["status"] == "emailpasswordconfirmmaybesent"
    assert site.mails == [Mail("passwordreset", "user0001@students.example.edu")]


# Deleting users


def test_deletion_renames_the_row_and_frees_its_names(moodle: Client) -> None:
    site = moodle.simulator.site
    assert 5 in site.cohorts[1].members
    assert moodle("core_user_delete_users", userids=[5]) is None
    assert moodle.find(id="5") == []
    (row,) = moodle.by_field("id", 5)
    assert row["username"].startswith("user0001@students.example.edu.")
    assert len(row["email"]) == 32
    assert "idnumber" not in row
    assert 5 not in site.cohorts[1].members
    assert moodle.update({"id": 5})["warnings"][0]["warningcode"] == "usernotupdateddeleted"
    (again,) = moodle.create("user0001", email="user0001@students.example.edu")
    assert again["id"] > 5


def test_deletion_is_all_or_nothing(moodle: Client) -> None:
    assert moodle.error("core_user_delete_users", userids=[5, 999]) == "invaliduser"
    assert moodle.error("core_user_delete_users", userids=[5, 5]) == "invaliduser"
    assert moodle.find(id="5") == [5]
    assert 5 in moodle.simulator.site.cohorts[1].members
    assert moodle("core_user_delete_users", userids=[1]) is None
    assert not moodle.simulator.site.users[1].deleted


# Cohorts


def test_the_empty_idnumber_of_a_cohort_is_taken_once(moodle: Client) -> None:
    assert moodle("core_cohort_create_cohorts", cohorts=[new_cohort("")])[0]["idnumber"] == ""
    refused = moodle.error("core_cohort_create_cohorts", cohorts=[new_cohort("", name="other")])
    assert refused == "invalidparameter"


def test_update_needs_everything_and_checks_no_idnumber(moodle: Client) -> None:
    shared = {**new_cohort("COH-02"), "id": 1}
    assert moodle("core_cohort_update_cohorts", cohorts=[shared]) is None
    assert [c["idnumber"] for c in moodle("core_cohort_get_cohorts")] == ["COH-02", "COH-02"]
    del shared["idnumber"]
    assert moodle.error("core_cohort_update_cohorts", cohorts=[shared]) == "invalidparameter"
    unknown = [{**new_cohort("a"), "id": 1}, {**new_cohort("b"), "id": 99}]
    assert moodle.error("core_cohort_update_cohorts", cohorts=unknown) == "invalidrecord"
    assert moodle.simulator.site.cohorts[1].idnumber == "COH-02"


def test_searching_cohorts_pages_by_name(moodle: Client) -> None:
    names = [new_cohort(f"S{number}", name=name) for number, name in enumerate("dbca")]
    names.append(new_cohort("SCI", categorytype={"type": "id", "value": 2}))
    moodle("core_cohort_create_cohorts", cohorts=names)

    def search(**fields: Any) -> list[str]:
        context = {"contextid": 1}
        reply = moodle("core_cohort_search_cohorts", context=context, **fields)
        return [cohort["name"] for cohort in reply["cohorts"]]

    assert search(query="s", limitnum=2) == ["a", "b"]
    assert search(query="s", limitfrom=2, limitnum=2) == ["c", "d"]
    assert search(query="s", limitfrom=4, limitnum=2) == []
    assert search(query="s", includes="all", limitnum=0) == ["a", "b", "c", "d", "SCI"]


def test_removing_members_is_all_or_nothing(moodle: Client) -> None:
    members = [{"cohortid": 1, "userid": 5}, {"cohortid": 1, "userid": 999}]
    assert moodle.error("core_cohort_delete_cohort_members", members=members) == "invaliduser"
    assert 5 in moodle.simulator.site.cohorts[1].members
    assert moodle("core_cohort_delete_cohort_members", members=members[:1] * 2) is None
    assert 5 not in moodle.simulator.site.cohorts[1].members


# The simulator itself


def test_seeding_is_deterministic_and_quick() -> None:
    start = time.perf_counter()
    first = create_simulator(users=10_000, cohorts=24).site
    assert time.perf_counter() - start < 2
    second = create_simulator(users=50).site
    assert [first.users[number] for number in range(5, 55)] == [
        second.users[number] for number in range(5, 55)
    ]
    assert len({user.username for user in first.users.values()}) == 10_003
    assert (first.users[5].username, first.users[46].idnumber) == ("user0001", "SIS-000042")
    assert any(user.suspended for user in second.users.values())
    assert sum(len(cohort.members) for cohort in first.cohorts.values()) == 10_000


def test_every_seeded_account_can_be_listed() -> None:
    moodle = Client(create_simulator(users=2_000))
    assert moodle.find(email="%") == [1, 2, 3, *range(5, 2_005)]


def test_the_token_can_be_given() -> None:
    site = create_simulator(token="a" * 32).site
    assert site.token == "a" * 32
    assert site.admin_token != create_simulator().site.admin_token


def test_control_routes(moodle: Client) -> None:
    http = moodle.http
    moodle("core_webservice_get_site_info")
    moodle.find(id="5")
    assert http.get("/_simulator/calls").json == {
        "core_webservice_get_site_info": 1,
        "core_user_get_users": 1,
    }
    assert http.delete("/_simulator/calls").status_code == 204
    assert http.get("/_simulator/calls").json == {}
    users = http.get("/_simulator/users").json
    assert users is not None
    assert set(users[0]) == {"id", "username", "email", "suspended", "deleted", "idnumber"}
    assert http.post("/_simulator/settings", json={"debug": True}).status_code == 204
    assert moodle.simulator.site.settings.debug is True
    assert http.post("/_simulator/settings", json={"nosuch": 1}).status_code == 400
    fault = {"kind": "status", "status": 429, "retry_after": 3, "match": "core_user_get_users"}
    assert http.post("/_simulator/faults", json=fault).status_code == 204
    assert http.post("/_simulator/faults", json={"kind": "nosuch"}).status_code == 400
    moodle("core_webservice_get_site_info")
    answer = http.post(REST, data={"wsfunction": "core_user_get_users"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
