"""The sections of streams: every rule, and that no secret is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.references import ConfigurationError
from gateway.settings import Settings, parse

SECRET = "hush-4711-hush"
WEBHOOK = {"kind": "webhook", "url": f"https://siem.example.edu/{SECRET}", "secret": "${SIEM}"}
POLL = {"kind": "poll"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIEM", SECRET)


def parsed(stream: object, name: str = "siem", public_url: str = "https://a.example") -> Settings:
    table = {
        "server": {"public_url": public_url},
        "targets": {"moodle": {"connector": "memory"}},
        "streams": {name: stream},
    }
    return parse(table, Path())


def test_a_webhook_has_the_defaults() -> None:
    stream = parsed({**WEBHOOK, "format": "ocsf"}).streams["siem"]
    assert (stream.name, stream.kind, stream.format) == ("siem", "webhook", "ocsf")
    assert (stream.secret, stream.url) == (SECRET, WEBHOOK["url"])
    assert (stream.attempts, stream.timeout, stream.max_pending) == (12, 10, 10_000)
    assert (stream.targets, stream.operations) == ((), ())
    assert SECRET not in repr(stream)


def test_a_stream_has_what_is_written() -> None:
    more = {
        "audience": "https://idp.example",
        "targets": ["moodle"],
        "operations": ["create", "delete"],
        "max_pending": 7,
    }
    stream = parsed({**POLL, **more}).streams["siem"]
    assert (stream.kind, stream.format, stream.audience) == ("poll", "set", "https://idp.example")
    assert (stream.targets, stream.operations) == (("moodle",), ("create", "delete"))
    assert stream.max_pending == 7


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("text", "streams.siem must be a table"),
        ({}, "streams.siem needs a kind"),
        ({"kind": "carrier pigeon"}, "kind: 'carrier pigeon' is none of webhook, poll"),
        ({**WEBHOOK, "format": "xml"}, "format: 'xml' is none of set, ocsf, event"),
        ({**POLL, "format": "ocsf"}, "format: 'ocsf' is none of set"),
        ({**WEBHOOK, "colour": 1}, "unknown entry streams.siem.colour"),
        ({**WEBHOOK, "attempts": "12"}, "streams.siem.attempts is of the wrong type"),
        ({**WEBHOOK, "attempts": True}, "streams.siem.attempts is of the wrong type"),
        ({**WEBHOOK, "attempts": 0}, "streams.siem.attempts must be positive"),
        ({**WEBHOOK, "timeout": -1}, "streams.siem.timeout must be positive"),
        ({**WEBHOOK, "max_pending": 0}, "streams.siem.max_pending must be positive"),
        ({**WEBHOOK, "targets": "moodle"}, "streams.siem.targets is of the wrong type"),
        ({**WEBHOOK, "targets": [1]}, "streams.siem.targets must be a list of texts"),
        ({**WEBHOOK, "targets": ["canvas"]}, "targets: 'canvas' is none of moodle"),
        ({**WEBHOOK, "operations": ["peek"]}, "operations: 'peek' is none of create"),
        ({**WEBHOOK, "secret": SECRET}, "streams.siem.secret stands in clear"),
        ({**WEBHOOK, "token": SECRET}, "streams.siem.token stands in clear"),
        ({**WEBHOOK, "secret": "", "format": "event"}, "streams.siem needs a secret"),
        ({"kind": "webhook"}, "streams.siem needs the url of the receiver"),
        ({**WEBHOOK, "url": f"ftp://{SECRET}"}, "streams.siem needs the url of the receiver"),
        ({**POLL, "secret": "${SIEM}"}, "url, secret and token are for webhooks"),
    ],
)
def test_what_is_wrong_is_refused(stream: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed(stream)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["SIEM", "a.b", "jwks.json", "a:b", "", "a" * 64])
def test_names(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a stream's name"):
        parsed(POLL, name)


def test_tokens_need_an_issuer() -> None:
    with pytest.raises(ConfigurationError, match=r"needs server\.public_url"):
        parsed(POLL, public_url="")
    assert parsed({**WEBHOOK, "format": "event"}, public_url="").streams


def test_no_target_is_called_streams() -> None:
    with pytest.raises(ConfigurationError, match=r"targets\.streams"):
        parse({"targets": {"streams": {"connector": "memory"}}}, Path())
