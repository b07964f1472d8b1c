"""Auditors, who see how their auditees do."""

from __future__ import annotations

from connectors.brightspace.simulator.calls import DONE, Answer, Call
from connectors.brightspace.simulator.errors import not_authorized, not_found, refused
from connectors.brightspace.simulator.records import User
from connectors.brightspace.simulator.site import ORG_ID


def get_auditor(call: Call, user_id: int) -> Answer:
    """Answer an auditor."""
    user = _auditor(call, user_id)
    return Answer({"AuditorId": user.id, "DisplayName": user.display_name})


def list_auditees(call: Call, user_id: int) -> Answer:
    """Answer whom an auditor sees."""
    people = [call.site.users[found] for found in sorted(_auditor(call, user_id).auditees)]
    return Answer([_show_auditee(user) for user in people])


def add_auditee(call: Call, user_id: int) -> Answer:
    """Let an auditor see a person."""
    _require(call)
    auditor, auditee = call.user(user_id), call.user(call.read_id())
    if not _may_audit(call, auditor):
        raise not_authorized(ORG_ID, "Auditors.AuditUsers")
    if auditor is auditee:
        raise refused("A user cannot audit themselves.")
    if auditee.id not in auditor.auditees:
        auditor.auditees.append(auditee.id)
    return DONE


def remove_auditee(call: Call, user_id: int) -> Answer:
    """End what an auditor sees of the person in the body."""
    auditor, auditee = _auditor(call, user_id), call.user(call.read_id())
    if auditee.id not in auditor.auditees:
        raise not_found()
    auditor.auditees.remove(auditee.id)
    return DONE


def get_auditee(call: Call, user_id: int) -> Answer:
    """Answer a person whom an auditor sees."""
    _require(call)
    user = call.user(user_id)
    if not any(user.id in other.auditees for other in call.site.users.values()):
        raise not_found()
    return Answer(_show_auditee(user))


def _show_auditee(user: User) -> dict[str, object]:
    return {"AuditeeId": user.id, "DisplayName": user.display_name}


def _auditor(call: Call, user_id: int) -> User:
    _require(call)
    user = call.user(user_id)
    if not _may_audit(call, user):
        raise not_found()
    return user


def _may_audit(call: Call, user: User) -> bool:
    return call.site.role_of(user.id) in set(call.site.settings.auditor_roles)


def _require(call: Call) -> None:
    if not call.site.settings.auditing:
        raise not_found()
