"""The resource types Job and JobRun: work that the configuration names, and each time of it."""

from __future__ import annotations

from schemas.attributes import LMS, Attribute, ResourceType, Schema, Type

KINDS = ("sync", "export")
STATES = ("waiting", "running", "planned", "done", "stopped", "failed")
"""How far a run is: `planned` until somebody applies its plan, `stopped` by a guard."""


def _exact(name: str, description: str) -> Attribute:
    return Attribute(name, description=description, case_exact=True, mutability="readOnly")


def _word(name: str, description: str, *canonical: str) -> Attribute:
    return Attribute(
        name, description=description, canonical_values=canonical, mutability="readOnly"
    )


def _of_type(type: Type, name: str, description: str) -> Attribute:
    return Attribute(name, type, description=description, mutability="readOnly")


_STATE = _word("state", "How far it is.", *STATES)

_JOB = Schema(
    LMS + "Job",
    "Job",
    "Work that the configuration names: a sync or an export, by a schedule or when asked for.",
    (
        _word("kind", "What is done.", *KINDS),
        _exact("target", "The target whose LMS it concerns."),
        _exact("resourceType", "The type of the resources."),
        _exact("schedule", "When it is done by itself, as cron writes it."),
        _exact("zone", "Whose clock the schedule goes by."),
        _of_type("boolean", "apply", "Whether a sync's plan is applied without being asked for."),
        _of_type("boolean", "paused", "Whether nothing of it is done until it is resumed."),
        _of_type("dateTime", "next", "When it is done next by its schedule."),
        Attribute(
            "lastRun",
            "complex",
            description="The newest run.",
            mutability="readOnly",
            sub_attributes=(
                _exact("value", "The id of the run."),
                _STATE,
                _of_type("dateTime", "requested", "When it was asked for."),
            ),
        ),
    ),
)
_JOB_RUN = Schema(
    LMS + "JobRun",
    "JobRun",
    "One time that a job is done.",
    (
        _exact("job", "The name of the job."),
        _exact("target", "The target whose LMS it concerns."),
        _exact("actor", "Who asked for it; `schedule` is the job's own."),
        _STATE,
        _word("phase", "What it is about to do, or has done last.", "plan", "apply", "export"),
        _of_type("dateTime", "requested", "When it was asked for."),
        _of_type("dateTime", "due", "When it is done, or tried again, at the earliest."),
        _of_type("dateTime", "started", "When it was begun, or gone on with, last."),
        _of_type("dateTime", "ended", "When it ended."),
        _of_type("integer", "failures", "How often it has failed."),
        _word("detail", "A sentence on what has become of it."),
        _exact("events", "What the request ids of its audit events begin with."),
        Attribute(
            "totals",
            "complex",
            multi_valued=True,
            description="How many records or writes, by kind.",
            mutability="readOnly",
            sub_attributes=(
                _word("type", "What is counted."),
                _of_type("integer", "value", "How many."),
            ),
        ),
    ),
)

JOB = ResourceType("Job", "Jobs", "Work that the configuration names.", _JOB)
JOB_RUN = ResourceType("JobRun", "JobRuns", "Each time that a job is done.", _JOB_RUN)
