"""The search for accounts over all targets."""

from __future__ import annotations

from collections.abc import Callable

from tests.gateway.console.visitor import Visitor, words
from tests.gateway.service import Scim, Service


def test_one_search_over_all_targets(service: Service, auditor: Visitor) -> None:
    for name in ("moodle", "canvas", "memory"):
        Scim(service, name).add("ann", externalId="E-1")
        Scim(service, name).add("bob", externalId="E-2")
    for wanted in ("ann", "ANN", "E-1", "ann@example.edu"):
        text = auditor.text("/accounts", q=wanted)
        assert "3 accounts in" in text
        assert "bob" not in text
    assert "0 accounts in" in auditor.text("/accounts", q='an"n')
    answer = auditor.get("/accounts", q="ann")
    assert "core_user_get_users_by_field with username" in words(answer.text)
    (found,) = Scim(service, "moodle").get("/Users", filter='userName eq "ann"').json["Resources"]
    id = found["id"]
    assert f"/console/timeline?target=moodle&amp;id={id}" in answer.text
    assert "/console/timeline?login=ann" in answer.text


def test_no_search_reads_a_whole_platform(make: Callable[..., Service]) -> None:
    service = make(users=300)
    auditor = Visitor(service).sign_in()
    service.forget()
    for wanted in ("ann", "ann@example.edu"):
        text = auditor.text("/accounts", q=wanted)
        assert "reads all" not in text
    assert "Not searched by e-mail: all accounts of this LMS" in text
    assert service.calls <= 30


def test_a_platform_that_fails_hides_no_other(make: Callable[..., Service]) -> None:
    service = make(moodle_options={"token": "wrong"})
    Scim(service, "memory").add("ann")
    text = Visitor(service).sign_in().text("/accounts", q="ann")
    assert "1 account in" in text
    assert "This target could not be asked." in text


def test_the_search_needs_its_scope(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor("audit:read")
    visitor.service.forget()
    text = visitor.text("/accounts", q="ann")
    assert "lacks the scope users:read" in text
    assert visitor.service.calls == 0
    limited = make_visitor("audit:read", "users:read", targets=("moodle",))
    assert "accounts in 1 target" in limited.text("/accounts", q="ann")


def test_roles_and_memberships_stand_side_by_side(
    service: Service, make_visitor: Callable[..., Visitor]
) -> None:
    for name in ("memory", "moodle"):
        scim = Scim(service, name)
        user = scim.add("ann", **({"roles": [{"value": "Tutor"}]} if name == "memory" else {}))
        for code in ("ALGEBRA", "BOTANY"):
            scim.enrol(user, scim.add_course(code), courseRoleId="student")
        if name == "memory":
            scim.add_group("Chess", user)
    courses = [one["id"] for one in Scim(service, "moodle").get("/Courses").json["Resources"]]
    visitor = make_visitor("audit:read", "users:read", "memberships:read")
    page = visitor.get("/accounts", q="ann").text.replace("</t", " </t")
    head = page.partition("<thead>")[2].partition("</thead>")[0]
    assert words(head) == "memory moodle"
    rows = {
        words(row.partition("</th>")[0]): words(row.partition("</th>")[2])
        for row in page.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]
    }
    assert rows["Login"] == "ann ann"
    assert rows["Roles"].startswith("Tutor")
    assert rows["Groups"].startswith("Chess")
    assert rows["Memberships"].count("2 courses") == 2
    assert all(f"course {id}: student" in rows["Memberships"] for id in courses)
    text = make_visitor("audit:read", "users:read").text("/accounts", q="ann")
    assert "The token lacks the scope memberships:read." in text
    assert "student" not in text
