"""The copying of a course into a new one, or into one that exists."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connectors.blackboard.simulator.calls import Answer, Call
from connectors.blackboard.simulator.courses import refuse_taken_course_id
from connectors.blackboard.simulator.entitlements import WRITE_COURSES
from connectors.blackboard.simulator.errors import bad_request
from connectors.blackboard.simulator.ids import find_course
from connectors.blackboard.simulator.shapes import Property, read_body, text
from connectors.blackboard.simulator.tasks import queue_copy

_OLD_TARGET = {"courseId": Property(longest=100, required=True)}
_TARGET = {"courseId": text(100), "id": text()}


def copy_course(call: Call, wanted: str) -> Answer:
    """Answer `POST courses/{id}/copy`."""
    call.require(WRITE_COURSES)
    site = call.site
    source = find_course(call, wanted)
    target = _read_target(call)
    if target.get("id"):
        existing = find_course(call, target["id"])
        return Answer(202, {}, queue_copy(site, source, existing.id, None))
    if not target.get("courseId"):
        raise bad_request("Required field missing: targetCourse.courseId")
    refuse_taken_course_id(site, target["courseId"])
    if any((task.new_course or {}).get("courseId") == target["courseId"] for task in site.pending):
        raise bad_request(f"Invalid value for targetCourse.courseId: {target['courseId']}")
    body = deepcopy(source.body)
    del body["id"], body["uuid"]
    body |= {"courseId": target["courseId"], "externalId": target["courseId"]}
    return Answer(202, {}, queue_copy(site, source, site.courses.take_id(), body))


def _read_target(call: Call) -> dict[str, Any]:
    body = call.read()
    if call.release == 1:
        return read_body(_OLD_TARGET, body, call.site.settings, creating=True)
    target = body.get("targetCourse")
    if not isinstance(target, dict):
        raise bad_request("Required field missing: targetCourse")
    return read_body(_TARGET, target, call.site.settings, creating=True, path="targetCourse.")
