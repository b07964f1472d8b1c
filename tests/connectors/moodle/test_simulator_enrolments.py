"""Enrolments, roles, groups, grades and completion of the simulator."""

from __future__ import annotations

import time
from typing import Any

import pytest

from connectors.moodle.simulator import Simulator, Site, create_simulator
from connectors.moodle.simulator.records import Enrolment
from tests.connectors.moodle.client import Client

PLAIN, OTHER = 2, 3
"""Two courses with nobody in them."""


@pytest.fixture
def simulator() -> Simulator:
    simulator = create_simulator(users=20)
    for number in range(1, 3):
        simulator.site.add_course(shortname=f"c{number}", idnumber=f"C-{number}")
    return simulator


@pytest.fixture
def site(simulator: Simulator) -> Site:
    return simulator.site


@pytest.fixture
def moodle(simulator: Simulator) -> Client:
    return Client(simulator)


def enrol(moodle: Client, *enrolments: dict[str, Any]) -> Any:
    rows = [{"roleid": 5, "courseid": PLAIN, **enrolment} for enrolment in enrolments]
    return moodle("enrol_manual_enrol_users", enrolments=rows)


def unenrol(moodle: Client, *enrolments: dict[str, Any]) -> Any:
    rows = [{"courseid": PLAIN, **enrolment} for enrolment in enrolments]
    return moodle("enrol_manual_unenrol_users", enrolments=rows)


def listed(moodle: Client, course: int = PLAIN, **options: Any) -> list[dict[str, Any]]:
    rows = [{"name": name, "value": value} for name, value in options.items()]
    users: list[dict[str, Any]] = moodle(
        "core_enrol_get_enrolled_users", courseid=course, options=rows
    )
    return users


def ids(moodle: Client, course: int = PLAIN, **options: Any) -> list[int]:
    return [user["id"] for user in listed(moodle, course, **options)]


def roles(moodle: Client, user: int, course: int = PLAIN) -> list[str]:
    (found,) = [row for row in listed(moodle, course) if row["id"] == user]
    return [role["shortname"] for role in found["roles"]]


def courses_of(moodle: Client, user: int) -> list[int]:
    listed = moodle("core_enrol_get_users_courses", userid=user, returnusercount=0)
    return [course["id"] for course in listed]


def role(user: int, role: int, **values: Any) -> dict[str, Any]:
    context = values or {"contextlevel": "course", "instanceid": PLAIN}
    return {"roleid": role, "userid": user, **context}


def assign(moodle: Client, *assignments: dict[str, Any]) -> Any:
    return moodle("core_role_assign_roles", assignments=list(assignments))


def unassign(moodle: Client, *unassignments: dict[str, Any]) -> Any:
    return moodle("core_role_unassign_roles", unassignments=list(unassignments))


# Enrolment


def test_enrolling_again_adds_the_role(moodle: Client) -> None:
    assert enrol(moodle, {"userid": 5}, {"userid": 5}) is None
    assert enrol(moodle, {"userid": 5, "roleid": 3}) is None
    assert (ids(moodle), roles(moodle, 5)) == ([5], ["editingteacher", "student"])


def test_enrolling_again_resets_what_is_left_out(moodle: Client, site: Site) -> None:
    dates = {"timestart": 10, "timeend": 4_000_000_000}
    enrol(moodle, {"userid": 5, "suspend": 1, **dates})
    assert site.courses[PLAIN].enrolments[5] == Enrolment(True, 10, 4_000_000_000)
    assert (ids(moodle, onlysuspended=1), ids(moodle, onlyactive=1)) == ([5], [])
    enrol(moodle, {"userid": 5})
    assert site.courses[PLAIN].enrolments[5] == Enrolment()
    assert (ids(moodle, onlysuspended=1), ids(moodle, onlyactive=1)) == ([], [5])


@pytest.mark.parametrize("dates", [{"timestart": 4_000_000_000}, {"timeend": 10}])
def test_an_enrolment_outside_its_dates_is_not_active(
    moodle: Client, dates: dict[str, int]
) -> None:
    enrol(moodle, {"userid": 5, **dates})
    assert (ids(moodle), ids(moodle, onlyactive=1), courses_of(moodle, 5)) == ([5], [], [])


def test_leaving_removes_all_roles_whichever_is_given(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 5, "roleid": 3}, {"userid": 6})
    group = site.add_group(courseid=PLAIN, name="g", members={5, 6})
    assert unenrol(moodle, {"userid": 5, "roleid": 3}) is None
    assert (ids(moodle), site.roles_of(5, PLAIN), group.members) == ([6], frozenset(), {6})
    assert unenrol(moodle, {"userid": 5}) is None


@pytest.mark.parametrize(
    ("values", "errorcode"),
    [
        ({"roleid": 999}, "wsusercannotassign"),
        ({"roleid": 2}, "wsusercannotassign"),
        ({"userid": 999}, "invaliduser"),
        ({"userid": 19}, "userdeleted"),
        ({"courseid": 999}, "invalidparameter"),
        ({"courseid": 1}, "wsnoinstance"),
        ({"courseid": OTHER}, "wsnoinstance"),
        ({"suspend": "yes"}, "invalidparameter"),
    ],
)
def test_enrolling_is_one_transaction(
    moodle: Client, site: Site, values: dict[str, Any], errorcode: str
) -> None:
    site.users[19].deleted = True
    site.courses[OTHER].manual = False
    refused = enrol(moodle, {"userid": 5}, {"userid": 6, **values})
    assert refused["errorcode"] == errorcode
    assert (ids(moodle), site.roles_of(5, PLAIN)) == ([], frozenset())


@pytest.mark.parametrize(
    ("values", "errorcode"),
    [
        ({"userid": 999}, "invaliduser"),
        ({"courseid": 999}, "invalidrecord"),
        ({"courseid": OTHER}, "wsnoinstance"),
    ],
)
def test_unenrolling_is_one_transaction(
    moodle: Client, site: Site, values: dict[str, Any], errorcode: str
) -> None:
    site.courses[OTHER].manual = False
    enrol(moodle, {"userid": 5})
    assert unenrol(moodle, {"userid": 5}, {"userid": 6, **values})["errorcode"] == errorcode
    assert roles(moodle, 5) == ["student"]


@pytest.mark.parametrize(
    ("right", "errorcodes"),
    [
        ("moodle/course:view", ("requireloginerror", "requireloginerror")),
        ("enrol/manual:enrol", ("nopermissions", None)),
        ("enrol/manual:unenrol", (None, "nopermissions")),
        ("moodle/role:assign", ("wsusercannotassign", None)),
    ],
)
def test_enrolment_rights(
    moodle: Client, site: Site, right: str, errorcodes: tuple[str | None, str | None]
) -> None:
    site.gateway.capabilities.discard(right)
    replies = enrol(moodle, {"userid": 5}), unenrol(moodle, {"userid": 5})
    assert tuple(reply and reply["errorcode"] for reply in replies) == errorcodes


def test_an_account_gives_only_the_roles_that_it_is_allowed(moodle: Client, site: Site) -> None:
    site.gateway.roles = {5}
    assert enrol(moodle, {"userid": 5, "roleid": 4})["errorcode"] == "wsusercannotassign"
    assert assign(moodle, role(5, 4))["errorcode"] == "invalidparameter"
    assert enrol(moodle, {"userid": 5}) is None
    administrator = Client(moodle.simulator, site.admin_token)
    assert enrol(administrator, {"userid": 5, "roleid": 4}) is None


def test_a_suspended_account_takes_part_all_the_same(moodle: Client, site: Site) -> None:
    site.users[5].suspended = True
    enrol(moodle, {"userid": 5})
    assert (ids(moodle, onlyactive=1), courses_of(moodle, 5)) == ([5], [PLAIN])
    assert unenrol(moodle, {"userid": 5}) is None
    assert ids(moodle) == []


def test_deletion_of_an_account_ends_everything(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 6})
    group = site.add_group(courseid=PLAIN, name="g", members={5, 6})
    site.give_role(1, 5)
    site.set_grade(PLAIN, 5, 50)
    site.set_completed(PLAIN, 5)
    assert moodle.error("core_user_delete_users", userids=[5, 999]) == "invaliduser"
    assert (ids(moodle), group.members) == ([5, 6], {5, 6})
    assert site.roles_of(5) == {1}
    assert moodle("core_user_delete_users", userids=[5]) is None
    course = site.courses[PLAIN]
    assert (ids(moodle), group.members, site.roles_of(5)) == ([6], {6}, frozenset())
    assert course.enrolments.keys() == {6}
    assert course.grades == course.completions == {}
    assert site.roles_of(5, PLAIN) == frozenset()


# Reading enrolments


def test_participants_are_paged_and_sorted(moodle: Client, site: Site) -> None:
    for user, name in ((9, "b"), (7, "C"), (8, "a")):
        site.users[user].lastname = name
        site.enrol(PLAIN, user)
    assert ids(moodle) == [7, 8, 9]
    assert ids(moodle, limitfrom=1, limitnumber=1) == [8]
    assert ids(moodle, limitfrom=3) == []
    assert ids(moodle, limitnumber=0) == [7, 8, 9]
    assert ids(moodle, sortby="lastname") == ids(moodle, sortby="siteorder") == [8, 9, 7]
    assert ids(moodle, sortby="id", sortdirection="desc") == [9, 8, 7]
    assert ids(moodle, nosuch=1) == [7, 8, 9]


def test_participants_of_a_group_or_with_a_capability(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 6, "roleid": 3}, {"userid": 7})
    group = site.add_group(courseid=PLAIN, name="g", members={7})
    assert ids(moodle, groupid=group.id) == [7]
    assert ids(moodle, groupid=999) == []
    assert ids(moodle, withcapability="moodle/course:update") == [6]
    site.give_role(1, 5)
    assert ids(moodle, withcapability="moodle/course:update") == [5, 6]
    assert ids(moodle, withcapability="no/such:capability") == []


@pytest.mark.parametrize(
    ("options", "errorcode"),
    [
        ({"onlyactive": 1, "onlysuspended": 1}, "codingerror"),
        ({"userfields": "id,timemodified"}, "invaliduserfield"),
        ({"sortby": "lastaccess"}, "invalidparameter"),
        ({"sortdirection": "UP"}, "invalidparameter"),
    ],
)
def test_options_that_are_refused(moodle: Client, options: Any, errorcode: str) -> None:
    enrol(moodle, {"userid": 5})
    rows = [{"name": name, "value": value} for name, value in options.items()]
    asked = {"courseid": PLAIN, "options": rows}
    assert moodle.error("core_enrol_get_enrolled_users", **asked) == errorcode


def test_chosen_fields_come_with_id_and_full_name(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5})
    site.add_group(courseid=PLAIN, name="A & B", members={5})
    (shown,) = listed(moodle, userfields="username,roles,groups")
    assert list(shown) == ["id", "username", "fullname", "groups", "roles"]
    assert [group["name"] for group in shown["groups"]] == ["A &amp; B"]
    (shown,) = listed(moodle, userfields="id")
    assert list(shown) == ["id", "fullname"]
    (shown,) = listed(moodle)
    assert [course["id"] for course in shown["enrolledcourses"]] == [PLAIN]
    assert shown.keys().isdisjoint({"auth", "confirmed", "suspended", "timezone", "status"})
    assert "displayvalue" not in shown["customfields"][0]


@pytest.mark.parametrize(
    ("right", "options", "errorcode"),
    [
        ("moodle/course:view", {}, "errorcoursecontextnotvalid"),
        ("moodle/course:viewparticipants", {}, "nopermissions"),
        ("moodle/course:enrolreview", {"onlyactive": 1}, "nopermissions"),
        ("moodle/role:review", {"withcapability": "moodle/course:update"}, "nopermissions"),
        ("moodle/site:accessallgroups", {"groupid": 1}, "nopermissions"),
    ],
)
def test_rights_to_see_participants(
    moodle: Client, site: Site, right: str, options: Any, errorcode: str
) -> None:
    asked = [{"name": name, "value": value} for name, value in options.items()]
    assert moodle("core_enrol_get_enrolled_users", courseid=PLAIN, options=asked) == []
    site.gateway.capabilities.discard(right)
    refused = moodle.error("core_enrol_get_enrolled_users", courseid=PLAIN, options=asked)
    assert refused == errorcode


def test_a_participant_may_enter_without_the_right_to_view_courses(
    moodle: Client, site: Site
) -> None:
    site.gateway.capabilities.discard("moodle/course:view")
    site.enrol(PLAIN, site.service_account.id)
    assert ids(moodle) == [3]
    site.courses[PLAIN].visible = 0
    assert ids(moodle) == [3]
    site.enrol(PLAIN, site.service_account.id, suspended=True)
    refused = moodle.error("core_enrol_get_enrolled_users", courseid=PLAIN)
    assert refused == "errorcoursecontextnotvalid"


def test_the_courses_of_an_account(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 5, "courseid": OTHER}, {"userid": 6, "suspend": 1})
    assert courses_of(moodle, 5) == [OTHER, PLAIN]
    assert courses_of(moodle, 6) == courses_of(moodle, 999) == []
    counted = moodle("core_enrol_get_users_courses", userid=5)
    assert [course["enrolledusercount"] for course in counted] == [1, 2]
    site.courses[OTHER].visible = 0
    assert courses_of(moodle, 5) == [PLAIN]
    site.give_role(4, 5, OTHER)
    assert courses_of(moodle, 5) == [PLAIN, OTHER]
    site.gateway.capabilities.discard("moodle/course:viewparticipants")
    assert courses_of(moodle, 5) == []


def test_profiles_in_a_course(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 6}, {"userid": 5, "roleid": 4})
    site.give_role(1, 5)
    site.users[7].deleted = True
    rows = [{"userid": user, "courseid": PLAIN} for user in (6, 5, 7, 999)]
    profiles = moodle("core_user_get_course_user_profiles", userlist=rows)
    assert [(user["id"], [r["roleid"] for r in user["roles"]]) for user in profiles] == [
        (5, [4]),
        (6, [5]),
    ]
    (profile,) = moodle(
        "core_user_get_course_user_profiles", userlist=[{"userid": 5, "courseid": 1}]
    )
    assert profile["roles"] == []
    unknown = [{"userid": 5, "courseid": 999}]
    assert moodle.error("core_user_get_course_user_profiles", userlist=unknown) == "invalidrecord"


def test_enrolment_methods_are_none_that_one_could_use_oneself(moodle: Client) -> None:
    assert moodle("core_enrol_get_course_enrolment_methods", courseid=PLAIN) == []
    refused = moodle.error("core_enrol_get_course_enrolment_methods", courseid=99)
    assert refused == "invalidrecord"


# Roles


def test_a_course_role_is_changed_without_touching_the_enrolment(
    moodle: Client, site: Site
) -> None:
    enrol(moodle, {"userid": 5, "suspend": 1, "timeend": 4_000_000_000})
    kept = site.courses[PLAIN].enrolments[5]
    enrol(moodle, {"userid": 5, "roleid": 4, "suspend": 1, "timeend": 4_000_000_000})
    assert unassign(moodle, role(5, 5)) is None
    assert roles(moodle, 5) == ["teacher"]
    assert site.courses[PLAIN].enrolments[5] == kept
    assert unassign(moodle, role(5, 4)) is None
    assert (ids(moodle), roles(moodle, 5)) == ([5], [])


def test_site_roles_show_in_no_reply(moodle: Client, site: Site) -> None:
    by_level = {"contextlevel": "system", "instanceid": 0}
    assert assign(moodle, role(5, 1, contextid=1), role(5, 2, **by_level)) is None
    assert assign(moodle, role(5, 1, contextid=1)) is None
    assert site.roles_of(5) == {1, 2}
    enrol(moodle, {"userid": 5})
    assert roles(moodle, 5) == ["student"]
    assert unassign(moodle, role(5, 1, contextid=1), role(6, 1, contextid=1)) is None
    assert site.roles_of(5) == {2}


def test_a_role_in_a_course_needs_no_enrolment(moodle: Client, site: Site) -> None:
    assert assign(moodle, role(5, 4)) is None
    assert (site.roles_of(5, PLAIN), ids(moodle)) == ({4}, [])


@pytest.mark.parametrize(
    ("bad", "errorcode"),
    [
        (role(5, 999, contextid=1), "invalidparameter"),
        (role(5, 5, contextid=1), "invalidparameter"),
        (role(5, 2), "invalidparameter"),
        (role(999, 4), "codingerror"),
        (role(19, 4), "codingerror"),
        (role(5, 4, contextid=999), "invalidparameter"),
        (role(5, 4, contextlevel="course", instanceid=999), "invalidparameter"),
        (role(5, 4, contextlevel="nosuch", instanceid=1), "invalidparameter"),
        (role(5, 4, contextlevel="course"), "invalidparameter"),
        ({"roleid": 4, "userid": 5}, "invalidparameter"),
    ],
)
def test_assignment_is_one_transaction(
    moodle: Client, site: Site, bad: dict[str, Any], errorcode: str
) -> None:
    site.users[19].deleted = True
    assert assign(moodle, role(6, 4), bad)["errorcode"] == errorcode
    assert site.roles_of(6, PLAIN) == frozenset()


def test_assignment_needs_its_right_and_access_to_the_course(moodle: Client, site: Site) -> None:
    site.gateway.capabilities.discard("moodle/course:view")
    assert assign(moodle, role(5, 4))["errorcode"] == "requireloginerror"
    site.gateway.capabilities.discard("moodle/role:assign")
    assert assign(moodle, role(5, 1, contextid=1))["errorcode"] == "nopermissions"
    assert unassign(moodle, role(5, 1, contextid=1))["errorcode"] == "nopermissions"


# Groups


def new_group(name: str, **values: Any) -> dict[str, Any]:
    return {"courseid": PLAIN, "name": name, "description": "", **values}


def create_groups(moodle: Client, *groups: dict[str, Any]) -> Any:
    return moodle("core_group_create_groups", groups=list(groups))


def group_names(moodle: Client, course: int = PLAIN) -> list[str]:
    return [group["name"] for group in moodle("core_group_get_course_groups", courseid=course)]


def members(moodle: Client, group: int) -> set[int]:
    (listed,) = moodle("core_group_get_group_members", groupids=[group])
    return set(listed["userids"])


def member(group: int, user: int) -> dict[str, int]:
    return {"groupid": group, "userid": user}


def test_groups_are_made_read_and_deleted(moodle: Client) -> None:
    made = create_groups(moodle, new_group("B", enrolmentkey="k"), new_group("A", idnumber="a"))
    assert [(group["id"], group["enrolmentkey"]) for group in made] == [(1, "k"), (2, "")]
    assert group_names(moodle) == ["A", "B"]
    read = moodle("core_group_get_groups", groupids=[2, 1])
    assert [(group["id"], group["enrolmentkey"]) for group in read] == [(2, None), (1, None)]
    assert moodle("core_group_delete_groups", groupids=[1, 999]) is None
    assert group_names(moodle) == ["A"]
    assert moodle.error("core_group_get_groups", groupids=[2, 1]) == "invalidrecord"


@pytest.mark.parametrize(
    ("values", "errorcode"),
    [
        ({"name": "TAKEN"}, "invalidparameter"),
        ({"name": " "}, "invalidparameter"),
        ({"idnumber": "t-1"}, "idnumbertaken"),
        ({"courseid": 999}, "errorcoursecontextnotvalid"),
        ({"name": "x" * 255}, "dmlwriteexception"),
        ({"visibility": 9}, "invalidparameter"),
    ],
)
def test_group_creation_is_one_transaction(
    moodle: Client, values: dict[str, Any], errorcode: str
) -> None:
    create_groups(moodle, new_group("Taken", idnumber="T-1"))
    refused = create_groups(moodle, new_group("first"), {**new_group("second"), **values})
    assert refused["errorcode"] == errorcode
    assert group_names(moodle) == ["Taken"]


def test_names_and_idnumbers_of_groups_are_taken_only_in_their_course(moodle: Client) -> None:
    create_groups(moodle, new_group("G", idnumber="g"), new_group("none"), new_group("empty"))
    assert len(create_groups(moodle, new_group("G", idnumber="g", courseid=OTHER))) == 1


def test_groups_are_updated_in_one_transaction(moodle: Client, site: Site) -> None:
    create_groups(moodle, new_group("A", description="d", idnumber="a"), new_group("B"))
    update = "core_group_update_groups"
    assert moodle(update, groups=[{"id": 1, "name": "A2"}]) is None
    group = site.groups[1]
    assert (group.name, group.description, group.idnumber) == ("A2", "d", "a")
    for bad, errorcode in (
        ({"id": 999, "name": "x"}, "invalidparameter"),
        ({"id": 2}, "invalidparameter"),
        ({"id": 2, "name": ""}, "invalidparameter"),
        ({"id": 2, "name": "changed"}, "invalidparameter"),
        ({"id": 2, "name": "B", "idnumber": "A"}, "idnumbertaken"),
    ):
        assert moodle.error(update, groups=[{"id": 1, "name": "changed"}, bad]) == errorcode
        assert group.name == "A2"
    assert moodle(update, groups=[{"id": 1, "name": "A2", "idnumber": ""}]) is None
    assert group.idnumber == ""


def test_the_visibility_of_a_group_is_fixed_while_it_has_members(
    moodle: Client, site: Site
) -> None:
    create_groups(moodle, new_group("A", visibility=3), new_group("B"))
    assert (site.groups[1].visibility, site.groups[1].participation) == (3, False)
    update = "core_group_update_groups"
    assert moodle(update, groups=[{"id": 2, "name": "B", "visibility": 1}]) is None
    assert site.groups[2].visibility == 1
    site.groups[2].members.add(5)
    refused = moodle.error(update, groups=[{"id": 2, "name": "B", "visibility": 0}])
    assert refused == "invalidparameter"
    assert moodle(update, groups=[{"id": 2, "name": "B2", "visibility": 1}]) is None


def test_group_members_must_take_part_in_the_course(moodle: Client, site: Site) -> None:
    create_groups(moodle, new_group("A"))
    enrol(moodle, {"userid": 5}, {"userid": 6, "suspend": 1})
    add = "core_group_add_group_members"
    assert moodle(add, members=[member(1, 5), member(1, 5), member(1, 6)]) is None
    assert moodle(add, members=[member(1, 5)]) is None
    assert members(moodle, 1) == {5, 6}
    site.enrol(PLAIN, 8)
    for bad, errorcode in (
        (member(1, 7), "invalidparameter"),
        (member(1, 999), "invaliduser"),
        (member(99, 5), "invalidrecord"),
    ):
        assert moodle.error(add, members=[member(1, 8), bad]) == errorcode
        assert members(moodle, 1) == {5, 6}


def test_members_leave_silently_and_in_one_transaction(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 6})
    site.add_group(courseid=PLAIN, name="g", members={5, 6})
    leave = "core_group_delete_group_members"
    assert moodle(leave, members=[member(1, 5), member(1, 7)]) is None
    assert moodle.error(leave, members=[member(1, 6), member(99, 6)]) == "invalidrecord"
    assert members(moodle, 1) == {6}
    assert moodle.error("core_group_get_group_members", groupids=[1, 99]) == "invalidrecord"


def test_the_groups_of_an_account(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 5, "courseid": OTHER})
    site.add_group(courseid=PLAIN, name="b", members={5})
    site.add_group(courseid=PLAIN, name="a", members={5, 6})
    site.add_group(courseid=OTHER, name="c", members={5})
    asked = "core_group_get_course_user_groups"
    found = moodle(asked, courseid=PLAIN, userid=5)
    assert [group["name"] for group in found["groups"]] == ["a", "b"]
    assert len(moodle(asked, userid=5)["groups"]) == 3
    assert moodle(asked, courseid=PLAIN, userid=9) == {"groups": [], "warnings": []}
    assert moodle.error(asked, courseid=999, userid=5) == "invalidrecord"
    assert moodle.error(asked, courseid=PLAIN, userid=999) == "invaliduser"


def test_group_functions_need_their_right(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5})
    create_groups(moodle, new_group("A"))
    site.gateway.capabilities.discard("moodle/course:managegroups")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_groups", {"groups": [new_group("B")]}),
        ("update_groups", {"groups": [{"id": 1, "name": "B"}]}),
        ("delete_groups", {"groupids": [1]}),
        ("get_groups", {"groupids": [1]}),
        ("get_course_groups", {"courseid": PLAIN}),
        ("get_group_members", {"groupids": [1]}),
        ("add_group_members", {"members": [member(1, 5)]}),
        ("delete_group_members", {"members": [member(1, 5)]}),
    ]
    for function, fields in calls:
        assert moodle.error(f"core_group_{function}", **fields) == "nopermissions"
    asked = {"courseid": PLAIN, "userid": 5}
    assert moodle.error("core_group_get_course_user_groups", **asked) == "accessdenied"


# Grades and completion


def items(moodle: Client, **fields: Any) -> dict[int, dict[str, Any]]:
    reply = moodle("gradereport_user_get_grade_items", courseid=PLAIN, **fields)
    return {
        graded["userid"]: next(i for i in graded["gradeitems"] if i["itemtype"] == "course")
        for graded in reply["usergrades"]
    }


def test_a_course_total(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 6}, {"userid": 7, "roleid": 3})
    assert items(moodle, userid=5)[5]["graderaw"] is None
    before = int(time.time())
    site.set_grade(PLAIN, 5, 17.5, 20)
    totals = items(moodle)
    assert totals.keys() == {5, 6}
    assert (totals[5]["graderaw"], totals[5]["grademax"], totals[6]["grademax"]) == (17.5, 20, 20)
    assert totals[5]["percentageformatted"] == "87.50 %"
    assert before <= totals[5]["gradedategraded"] <= time.time()
    assert (totals[6]["graderaw"], totals[6]["gradeformatted"]) == (None, "-")
    reply = moodle("gradereport_user_get_grade_items", courseid=PLAIN, userid=5)
    kinds = [item["itemtype"] for item in reply["usergrades"][0]["gradeitems"]]
    assert kinds == ["mod", "course"]


def test_grades_of_all_are_of_active_students_and_may_be_of_a_group(
    moodle: Client, site: Site
) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 6, "suspend": 1}, {"userid": 7})
    group = site.add_group(courseid=PLAIN, name="g", members={7})
    assert items(moodle).keys() == {5, 7}
    assert items(moodle, groupid=group.id).keys() == {7}
    assert items(moodle, userid=9).keys() == {9}
    asked = "gradereport_user_get_grade_items"
    assert moodle.error(asked, courseid=PLAIN, userid=999) == "invaliduser"
    assert moodle.error(asked, courseid=999) == "invalidrecord"
    site.gateway.capabilities.discard("moodle/grade:viewall")
    assert moodle.error(asked, courseid=PLAIN) == "nopermissions"
    assert moodle.error(asked, courseid=PLAIN, userid=5) == "nopermissiontoviewgrades"
    site.gateway.capabilities.discard("gradereport/user:view")
    assert moodle.error(asked, courseid=PLAIN, userid=5) == "nopermissions"


def test_the_totals_of_an_account(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 5, "courseid": OTHER})
    site.set_grade(PLAIN, 5, 80)
    reply = moodle("gradereport_overview_get_course_grades", userid=5)
    assert reply["grades"] == [
        {"courseid": OTHER, "grade": "-", "rawgrade": None},
        {"courseid": PLAIN, "grade": "80.00", "rawgrade": "80.00000"},
    ]
    unenrol(moodle, {"userid": 5})
    enrol(moodle, {"userid": 5})
    assert items(moodle)[5]["graderaw"] is None
    asked = "gradereport_overview_get_course_grades"
    site.gateway.capabilities.discard("moodle/grade:viewall")
    assert moodle.error(asked, userid=5) == "nopermissions"
    assert moodle(asked)["grades"] == []


def test_completion_of_a_course(moodle: Client, site: Site) -> None:
    enrol(moodle, {"userid": 5}, {"userid": 6}, {"userid": 7, "roleid": 3})
    asked = "core_completion_get_course_completion_status"
    assert moodle.error(asked, courseid=PLAIN, userid=5) == "nocriteriaset"
    site.set_completed(PLAIN, 5)
    status = moodle(asked, courseid=PLAIN, userid=5)["completionstatus"]
    assert (status["completed"], status["completions"][0]["complete"]) == (True, True)
    assert time.time() - status["completions"][0]["timecompleted"] < 60
    status = moodle(asked, courseid=PLAIN, userid=6)["completionstatus"]
    assert (status["completed"], status["completions"][0]["timecompleted"]) == (False, None)
    assert moodle.error(asked, courseid=PLAIN, userid=7) == "usernotenroled"
    assert moodle("core_enrol_get_users_courses", userid=5)[0]["completed"] is True
    site.set_completed(PLAIN, 5, completed=False)
    assert moodle(asked, courseid=PLAIN, userid=5)["completionstatus"]["completed"] is False
    site.gateway.capabilities.discard("report/completion:view")
    assert moodle.error(asked, courseid=PLAIN, userid=5) == "cannotviewreport"


def test_completion_of_activities_needs_a_right_that_the_gateway_lacks(moodle: Client) -> None:
    asked = {"courseid": PLAIN, "userid": 5}
    function = "core_completion_get_activities_completion_status"
    assert moodle.error(function, **asked) == "nopermissions"
    moodle.simulator.site.gateway.capabilities.add("report/progress:view")
    assert moodle(function, **asked) == {"statuses": [], "warnings": []}


# Control routes


def test_control_routes_show_and_prepare_courses(moodle: Client, site: Site) -> None:
    site.enrol(PLAIN, 5, 5, 4, suspended=True)
    site.add_group(courseid=PLAIN, name="g", members={5})
    site.give_role(1, 6)
    shown = moodle.http.get("/_simulator/courses").get_json()[1]
    roles = {"suspended": True, "timestart": 0, "timeend": 0, "roles": [4, 5]}
    assert (shown["id"], shown["enrolments"], shown["groups"]) == (PLAIN, {"5": roles}, {"1": [5]})
    assert moodle.http.get("/_simulator/roles").get_json() == {"6": [1]}
    grade = {"course_id": PLAIN, "user_id": 5, "raw": 3, "maximum": 4}
    assert moodle.http.post("/_simulator/grades", json=grade).status_code == 204
    done = {"course_id": PLAIN, "user_id": 5}
    assert moodle.http.post("/_simulator/completions", json=done).status_code == 204
    course = site.courses[PLAIN]
    assert (course.grades[5].raw, course.grademax, list(course.completions)) == (3, 4, [5])
    for bad in ({"course_id": 99, "user_id": 5}, {"nosuch": 1}):
        assert moodle.http.post("/_simulator/completions", json=bad).status_code == 400
