"""What the pages say of the ledger: whether a line is as it was sealed, and its proof."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from gateway.cli import main
from gateway.ledger.verify import verify
from gateway.tables import events
from tests.gateway.console.visitor import Visitor, subjects, words
from tests.gateway.service import Scim, Service

NOT_SIGNED = "below a signed checkpoint yet"


@pytest.fixture
def sequence(service: Service) -> int:
    """Give the only event that is about ann."""
    Scim(service, "memory").add("ann")
    return int(service.events[-1]["sequence"])


def seal(service: Service) -> None:
    """Seal and sign everything, as the background does."""
    service.app.extensions["matricula"]["ledger"].sealer.finish()


def tamper(service: Service, sequence: int) -> None:
    """Change an event behind the gateway's back."""
    with service.app.extensions["matricula"]["database"].write() as connection:
        row = events.c.sequence == sequence
        connection.execute(update(events).where(row).values(actor="somebody else"))


def proved(service: Service, download: bytes) -> tuple[str, ...]:
    """Return what is wrong with a download of sealed events."""
    verifier = service.app.extensions["matricula"]["ledger"].prover.verifier
    return verify(download.splitlines(keepends=True), verifier).findings


def test_a_line_says_how_far_it_is_sealed(
    service: Service, auditor: Visitor, sequence: int
) -> None:
    sealer = service.app.extensions["matricula"]["ledger"].sealer

    def told() -> list[str]:
        pages = ("/timeline?login=ann", "/events?operation=create", "/")
        texts = [auditor.text(path) for path in pages]
        found = [re.findall(r"Sealed[a-z ,]*signed|Not sealed yet|NOT as", t)[0] for t in texts]
        return sorted(set(found))

    assert told() == ["Not sealed yet"]
    sealer.seal()
    assert told() == ["Sealed, not yet signed"]
    sealer.checkpoint()
    assert told() == ["Sealed and signed"]
    tamper(service, sequence)
    assert told() == ["NOT as"]


def test_what_was_tampered_with_is_loud(service: Service, auditor: Visitor, sequence: int) -> None:
    seal(service)
    tamper(service, sequence)
    page = auditor.get("/timeline", login="ann")
    assert 'role="alert"' in page.text
    text = words(page.text)
    assert "1 of the events on this page is NOT as sealed." in text
    assert "by somebody else Done NOT as it was sealed" in text
    alone = auditor.get(f"/events/{sequence}")
    assert 'role="alert"' in alone.text
    assert "This event is NOT as it was sealed" in words(alone.text)
    assert proved(service, auditor.download(f"/events/{sequence}/proof").data)


def test_the_page_of_an_event_tells_why(service: Service, auditor: Visitor) -> None:
    scim = Scim(service, "moodle")
    headers = {"X-Request-ID": "r-17", "User-Agent": "idp/2"}
    scim.post("/Users", {"userName": "ann"}, headers=headers)
    event = service.events[-1]
    text = auditor.text(f"/events/{event['sequence']}")
    for said in ("by tester", "from 127.0.0.1", "client idp/2", "request r-17", event["detail"],
                 "configuration test", "answered with 400", "Refused"):  # fmt: skip
        assert said in text, said


def test_a_line_is_proved(
    service: Service, auditor: Visitor, sequence: int, tmp_path: Path
) -> None:
    page, file = f"/events/{sequence}", f"/events/{sequence}/proof"
    assert "is not sealed as it is now" in auditor.text(page)
    for step in ("seal", "checkpoint"):
        answer = auditor.download(file)
        assert answer.status_code == 409 and NOT_SIGNED in words(answer.text)
        getattr(service.app.extensions["matricula"]["ledger"].sealer, step)()
    text = auditor.text(page)
    assert "This event is what was sealed as leaf" in text
    assert re.search(r"leaf \d+ checkpoint \d+ leaves key of the log matricula\+", text)
    answer = auditor.download(file)
    name = f"matricula-event-{sequence}.jsonl"
    assert name in answer.headers["Content-Disposition"]
    assert f"matricula audit verify {name} --key matricula.key" in text
    proof, key = tmp_path / name, tmp_path / "matricula.key"
    proof.write_bytes(answer.data)
    key.write_text(str(service.app.extensions["matricula"]["ledger"].prover.verifier))
    ran = CliRunner().invoke(main, ["audit", "verify", str(proof), "--key", str(key)])
    assert ran.exit_code == 0, ran.output
    assert "Verified: 1 events" in ran.output
    proof.write_bytes(answer.data.replace(b'"actor":"tester"', b'"actor":"nobody"'))
    assert CliRunner().invoke(main, ["audit", "verify", str(proof), "--key", str(key)]).exit_code


def test_sealed_downloads(service: Service, auditor: Visitor, sequence: int) -> None:
    for path in ("/events/download", "/timeline/download"):
        answer = auditor.download(path, format="sealed", login="ann")
        assert answer.status_code == 409 and "Nothing is" in words(answer.text)
    seal(service)
    Scim(service, "memory").add("bob")
    for path, query in (("/events/download", {"operation": "create"}),
                        ("/timeline/download", {"login": "ann"})):  # fmt: skip
        answer = auditor.download(path, format="sealed", **query)
        assert answer.content_type == "application/jsonl"
        assert answer.headers["Content-Disposition"].endswith(".sealed.jsonl")
        assert proved(service, answer.data) == ()
        assert answer.text.count('"record"') == 1 and '"ann"' in answer.text


def test_events_of_other_targets_are_not_there(
    service: Service, sequence: int, make_visitor: Callable[..., Visitor]
) -> None:
    seal(service)
    visitor = make_visitor("audit:read", targets=("canvas",))
    assert subjects(visitor.get("/events")) == []
    for path in (f"/events/{sequence}", f"/events/{sequence}/proof", f"/events/{2**63}"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "ann" not in words(answer.text)
