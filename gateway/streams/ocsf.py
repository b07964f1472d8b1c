"""Audit events in the Open Cybersecurity Schema Framework, version 1.6.0 (schema.ocsf.io)."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Any

from gateway import __version__
from gateway.streams.security_events import activation

Event = dict[str, Any]

VERSION = "1.6.0"

_PRODUCT = "Matricula"
_CLASSES = {3001: "Account Change", 3002: "Authentication", 3004: "Entity Management"}
_OTHER = 99
_ACCOUNT = {
    "create": (1, "Create"),
    "revive": (2, "Enable"),
    "enable": (2, "Enable"),
    "resetPassword": (4, "Password Reset"),
    "disable": (5, "Disable"),
    "delete": (6, "Delete"),
    "replace": (_OTHER, "Update"),
    "patch": (_OTHER, "Update"),
}
_ENTITY = {
    "create": (1, "Create"),
    "createToken": (1, "Create"),
    "revive": (1, "Create"),
    "read": (2, "Read"),
    "replace": (3, "Update"),
    "patch": (3, "Update"),
    "delete": (4, "Delete"),
    "revokeToken": (4, "Delete"),
    "enable": (8, "Enable"),
    "disable": (9, "Disable"),
}
_SUCCESS, _FAILURE, _UNKNOWN = (1, "Success"), (2, "Failure"), (0, "Unknown")
_STATUS = {
    "success": _SUCCESS,
    "noChange": _SUCCESS,
    "refused": _FAILURE,
    "failed": _FAILURE,
    "unknown": _UNKNOWN,
    "open": _UNKNOWN,
    "planned": (99, "Planned"),
}
_SEVERITY = {"refused": (2, "Low"), "failed": (3, "Medium"), "unknown": (3, "Medium")}
_UNMAPPED = (
    *("target", "operation", "outcome", "resourceType", "subject", "changes", "ignored"),
    *("upstreamCalls", "duration", "configuration"),
)
"""What OCSF has no attribute for; `duration` would be that of many events counted as one."""

_NOBODY = "unknown"
"""Stands for who is not known where the schema demands somebody."""


def ocsf(event: Event) -> dict[str, Any]:
    """Return an audit event as an OCSF object; times are milliseconds since 1970.

    What is done to users is an account change (class 3001), tokens are tried by authentications
    (3002), all else is done to entities (3004), and so is every read. An event that comes again
    with its final outcome has the same `metadata.uid`.
    """
    uid, what = _class(event)
    activity, activity_name = _activity(uid, event)
    status, status_name = _STATUS[event["outcome"]]
    severity, severity_name = _SEVERITY.get(event["outcome"], (1, "Informational"))
    said = {
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "class_uid": uid,
        "class_name": _CLASSES[uid],
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": uid * 100 + activity,
        "type_name": f"{_CLASSES[uid]}: {activity_name}",
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_code": str(event["status"]) if "status" in event else None,
        "status_detail": event.get("detail"),
        "time": _milliseconds(event["time"]),
        "message": _message(event),
        "metadata": _metadata(event),
        "actor": {"user": {"name": event["actor"]}} if "actor" in event else None,
        "src_endpoint": _endpoint(event.get("clientAddress")),
        "http_request": _filled(uid=event.get("requestId"), user_agent=event.get("client")),
        "unmapped": _filled(**{name: event.get(name) for name in _UNMAPPED}),
        **what,
    }
    return {name: value for name, value in said.items() if value is not None}


def _class(event: Event) -> tuple[int, dict[str, Any]]:
    """Return the class and what it demands: the user, or the entity, that the event is about."""
    name, uid, kind = event.get("login"), event.get("resourceId"), event.get("resourceType")
    if event["operation"] == "authenticate":
        user = {"name": event.get("actor", _NOBODY)}
        return 3002, {"user": user, "service": {"name": event.get("target", _PRODUCT)}}
    known = _filled(name=name, uid=uid) or {"name": _NOBODY}
    if kind == "User" and event["operation"] != "read":
        return 3001, {"user": {**known, "type_id": 1, "type": "User"}}
    if kind == "Group":
        return 3004, {"entity": {**known, "type_id": 3, "type": "Group", "group": known}}
    return 3004, {"entity": {**known, "type_id": _OTHER, "type": kind or _PRODUCT}}


def _activity(uid: int, event: Event) -> tuple[int, str]:
    operation: str = event["operation"]
    if uid == 3002:
        return 1, "Logon"
    if uid == 3004:
        return _ENTITY.get(operation, (_OTHER, operation))
    known = _ACCOUNT.get(operation, (_OTHER, operation))
    is_active = activation(event) if known[0] == _OTHER else None
    if is_active is None:
        return known
    return _ACCOUNT["enable" if is_active else "disable"]


def _metadata(event: Event) -> dict[str, Any]:
    finished = event.get("finished")
    return _filled(
        version=VERSION,
        product={"name": _PRODUCT, "vendor_name": _PRODUCT, "version": __version__},
        log_name="audit",
        uid=event["id"],
        sequence=event.get("sequence"),
        correlation_uid=event.get("requestId"),
        original_time=event["time"],
        logged_time=None if finished is None else _milliseconds(finished),
    )


def _message(event: Event) -> str:
    about = event.get("login") or event.get("resourceId")
    words = (event.get("target"), event["operation"], event.get("resourceType"), about)
    return f"{' '.join(word for word in words if word)}: {event['outcome']}"


def _endpoint(address: str | None) -> dict[str, str] | None:
    if address is None:
        return None
    try:
        return {"ip": str(ip_address(address))}
    except ValueError:
        return {"name": address}


def _filled(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
