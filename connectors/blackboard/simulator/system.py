"""What the site tells of itself."""

from __future__ import annotations

from connectors.blackboard.simulator.calls import Answer, Call
from connectors.blackboard.simulator.site import stable_hex


def get_version(call: Call) -> Answer:
    """Answer `GET system/version`."""
    settings = call.site.settings
    major, minor, patch = settings.version
    learn = {"major": major, "minor": minor, "patch": patch, "build": settings.build}
    return Answer(200, {"learn": learn})


def get_info(call: Call) -> Answer:
    """Answer `GET system/info`."""
    return Answer(200, {"siteId": stable_hex("site", call.site.settings.site_url)})
