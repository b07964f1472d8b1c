"""The simulator proved by canvasapi, a Canvas client that others wrote, over a loopback port."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.canvas.simulator import Simulator, create_simulator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    canvasapi = pytest.importorskip(
        "canvasapi", reason="canvasapi is not installed", exc_type=ImportError
    )
    from canvasapi import exceptions

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=199, courses=3, report_polls=1, call_cost=0)


@pytest.fixture
def canvas(simulator: Simulator, address: str) -> Iterator[Any]:
    client = canvasapi.Canvas(address, simulator.site.token)
    yield client
    client._Canvas__requester._session.close()


@pytest.fixture
def account(canvas: Any) -> Any:
    return canvas.get_account(1)


def test_lists_are_walked(simulator: Simulator, account: Any) -> None:
    assert len(list(account.get_users(include=["email"]))) == 200
    assert any("&page=3&" in query for query in simulator.site.queries)
    assert len(list(account.get_users(sort="id", include=["email"]))) == 200
    assert len(list(account.get_courses())) == 3
    assert [user.login_id for user in account.get_users(search_term="user199")] == ["user199"]


def test_a_life_of_a_user(canvas: Any, account: Any) -> None:
    user = account.create_user(
        {"unique_id": "abyron", "sis_user_id": "S-1", "password": "correct-horse-9"},
        user={"name": "Ada Byron", "skip_registration": True},
        communication_channel={"address": "ada@example.edu", "skip_confirmation": True},
    )
    assert canvas.get_user("S-1", "sis_user_id").id == user.id
    assert canvas.get_user("abyron", "sis_login_id").email == "ada@example.edu"
    edited = user.edit(user={"short_name": "Ada", "event": "suspend"})
    assert edited.short_name == "Ada"
    login = next(iter(user.get_user_logins()))
    assert login.workflow_state == "suspended"
    login.edit(login={"workflow_state": "active", "declared_user_type": "staff"})
    assert next(iter(user.get_user_logins())).declared_user_type == "staff"
    second = account.create_user_login({"id": user.id}, {"unique_id": "second"})
    assert second.delete().workflow_state == "deleted"
    with pytest.raises(exceptions.BadRequest):
        next(iter(user.get_user_logins())).delete()
    assert user.get_profile()["primary_email"] == "ada@example.edu"
    account.delete_user(user)
    with pytest.raises(exceptions.ResourceDoesNotExist):
        canvas.get_user("abyron", "sis_login_id")
    with pytest.raises(exceptions.ResourceDoesNotExist):
        account.delete_user(user)


def test_channels_and_sessions(simulator: Simulator, canvas: Any) -> None:
    user = canvas.get_user(1008)
    assert [row.address for row in user.get_communication_channels()] == [
        "user8@example.edu",
        "home8@mail.example",
    ]
    made = user.create_communication_channel(
        communication_channel={"address": "third@mail.example", "type": "email"},
        skip_confirmation=True,
    )
    assert made.position == 3
    made.delete()
    assert len(list(user.get_communication_channels())) == 2
    assert user.terminate_sessions() == "ok"
    assert [row.id for row in canvas.get_user(1025).get_observees()] == [1024]
    assert user.add_observee(1001).id == 1001
    assert user.remove_observee(1001).id == 1001


def test_courses_and_enrollments(account: Any) -> None:
    course = account.create_course(course={"name": "New", "sis_course_id": "N"}, offer=True)
    section = course.create_course_section(course_section={"name": "B"})
    made = course.enroll_user(1001, "TeacherEnrollment", enrollment={"enrollment_state": "active"})
    assert (made.type, made.enrollment_state) == ("TeacherEnrollment", "active")
    assert section.enroll_user(1002, enrollment={"role_id": 22}).role == "Lab Assistant"
    assert len(list(course.get_enrollments())) == 2
    assert len(list(course.get_users())) == 2
    assert made.deactivate("inactivate").enrollment_state == "inactive"
    assert made.reactivate().enrollment_state == "active"
    with pytest.raises(exceptions.BadRequest, match="not inactive"):
        made.reactivate()
    assert made.deactivate("delete").enrollment_state == "deleted"
    with pytest.raises(exceptions.ResourceDoesNotExist):
        made.deactivate("conclude")
    assert course.conclude() and course.delete()


def test_groups(account: Any) -> None:
    category = account.create_group_category("Clubs")
    first, second = category.create_group(name="A"), category.create_group(name="B")
    first.create_membership(1001)
    second.create_membership(1001)
    assert list(first.get_memberships()) == []
    assert [row.user_id for row in second.get_memberships()] == [1001]
    assert second.edit(members=[1002, 1003]).members_count == 2
    second.remove_user(1002)
    assert [user.id for user in second.get_users()] == [1003]
    assert {group.name for group in account.get_groups()} == {"A", "B", "Library Staff"}
    second.delete()


def test_roles_admins_and_reports(account: Any) -> None:
    role = account.create_role("Dean")
    assert "Dean" in [row.label for row in account.get_roles()]
    account.create_admin(1001, role_id=role.id)
    assert len(list(account.get_admins())) == 2
    account.delete_admin(1001, role_id=role.id)
    with pytest.raises(exceptions.BadRequest, match="already in use"):
        account.create_role("dean")
    report = account.create_report("provisioning_csv", parameters={"users": True})
    done = account.get_report("provisioning_csv", report.id)
    assert (done.status, done.progress) == ("complete", 100)
    assert done.attachment["url"].startswith("http://127.0.0.1")
    assert [term.name for term in account.get_enrollment_terms()] == ["Default Term"]


def test_a_sis_import_from_a_file(account: Any, tmp_path: Any) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id,login_id,full_name,status\nN-1,new,New One,active\n")
    made = account.create_sis_import(str(path))
    for _ in range(5):
        made = account.get_sis_import(made.id)
        if made.progress == 100:
            break
    assert made.workflow_state == "imported"
    assert [row.id for row in account.get_sis_imports()] == [made.id]


def test_the_kinds_of_refusals(simulator: Simulator, canvas: Any, account: Any) -> None:
    settings, site = simulator.site.settings, simulator.site
    with pytest.raises(exceptions.BadRequest, match="taken"):
        account.create_user({"unique_id": "USER1"})
    low = site.add_token(1001, permissions=())
    canvas._Canvas__requester.access_token = low
    with pytest.raises(exceptions.Forbidden):
        next(iter(account.get_users()))
    settings.denied_status = 401
    with pytest.raises(exceptions.Unauthorized):
        next(iter(account.get_users()))
    settings.call_cost = 800
    canvas.get_user("self")
    with pytest.raises(exceptions.RateLimitExceeded):
        canvas.get_user("self")
    settings.throttle_status = 403
    with pytest.raises(exceptions.Forbidden, match="Rate Limit Exceeded"):
        canvas.get_user("self")
    canvas._Canvas__requester.access_token = "1~nothing"
    with pytest.raises(exceptions.InvalidAccessToken):
        canvas.get_user("self")


OLDER = Path(sys.prefix) / "canvasapi-3.4"
SCRIPT = """
import sys
from canvasapi import Canvas, __version__, exceptions
assert __version__ == "3.4.0", __version__
client = Canvas(sys.argv[1], sys.argv[2])
try:
    for _ in range(3):
        client.get_user("self")
except exceptions.RateLimitExceeded as error:
    print("throttled:", error)
"""


@pytest.mark.skipif(not OLDER.is_dir(), reason="canvasapi 3.4 is not installed beside")
def test_an_older_client_knows_the_throttle_by_its_text(simulator: Simulator, address: str) -> None:
    settings = simulator.site.settings
    settings.throttle_status, settings.call_cost = 403, 800
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, address, simulator.site.token],
        env={**os.environ, "PYTHONPATH": str(OLDER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("throttled:"), done.stderr
