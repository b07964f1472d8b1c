"""OCSF: every event becomes an object that has what the published schema requires."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given

from gateway.streams.ocsf import VERSION, ocsf
from tests.gateway.streams.ledger import Event, event, events

# Out of the schema's version 1.6.0: base_event, iam, and the three classes of it that are used.
EVENT = {
    "activity_id": int,
    "category_uid": int,
    "class_uid": int,
    "metadata": dict,
    "severity_id": int,
    "time": int,
    "type_uid": int,
}
CLASSES: dict[int, tuple[str, dict[int, str]]] = {
    3001: (
        "user",
        {
            1: "Create",
            2: "Enable",
            3: "Password Change",
            4: "Password Reset",
            5: "Disable",
            6: "Delete",
            7: "Attach Policy",
            8: "Detach Policy",
            9: "Lock",
        },
    ),
    3002: ("user", {1: "Logon", 2: "Logoff"}),
    3004: (
        "entity",
        {
            1: "Create",
            2: "Read",
            3: "Update",
            4: "Delete",
            5: "Move",
            6: "Enroll",
            7: "Unenroll",
            8: "Enable",
            9: "Disable",
        },
    ),
}
SEVERITIES = {0: "Unknown", 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}
STATUSES = {0: "Unknown", 1: "Success", 2: "Failure", 99: "Planned"}
"""99 is other: then the word is the source's own."""
ONE_OF = {
    "user": {"account", "name", "uid"},
    "entity": {"name", "uid", "device", "group", "org", "policy", "user"},
    "group": {"name", "uid"},
    "service": {"name", "uid"},
    "src_endpoint": {"ip", "uid", "name", "hostname"},
}


def check(said: dict[str, Any]) -> None:
    """Assert what the schema demands of an event and of the objects in it."""
    for name, kind in EVENT.items():
        assert type(said[name]) is kind, name
    subject, activities = CLASSES[said["class_uid"]]
    assert said["category_uid"] == 3
    assert said["type_uid"] == said["class_uid"] * 100 + said["activity_id"]
    if said["activity_id"] == 99:
        assert said["activity_name"]
    else:
        assert activities[said["activity_id"]] == said["activity_name"]
    assert SEVERITIES[said["severity_id"]] == said["severity"]
    assert STATUSES[said["status_id"]] == said["status"]
    assert said["time"] > 10**12
    assert said["metadata"]["version"] == VERSION
    assert said["metadata"]["product"]["name"]
    check_objects({subject: said[subject], **said})
    if said["class_uid"] == 3002:
        assert said.get("service") or said.get("dst_endpoint")
    if "actor" in said:
        check_objects(said["actor"])


def check_objects(said: dict[str, Any]) -> None:
    for name, names in ONE_OF.items():
        if name in said:
            assert said[name].keys() & names, name
    if "entity" in said:
        check_objects(said["entity"])


@given(events())
def test_every_event_is_valid(drawn: Event) -> None:
    said = ocsf(drawn)
    check(said)
    assert None not in said.values()
    assert orjson.loads(orjson.dumps(said)) == said


@pytest.mark.parametrize(
    ("operation", "kind", "type_uid", "activity"),
    [
        ("create", "User", 300101, "Create"),
        ("enable", "User", 300102, "Enable"),
        ("revive", "User", 300102, "Enable"),
        ("resetPassword", "User", 300104, "Password Reset"),
        ("disable", "User", 300105, "Disable"),
        ("delete", "User", 300106, "Delete"),
        ("patch", "User", 300199, "Update"),
        ("authenticate", "Token", 300201, "Logon"),
        ("create", "Group", 300401, "Create"),
        ("replace", "Course", 300403, "Update"),
        ("delete", "Membership", 300404, "Delete"),
        ("connect", "Target", 300499, "connect"),
        ("read", "User", 300402, "Read"),
        ("createToken", "Token", 300401, "Create"),
        ("revokeToken", "Token", 300404, "Delete"),
    ],
)
def test_operations(operation: str, kind: str, type_uid: int, activity: str) -> None:
    said = ocsf(event(1, operation, resourceType=kind))
    assert (said["type_uid"], said["activity_name"]) == (type_uid, activity)


@pytest.mark.parametrize(("new", "type_uid"), [("true", 300102), ("false", 300105)])
def test_a_patch_of_active_enables_or_disables(new: str, type_uid: int) -> None:
    said = ocsf(event(1, "patch", changes=[{"path": "active", "new": new}]))
    assert said["type_uid"] == type_uid


def test_who_where_and_when() -> None:
    said = ocsf(event(1, detail="Went well.", changes=[{"path": "title", "old": "a"}]))
    assert said["user"] == {"name": "ann", "uid": "7", "type_id": 1, "type": "User"}
    assert said["actor"] == {"user": {"name": "hr"}}
    assert said["src_endpoint"] == {"ip": "192.0.2.7"}
    assert said["http_request"] == {"uid": "request-1", "user_agent": "idp/1"}
    assert said["time"] == 1795262401000
    assert said["status_code"] == "200"
    assert said["status_detail"] == "Went well."
    assert said["unmapped"]["changes"] == [{"path": "title", "old": "a"}]
    assert said["unmapped"]["target"] == "moodle"
    assert said["metadata"]["correlation_uid"] == "request-1"


def test_an_amended_event_has_the_same_uid() -> None:
    first, last = (ocsf(event(4, outcome=outcome)) for outcome in ("unknown", "failed"))
    assert first["metadata"]["uid"] == last["metadata"]["uid"] == "4"
    assert (first["status"], last["status"]) == ("Unknown", "Failure")
