"""The simulator proved by moodlepy, a Moodle client that others wrote, over a loopback port.

Three of moodlepy's typed calls cannot work against a Moodle and are made through its generic
`moodle(function, **fields)`: cohort creation, addition of members and cohort search, whose nested
structures it sends as `cohorts[0][categorytype]=type` (a Moodle refuses these, and so does the
simulator: see the last test). Updates and by-field reads have no typed call that takes arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moodle import Moodle, MoodleException
from moodle.core.cohort import CategoryType, CreateCohort, DeleteCohort
from moodle.core.user import CreateUser, Criteria
from moodle.exception import EmptyResponseException, InvalidCredentialException

from connectors.moodle.simulator import Simulator, create_simulator


@pytest.fixture
def simulator() -> Simulator:
    return create_simulator(users=5, cohorts=2)


@pytest.fixture
def moodle(simulator: Simulator, address: str) -> Iterator[Moodle]:
    client = Moodle(f"{address}/webservice/rest/server.php", simulator.site.token)
    yield client
    client.session.close()


def refusal(moodle: Moodle, function: str, **fields: Any) -> str:
    with pytest.raises(MoodleException) as caught:
        moodle(function, **fields)
    return str(caught.value.errorcode)


def test_site_info(moodle: Moodle) -> None:
    info = moodle.core.webservice.get_site_info()
    assert (info.username, info.userid, info.userissiteadmin) == ("scimgw", 3, False)
    assert "core_user_create_users" in [function.name for function in info.functions]


def test_users_are_created_read_updated_and_deleted(moodle: Moodle, simulator: Simulator) -> None:
    (created,) = moodle.core.user.create_users(
        [
            CreateUser(
                username="zo",
                auth="manual",
                password="Passw0rd!x",
                firstname="Zoë",
                lastname="O'Brien",
                email="zoe@example.edu",
                idnumber="Z-1",
                department="History",
            )
        ]
    )
    assert created.username == "zo"
    (user,) = moodle.core.user.get_users([Criteria("username", "zo")]).users
    assert (user.id, user.firstname, user.lastname) == (created.id, "Zoë", "O'Brien")
    assert (user.department, user.suspended, user.timezone) == ("History", 0, "99")
    assert simulator.site.passwords_match("zo", "Passw0rd!x")

    update = {"id": created.id, "suspended": 1, "city": "Lyon"}
    assert moodle("core_user_update_users", users=[update]) == {"warnings": []}
    (read,) = moodle("core_user_get_users_by_field", field="id", values=[created.id])
    assert (read["suspended"], read["city"]) == (True, "Lyon")

    assert moodle.core.user.delete_users([created.id]) is None
    assert moodle.core.user.get_users([Criteria("username", "zo")]).users == []


def test_cohorts_and_their_members(moodle: Moodle) -> None:
    (created,) = moodle(
        "core_cohort_create_cohorts",
        **{
            "cohorts[0][categorytype][type]": "system",
            "cohorts[0][categorytype][value]": "",
            "cohorts[0][name]": "Choir",
            "cohorts[0][idnumber]": "CHOIR",
        },
    )
    assert [cohort.name for cohort in moodle.core.cohort.get_cohorts([created["id"]])] == ["Choir"]
    warnings = moodle(
        "core_cohort_add_cohort_members",
        **{
            "members[0][cohorttype][type]": "idnumber",
            "members[0][cohorttype][value]": "CHOIR",
            "members[0][usertype][type]": "username",
            "members[0][usertype][value]": "user0001",
        },
    )
    assert warnings == {"warnings": []}
    (members,) = moodle.core.cohort.get_cohort_members([created["id"]])
    assert members.userids == [5]
    assert (
        moodle(
            "core_cohort_update_cohorts",
            **{
                "cohorts[0][id]": created["id"],
                "cohorts[0][categorytype][type]": "system",
                "cohorts[0][categorytype][value]": "",
                "cohorts[0][name]": "Chorus",
                "cohorts[0][idnumber]": "CHOIR",
            },
        )
        is None
    )
    found = moodle("core_cohort_search_cohorts", query="chor", **{"context[contextid]": 1})
    assert [cohort["name"] for cohort in found["cohorts"]] == ["Chorus"]
    moodle.core.cohort.delete_cohort_members([DeleteCohort(created["id"], 5)])
    (members,) = moodle.core.cohort.get_cohort_members([created["id"]])
    assert members.userids == []
    moodle.core.cohort.delete_cohorts([created["id"]])
    assert refusal(moodle, "core_cohort_get_cohort_members", cohortids=[9]) == "invalidrecord"


def test_courses_enrolments_and_groups(moodle: Moodle, simulator: Simulator) -> None:
    """What moodlepy has no working typed call for goes through its generic one."""
    course = {"fullname": "Choir", "shortname": "CH", "categoryid": 1, "idnumber": "C-1"}
    (created,) = moodle("core_course_create_courses", courses=[course])
    course_id = created["id"]
    (read,) = moodle.core.course.get_courses_by_field("shortname", "CH").courses
    assert (read.id, read.fullname, read.idnumber, read.visible) == (course_id, "Choir", "C-1", 1)
    assert next(category.name for category in moodle.core.course.get_categories()) == "Category 1"
    update = [{"id": course_id, "fullname": "Chorus"}, {"id": 99, "fullname": "x"}]
    (warning,) = moodle("core_course_update_courses", courses=update)["warnings"]
    assert (warning["itemid"], warning["warningcode"]) == (99, "invalidrecord")

    enrolment = {"roleid": 5, "userid": 5, "courseid": course_id}
    assert moodle("enrol_manual_enrol_users", enrolments=[enrolment]) is None
    (person,) = moodle("core_enrol_get_enrolled_users", courseid=course_id)
    assert (person["id"], person["roles"][0]["shortname"]) == (5, "student")
    group = {"courseid": course_id, "name": "Altos", "description": ""}
    (made,) = moodle("core_group_create_groups", groups=[group])
    moodle("core_group_add_group_members", members=[{"groupid": made["id"], "userid": 5}])
    (listed,) = moodle("core_group_get_group_members", groupids=[made["id"]])
    assert listed["userids"] == [5]
    role = {"roleid": 1, "userid": 5, "contextid": 1}
    assert moodle("core_role_assign_roles", assignments=[role]) is None
    assert simulator.site.roles_of(5) == {1}
    assert moodle("enrol_manual_unenrol_users", enrolments=[enrolment]) is None
    assert moodle("core_enrol_get_users_courses", userid=5) == []
    assert refusal(moodle, "core_enrol_get_enrolled_users", courseid=99) == "invalidrecord"
    assert moodle("core_course_delete_courses", courseids=[course_id]) == {"warnings": []}
    assert moodle.core.course.get_courses_by_field("id", str(course_id)).courses == []


def test_errors_are_raised_as_moodles_exception(moodle: Moodle, simulator: Simulator) -> None:
    assert refusal(moodle, "core_user_delete_users", userids=[999]) == "invaliduser"
    assert refusal(moodle, "core_nosuch") == "invalidrecord"
    simulator.site.gateway.capabilities.discard("moodle/user:create")
    assert refusal(moodle, "core_user_create_users", users=[{"username": "x"}]) == (
        "invalidparameter"
    )
    moodle.token = "0" * 32
    assert refusal(moodle, "core_webservice_get_site_info") == "invalidtoken"


def test_login_gives_the_token_of_the_account(address: str, simulator: Simulator) -> None:
    site = simulator.site
    site.set_password(site.service_account, "Serv1ce-pass")
    client = Moodle.login(address, "scimgw", "Serv1ce-pass", service="scim_gateway")
    assert client.token == site.token
    with pytest.raises(InvalidCredentialException):
        Moodle.login(address, "scimgw", "wrong", service="scim_gateway")


def test_an_outage_is_no_answer_for_moodlepy(moodle: Moodle, simulator: Simulator) -> None:
    simulator.faults.add("status", status=503)
    with pytest.raises(EmptyResponseException):
        moodle("core_webservice_get_site_info")
    assert moodle("core_webservice_get_site_info")["userid"] == 3


def test_moodlepys_flattened_structures_are_refused(moodle: Moodle) -> None:
    cohort = CreateCohort(categorytype=CategoryType("system", ""), name="x", idnumber="y")
    with pytest.raises(MoodleException) as caught:
        moodle.core.cohort.create_cohorts([cohort])
    assert caught.value.errorcode == "invalidparameter"
