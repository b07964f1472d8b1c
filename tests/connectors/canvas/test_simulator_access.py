"""Who may call the simulated Canvas and how: tokens, parameters, ids, pages, bucket, faults."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from connectors.canvas.simulator import create_simulator
from connectors.canvas.simulator.permissions import ALL, MANAGE_SIS, READ_EMAILS, READ_SIS
from tests.connectors.canvas.site import Client, links, walk


def test_a_call_without_a_user_agent_is_refused() -> None:
    canvas = Client()
    response = canvas.call("GET", "users/self", headers={"User-Agent": ""})
    assert response.status_code == 403
    canvas.site.settings.require_user_agent = False
    assert canvas.call("GET", "users/self", headers={"User-Agent": ""}).status_code == 200


def test_every_call_is_recorded_with_its_query() -> None:
    canvas = Client(users=1)
    canvas.get("users/sis_login_id%3Auser1?include[]=uuid")
    assert list(canvas.site.calls) == [("GET", "/api/v1/users/sis_login_id:user1")]
    assert list(canvas.site.queries) == ["include[]=uuid"]


def test_an_oauth_token_ends_after_its_time_and_can_be_refreshed() -> None:
    canvas = Client(token_seconds=60)
    site = canvas.site
    form = {
        "grant_type": "client_credentials",
        "client_id": site.client_id,
        "client_secret": site.client_secret,
    }
    client = canvas.simulator.test_client()
    issued = client.post("/login/oauth2/token", data=form).json
    assert issued is not None and issued.keys() == {"access_token", "token_type", "expires_in"}
    canvas.token = issued["access_token"]
    canvas.get("users/self")
    site.clock.advance(60)
    refused = canvas.get("users/self", 401)
    assert refused["errors"][0]["message"] == "Invalid access token."
    form |= {"grant_type": "refresh_token", "refresh_token": site.refresh_token}
    refreshed = client.post("/login/oauth2/token", data=form).json
    assert refreshed is not None and "refresh_token" not in refreshed
    canvas.token = refreshed["access_token"]
    canvas.get("users/self")
    headers = {"Authorization": f"Bearer {canvas.token}"}
    assert client.delete("/login/oauth2/token", headers=headers).status_code == 200
    assert canvas.get("users/self", 401)["errors"][0]["message"] == "Revoked access token."


def test_scopes_open_routes_and_take_includes_away() -> None:
    canvas = Client(users=1)
    canvas.token = canvas.site.add_token(1, scopes={"url:GET|/api/v1/accounts/:account_id/users"})
    rows = canvas.get("accounts/1/users?include[]=email")
    assert len(rows) == 2 and "email" not in rows[0]
    canvas.get("users/1001", 401)
    canvas.site.settings.scoped_includes = True
    assert "email" in canvas.get("accounts/1/users?include[]=email")[0]


def test_a_permission_shows_or_hides_what_belongs_to_it() -> None:
    canvas = Client(users=1)
    canvas.token = canvas.site.add_token(1, permissions=ALL - {READ_SIS, MANAGE_SIS, READ_EMAILS})
    body = canvas.get("users/1001")
    assert body.keys().isdisjoint({"sis_user_id", "integration_id", "sis_import_id", "email"})
    assert canvas.get("accounts/1/users?search_term=s1000001") == []
    assert canvas.get("accounts/1/users?search_term=example.edu") == []
    made = canvas.person("someone", sis_user_id="S-7")
    assert canvas.site.logins_of(made["id"])[0].sis_user_id is None
    canvas.token = canvas.site.add_token(1, permissions=ALL - {MANAGE_SIS})
    body = canvas.get("users/1001")
    assert "sis_user_id" in body and "sis_import_id" not in body


@pytest.mark.parametrize("form", ["json", "urlencoded", "multipart"])
def test_bodies_mean_the_same_in_every_form(form: str) -> None:
    canvas = Client(users=1)
    pairs = {"user[name]": "Ada", "user[short_name]": "A", "user[sortable_name]": "Z, A"}
    if form == "json":
        names = {"name": "Ada", "short_name": "A", "sortable_name": "Z, A"}
        more: dict[str, Any] = {"json": {"user": names}}
    elif form == "urlencoded":
        more = {"data": pairs}
    else:
        more = {"data": pairs, "content_type": "multipart/form-data"}
    body = json.loads(canvas.call("PUT", "users/1001", **more).text)
    assert (body["name"], body["short_name"], body["sortable_name"]) == ("Ada", "A", "Z, A")


def test_a_delete_may_carry_its_parameters_in_a_form() -> None:
    canvas = Client(users=1, courses=1)
    response = canvas.call("DELETE", "courses/301/enrollments/7001", data={"task": "inactivate"})
    assert json.loads(response.text)["enrollment_state"] == "inactive"


def test_an_empty_text_and_null_clear_a_value() -> None:
    canvas = Client(users=2)
    form = {"login[sis_user_id]": ""}
    body = json.loads(canvas.call("PUT", "accounts/1/logins/5001", data=form).text)
    assert body["sis_user_id"] is None
    body = canvas.put("accounts/1/logins/5002", {"login": {"sis_user_id": None}})
    assert body["sis_user_id"] is None


@pytest.mark.parametrize(
    "slot",
    [
        "1001",
        "0~1001",
        "sis_user_id:s1000001",
        "sis_login_id:USER1",
        "sis_integration_id:int/1 é",
        "hex:sis_user_id:" + b"s1000001".hex(),
    ],
)
def test_the_forms_of_a_users_id(slot: str) -> None:
    canvas = Client(users=3)
    canvas.put("accounts/1/logins/5001", {"login": {"integration_id": "int/1 é"}})
    assert canvas.get(f"users/{quote(slot, safe='')}")["id"] == 1001
    assert canvas.get(f"users/{quote(slot, safe='')}.json")["id"] == 1001


def test_a_slash_in_an_id_survives_a_transport_that_decodes_paths() -> None:
    canvas = Client(users=1)
    canvas.put("accounts/1/logins/5001", {"login": {"sis_user_id": "a/b"}})
    transport = httpx.WSGITransport(app=canvas.simulator)
    headers = {"Authorization": f"Bearer {canvas.token}"}
    with httpx.Client(transport=transport, base_url="http://x.test", headers=headers) as client:
        assert client.get("/api/v1/users/sis_user_id:a%2Fb").json()["id"] == 1001
        assert client.get("/api/v1/users/sis_user_id:a%2Fb/logins").json()[0]["id"] == 5001


def test_more_forms_of_ids() -> None:
    canvas = Client(users=1, courses=1)
    user = canvas.site.users[1001]
    assert canvas.get(f"users/uuid:{user.uuid}")["id"] == 1001
    assert canvas.get(f"users/lti_user_id:{user.lti_id}")["id"] == 1001
    assert canvas.get("users/self")["id"] == 1
    assert canvas.get("courses/sis_course_id:sis-course-1")["id"] == 301
    assert canvas.get("accounts/sis_account_id:SCI")["id"] == 12
    assert canvas.get("accounts/default") == canvas.get("accounts/self")
    assert canvas.get("accounts/1/terms/default")["name"] == "Default Term"
    for slot in ("sis_user_id:S1000001", "sis_user_id:", "color:red", "1001x", "-1"):
        canvas.get(f"users/{slot}", 404)


def test_a_deleted_login_is_not_found_and_a_suspended_one_is() -> None:
    canvas = Client(users=2)
    canvas.put("users/1001", {"user": {"event": "suspend"}})
    assert canvas.get("users/sis_login_id:user1")["id"] == 1001
    canvas.delete("accounts/1/users/1001")
    canvas.get("users/sis_login_id:user1", 404)
    canvas.get("users/sis_user_id:s1000001", 404)


def test_string_ids_on_demand() -> None:
    canvas = Client(users=1, courses=1)
    headers = {"Accept": "application/json+canvas-string-ids"}
    row = json.loads(canvas.call("GET", "courses/301/enrollments", headers=headers).text)[0]
    assert (row["id"], row["course_section_id"], row["user"]["id"]) == ("7001", "401", "1001")
    assert row["total_activity_time"] == 0 and row["user"]["sis_user_id"] == "s1000001"


def test_a_page_holds_ten_rows_and_at_most_a_hundred() -> None:
    canvas = Client(users=130)
    sizes = {"": 10, "?per_page=0": 1, "?per_page=-4": 1, "?per_page=500": 100, "?per_page=x": 10}
    for query, size in sizes.items():
        assert len(canvas.get(f"accounts/1/users{query}")) == size


def test_an_uncounted_list_may_end_in_an_empty_page() -> None:
    canvas = Client(users=19)
    pages = walk(canvas, "accounts/1/users?per_page=10")
    assert [len(page) for page in pages] == [10, 10, 0]
    first = links(canvas.call("GET", "accounts/1/users?per_page=10"))
    assert list(first) == ["current", "next", "first"]
    last = links(canvas.call("GET", "accounts/1/users?per_page=10&page=3"))
    assert list(last) == ["current", "prev", "first", "last"]
    canvas.person("one-more")
    pages = walk(canvas, "accounts/1/users?per_page=10")
    assert [len(page) for page in pages] == [10, 10, 1]


def test_a_counted_list_says_its_last_page() -> None:
    canvas = Client(users=20, courses=1)
    pages = walk(canvas, "courses/301/enrollments?per_page=10")
    assert [len(page) for page in pages] == [10, 10]
    found = links(canvas.call("GET", "courses/301/enrollments?per_page=5&page=2"))
    assert list(found) == ["current", "next", "prev", "first", "last"]
    assert found["last"].endswith("?page=4&per_page=5")


def test_a_count_comes_with_an_undocumented_include() -> None:
    canvas = Client(users=6)
    response = canvas.call("GET", "accounts/1/users?include[]=ui_invoked&per_page=1")
    assert links(response)["last"].endswith("&page=7&per_page=1")


def test_pages_that_are_none() -> None:
    canvas = Client(users=3)
    assert canvas.get("accounts/1/users?page=9") == []
    assert len(canvas.get("accounts/1/users?page=first")) == 4
    for page in ("x", "0", "bookmark:IjExMDAi"):
        canvas.get(f"accounts/1/users?page={page}", 404)


def test_bookmarks_lead_through_ids_in_both_orders() -> None:
    canvas = Client(users=19)
    pages = walk(canvas, "accounts/1/users?sort=id&per_page=10")
    ids = [row["id"] for page in pages for row in page]
    assert [len(page) for page in pages] == [10, 10]
    assert ids == sorted(ids)
    pages = walk(canvas, "accounts/1/users?sort=id&order=desc&per_page=6")
    assert [row["id"] for page in pages for row in page] == ids[::-1]
    found = links(canvas.call("GET", "accounts/1/users?sort=id&per_page=10"))
    assert list(found) == ["current", "next", "first"]
    again = canvas.get("accounts/1/users?sort=id&page=bookmark:%25%25")
    assert again[0]["id"] == ids[0]


def test_enrollments_are_bookmarked_by_setting() -> None:
    canvas = Client(users=12, courses=1, enrollment_pages="bookmark")
    pages = walk(canvas, "courses/301/enrollments?per_page=5")
    assert [len(page) for page in pages] == [5, 5, 2]


def test_links_keep_the_query_but_for_the_token() -> None:
    canvas = Client(users=30)
    token, canvas.token = canvas.token, None
    query = f"search_term=us%20er&include[]=email&include[]=uuid&access_token={token}"
    response = canvas.call("GET", f"accounts/1/users?{query}&per_page=1")
    assert links(response)["first"] == (
        "https://canvas.example.edu/api/v1/accounts/1/users"
        "?search_term=us+er&include%5B%5D=email&include%5B%5D=uuid&page=1&per_page=1"
    )


def test_the_bucket_leaks_and_refuses() -> None:
    canvas = Client(call_cost=100, throttle_status=403)
    for count in range(6):
        response = canvas.call("GET", "users/self")
        assert response.headers["X-Request-Cost"] == "100"
        remaining = float(response.headers["X-Rate-Limit-Remaining"])
        assert remaining == pytest.approx(max(550 - count * 100, 0))
    refused = canvas.call("GET", "users/self")
    assert refused.status_code == 403
    assert "X-Request-Cost" not in refused.headers
    assert "Retry-After" not in refused.headers
    canvas.site.clock.advance(1)
    canvas.get("users/self")
    canvas.call("GET", "users/self")
    other = canvas.site.add_token(1)
    canvas.token = other
    canvas.get("users/self")


def test_a_refused_call_did_nothing() -> None:
    canvas = Client(call_cost=800)
    canvas.person("first")
    response = canvas.call("POST", "accounts/1/users", json={"pseudonym": {"unique_id": "second"}})
    assert response.status_code == 429
    assert not canvas.site.logins.find("unique_id", "second")


def test_calls_under_way_fill_the_bucket() -> None:
    canvas = Client()
    site = canvas.site
    assert all(site.throttle.begin(site.token) for _ in range(12))
    assert not site.throttle.begin(site.token)


def test_faults_are_those_of_every_simulator() -> None:
    canvas = Client(users=1)
    canvas.simulator.faults.add("status", status=503, match="/users/1001")
    assert canvas.call("GET", "users/1001").status_code == 503
    canvas.get("users/1001")


def test_the_control_routes() -> None:
    canvas = Client(users=1)
    control = canvas.simulator.test_client()
    canvas.get("users/1001")
    assert control.get("/_simulator/calls").json == {"GET /api/v1/users/1001": 1}
    assert control.post("/_simulator/settings", json={"search_min": 3}).status_code == 204
    canvas.get("accounts/1/users?search_term=us", 400)
    assert control.post("/_simulator/settings", json={"throttle_status": 500}).status_code == 400
    assert control.post("/_simulator/settings", json={"colour": 1}).status_code == 400
    assert control.post("/_simulator/clock", json={"advance": 5}).status_code == 204
    people = control.get("/_simulator/users").json
    assert people is not None and people[-1]["logins"][0]["unique_id"] == "user1"
    assert control.delete("/_simulator/calls").status_code == 204
    assert not canvas.site.calls


def test_what_is_not_there_is_not_found() -> None:
    canvas = Client()
    for path in ("nothing", "accounts/1/nothing", "users/1/logins/x/y"):
        canvas.get(path, 404)
    assert canvas.simulator.test_client().get("/nothing").status_code == 404


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="denied_status"):
        create_simulator(denied_status=404)


def test_many_threads_may_call_at_once() -> None:
    canvas = Client(call_cost=0, up_front_cost=0)
    failed: list[str] = []

    def work(part: int) -> None:
        client = canvas.simulator.test_client()
        headers = {"Authorization": f"Bearer {canvas.site.token}"}
        for number in range(10):
            given = {"pseudonym": {"unique_id": f"t{part}-{number}"}}
            answer = client.post("/api/v1/accounts/1/users", json=given, headers=headers)
            if answer.status_code != 200:
                failed.append(answer.text)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert len(canvas.site.users) == 41
    assert len({row.unique_id for row in canvas.site.logins.values()}) == 41


def test_a_download_takes_a_signature_and_no_token() -> None:
    canvas = Client(users=3, report_polls=2, files_url="http://files.example.org")
    path = "accounts/1/reports/provisioning_csv"
    form = {"parameters[users]": "true", "parameters[groups]": "1"}
    number = json.loads(canvas.call("POST", path, data=form).text)["id"]
    states = [canvas.get(f"{path}/{number}") for _ in range(2)]
    assert [row["status"] for row in states] == ["running", "complete"]
    assert "attachment" not in states[0]
    url = states[1]["attachment"]["url"].partition("canvas.example.edu")[2]
    client = canvas.simulator.test_client()
    moved = client.get(url, headers={"Authorization": f"Bearer {canvas.token}"})
    assert moved.status_code == 302
    assert moved.headers["Location"].startswith("http://files.example.org/stored/")
    stored = moved.headers["Location"].removeprefix("http://files.example.org")
    assert client.get(stored, headers={"Authorization": "Bearer x"}).status_code == 400
    assert client.get(f"{stored}x").status_code == 403
    assert client.get(f"{url}x").status_code == 404
    with zipfile.ZipFile(io.BytesIO(client.get(stored).data)) as archive:
        assert sorted(archive.namelist()) == ["groups.csv", "users.csv"]
        assert b"user2" in archive.read("users.csv")


def test_reports_that_fail_or_do_not_exist() -> None:
    canvas = Client(report_polls=1, report_result="error")
    path = "accounts/1/reports/provisioning_csv"
    number = canvas.post(path, {"parameters": {"users": True}})["id"]
    body = canvas.get(f"{path}/{number}")
    assert (body["status"], body["file_url"]) == ("error", None)
    canvas.post("accounts/1/reports/nonsense_csv", status=404)
    assert [row["report"] for row in canvas.get("accounts/1/reports")] == ["provisioning_csv"]
    canvas.delete(f"{path}/{number}")
    canvas.get(f"{path}/{number}", 404)
