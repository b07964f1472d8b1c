"""The versions in which each product speaks; older and unknown ones are not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.brightspace.simulator.calls import Answer, Call
from connectors.brightspace.simulator.errors import not_found, not_offered
from connectors.brightspace.simulator.shapes import TEXT, check
from connectors.brightspace.simulator.site import Site


def concerns_versions(segments: Sequence[str]) -> bool:
    """Tell whether a path, in small letters, asks for versions rather than in one."""
    return segments[0] == "versions" or segments[1:2] == ["versions"]


def answer_versions(call: Call, method: str, segments: Sequence[str]) -> Answer:
    """Answer the routes about versions, which need no token."""
    match segments:
        case ["versions", ""]:
            found = [_show(call.site, code) for code in call.site.settings.versions]
            return _only("GET", method, Answer(found))
        case ["versions", "check"]:
            if method != "POST":
                raise not_offered()
            return _check(call)
        case [code, "versions", ""] if code in call.site.settings.versions:
            return _only("GET", method, Answer(_show(call.site, code)))
        case [code, "versions", version] if code in call.site.settings.versions and version:
            return _only("GET", method, Answer(_tell(call.site, code, version)))
    raise not_found()


def _only(allowed: str, method: str, answer: Answer) -> Answer:
    if method != allowed:
        raise not_offered()
    return answer


def _check(call: Call) -> Answer:
    block = {"ProductCode": TEXT, "Version": TEXT}
    asked = [check(row, block) for row in call.read_list()]
    told = [_tell(call.site, row["ProductCode"], row["Version"]) for row in asked]
    return Answer({"Supported": all(row["Supported"] for row in told), "Versions": told})


def _tell(site: Site, code: str, version: str) -> dict[str, Any]:
    listed = list(site.settings.versions.get(code, ()))
    latest = max(listed, key=as_numbers) if listed else ""
    supported = version in listed
    told = {"ProductCode": code, "Version": version}
    return {**told, "Supported": supported, "LatestVersion": latest}


def _show(site: Site, code: str) -> dict[str, Any]:
    listed = list(site.settings.versions[code])
    latest = max(listed, key=as_numbers)
    return {"ProductCode": code, "LatestVersion": latest, "SupportedVersions": listed}


def as_numbers(version: str) -> tuple[int, ...]:
    """Return the parts of a version, so that 1.9 is before 1.49."""
    return tuple(int(part) for part in version.split("."))
