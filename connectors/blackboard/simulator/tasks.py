"""Queued work: the deletion and the copying of courses, and the resources that tell how it goes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connectors.blackboard.simulator.calls import PREFIX, Answer, Call
from connectors.blackboard.simulator.errors import RestError, bad_request, not_found
from connectors.blackboard.simulator.ids import find_course, is_primary
from connectors.blackboard.simulator.records import Course, Task
from connectors.blackboard.simulator.site import Site, stable_hex
from connectors.simulation.clock import write_date

DELETION = "course-delete"
COPY = "course-copy"
FIRST_TASK = 127


def queue_deletion(site: Site, course: Course) -> str:
    """Queue the deletion of a course, once, and return the address of its task."""
    for task in site.pending:
        if task.type == DELETION and task.course_id == course.id:
            return _address(site, task)
    return _address(site, _queue(site, DELETION, course.id))


def queue_copy(
    site: Site, source: Course, target_id: str, new_course: dict[str, Any] | None
) -> str:
    """Queue a copy into a course, which comes to be with it if it is new."""
    return _address(site, _queue(site, COPY, target_id, source.id, new_course))


def run_due(site: Site) -> None:
    """Finish the work whose time has come."""
    now = site.clock.now()
    for task in [task for task in site.pending if task.due <= now]:
        site.pending.remove(task)
        _finish(site, task)


def get_course_task(call: Call, wanted: str, task_wanted: str) -> Answer:
    """Answer `GET courses/{id}/tasks/{taskId}`: 303 to the course once the work is done."""
    task = _find(call, task_wanted)
    if task.course_id != wanted and find_course(call, wanted).id != task.course_id:
        raise not_found(task_wanted)
    body = _show(call.site, task)
    if not task.done:
        return Answer(200, body)
    return Answer(303, body, f"{PREFIX}/v1/courses/{task.course_id}")


def get_system_task(call: Call, task_wanted: str) -> Answer:
    """Answer `GET system/tasks/{taskId}`."""
    task = _find(call, task_wanted)
    body = {**_show(call.site, task), "type": task.type}
    if task.done:
        body["ended"] = write_date(task.due)
        if task.type == COPY:
            body["results"] = {"id": task.course_id}
    return Answer(200, body)


def _queue(
    site: Site,
    kind: str,
    course_id: str,
    source_id: str | None = None,
    new_course: dict[str, Any] | None = None,
) -> Task:
    now = site.clock.now()
    due = now + site.settings.task_seconds
    taken = f"_{FIRST_TASK + len(site.tasks)}_1"
    task = Task(
        taken, kind, course_id, now, due, source_id=source_id, new_course=deepcopy(new_course)
    )
    site.tasks[taken] = task
    site.pending.append(task)
    return task


def _finish(site: Site, task: Task) -> None:
    task.done = True
    course = site.courses.get(task.course_id)
    if task.type == DELETION:
        if course is not None:
            site.remove_course(course)
    elif task.new_course is not None:
        stamp = site.clock.stamp()
        identity = {"id": task.course_id, "uuid": stable_hex("course", task.course_id)}
        body = {**identity, **task.new_course, "created": stamp, "modified": stamp}
        site.courses.add(Course(task.course_id, body))
    elif course is not None:
        course.body["modified"] = site.clock.stamp()


def _address(site: Site, task: Task) -> str:
    if task.type == DELETION and site.settings.delete_task == "system":
        return f"{PREFIX}/v1/system/tasks/{task.id}"
    return f"{PREFIX}/v1/courses/{task.course_id}/tasks/{task.id}"


def _find(call: Call, wanted: str) -> Task:
    if not is_primary(wanted):
        raise bad_request(f"Invalid ID: {wanted}")
    task = call.site.tasks.get(wanted)
    if task is None:
        raise RestError(404, f"Could not find object with ID: {wanted}")
    return task


def _show(site: Site, task: Task) -> dict[str, Any]:
    if task.done:
        state, share = "Complete", 100
    else:
        passed = site.clock.now() - task.queued
        share = int(100 * passed / (task.due - task.queued))
        state = "Running" if share else "Queued"
    body: dict[str, Any] = {"id": task.id, "status": state, "percentComplete": share}
    if state != "Queued":
        body["started"] = write_date(task.queued)
    return body
