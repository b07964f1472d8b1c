"""The credentials of targets: used in every call, they appear nowhere else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gateway import exports
from tests.gateway.service import LMSS, Scim, Service, make_service

FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": "status", "status": status} for status in (400, 401, 403, 404, 429, 500, 503)),
    *({"kind": kind} for kind in ("drop_before", "drop_after", "truncated", "html")),
)


@pytest.fixture(params=LMSS)
def scim(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Scim]:
    service = make_service(tmp_path, [request.param])
    yield Scim(service, request.param)
    service.close()


def credentials(service: Service, lms: str) -> list[str]:
    """Return what lets the gateway into the LMS: configured, and given since."""
    site = service.simulators[lms].site
    given = [getattr(site, name, "") for name in ("token", "client_secret", "refresh_token")]
    if lms == "brightspace":
        given += site.tokens.every()
    if lms == "canvas":
        given += list(site.tokens)
    target = service.app.extensions["matricula"]["targets"][lms].settings.options
    given += [target.token, *(str(target.more.get(n, "")) for n in ("client_secret",
                                                                    "refresh_token"))]  # fmt: skip
    return [secret for secret in dict.fromkeys(given) if len(secret) > 7]


def test_they_appear_nowhere(scim: Scim, heard: io.StringIO, monkeypatch: Any) -> None:
    monkeypatch.setattr("connectors.http.time.sleep", lambda seconds: None)
    service, answers = scim.service, []
    id = scim.add("ann")
    change = {"op": "replace", "path": "name.givenName", "value": "Bea"}
    for number, fault in enumerate(FAULTS):
        for _ in range(2):
            service.simulators[scim.name].faults.clear()
            service.simulators[scim.name].faults.add(**{**fault, "times": 3})
            answers.append(scim.get("/Users", filter=f'userName eq "user{number}"').text)
            answers.append(scim.patch(f"/Users/{id}", {**change, "value": f"B{number}"}).text)
    service.simulators[scim.name].faults.clear()
    target = service.app.extensions["matricula"]["targets"][scim.name]
    answers += [str(finding) for finding in target.connector.check()]
    answers += [repr(target), repr(target.settings), repr(target.connector)]
    answers += [service.client.get(path).text for path in ("/ready", "/metrics")]
    written = io.StringIO()
    exports.write_jsonl(iter(service.events), written)
    places = {
        "answers": "\n".join(answers).encode(),
        "log": heard.getvalue().encode(),
        "events": orjson.dumps(service.events),
        "export": written.getvalue().encode(),
        **{file.name: file.read_bytes() for file in service.folder.iterdir() if file.is_file()},
    }
    secrets = credentials(service, scim.name)
    assert secrets
    for name, content in places.items():
        assert not [secret for secret in secrets if secret.encode() in content], name
