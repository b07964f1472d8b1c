"""The commands of the audit log: `matricula audit COMMAND`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click

from gateway.commands import (
    config_option,
    database_of,
    json_option,
    ledger_of,
    make_ledger,
    operator,
    print_json,
    settings_of,
    targets_of,
)

if TYPE_CHECKING:
    from gateway.audit import AuditLog
    from gateway.ledger.erasing import Eraser
    from gateway.ledger.ledger import Ledger
    from schemas.filters import Filter

output_option = click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout."
)


@click.group()
def audit() -> None:
    """Read the audit log, prove it, erase from it."""


@audit.command("search")
@click.argument("filter_", required=False)
@click.option("--count", default=100, show_default=True, help="How many of the newest events.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Only events of so many last days.")
@click.option(
    "--person", help="Only events about the accounts that ever had this login, id or address."
)
@click.option(
    "--without",
    metavar="FILTER",
    help="No events of a login for which there is an event that matches this filter.",
)
@config_option
@json_option
def search_audit(
    filter_: str | None,
    count: int,
    days: int | None,
    person: str | None,
    without: str | None,
    config: Path,
    as_json: bool,
) -> None:
    """Show events that match a SCIM filter, e.g. 'login eq "ann" and outcome ne "success"'."""
    from gateway.intents import names_in
    from schemas.filters import all_of

    given, other = _audit_filter(filter_), _audit_filter(without)
    with ledger_of(config) as ledger:
        about = _about(person, ledger) if person else None
        node = all_of(given, _since(days) if days else None, about)
        log = ledger.audit
        if other is None:
            total, events = log.search(node, count=count, descending=True)
        else:
            total, events = _search_without(log, node, other, count)
        intent = operator(config, "read", "AuditEvent", node)
        if person:
            intent = replace(intent, login=person)
        asked = filter(None, (names_in(node), names_in(other)))
        log.record(intent, "success", detail=", ".join(asked))
    if as_json:
        print_json(events)
        return
    for event in reversed(events):
        click.echo(_event_line(event))
    click.echo(f"{len(events)} of {total}", err=True)


@audit.command("export")
@click.argument("filter_", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv", "sealed", "ocsf", "set"]),
    default="jsonl",
)
@output_option
@config_option
def export_audit(filter_: str | None, form: str, output: Path | None, config: Path) -> None:
    """Write events as JSON lines, or as CSV with one row for each change.

    As JSON lines also with all that `audit verify` needs (sealed), in the form of OCSF 1.6.0, or
    as claims of security event tokens (set).
    """
    from gateway.exports import write_csv, write_jsonl, write_ocsf, write_sets
    from gateway.intents import names_in

    node = _audit_filter(filter_)
    settings = settings_of(config)
    labels = {name: target.label for name, target in settings.targets.items()}
    writers: dict[str, Callable[[Iterable[dict[str, Any]], TextIO], None]] = {
        "jsonl": write_jsonl,
        "csv": partial(write_csv, labels=labels),
        "ocsf": write_ocsf,
        "set": partial(write_sets, public_url=settings.public_url),
    }
    with ledger_of(config) as ledger:
        log = ledger.audit
        intent = operator(config, "export", "AuditEvent", node)
        log.record(intent, "success", detail=names_in(node))
        if form == "sealed":
            ledger.sealer.finish()
            prover = ledger.prover
            lines = prover.whole() if node is None else prover.part(log.stored(node))
            with _binary(output) as file:
                file.writelines(lines)
        else:
            with _text(output) as stream:
                writers[form](log.stream(node), stream)


@audit.command("key")
@config_option
def show_key(config: Path) -> None:
    """Print the public key by which `audit verify` knows the log."""
    with ledger_of(config) as ledger:
        click.echo(str(ledger.prover.verifier))


@audit.command("verify")
@click.argument("export", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The file with the log's public key (`audit key`).",
)
@click.option(
    "--checkpoints",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="A published checkpoint, or the directory of them.",
)
@json_option
def verify_audit(export: Path, key: Path, checkpoints: tuple[Path, ...], as_json: bool) -> None:
    """Verify a sealed export, offline: that nothing was changed, added or taken away.

    That nothing is missing at its end shows only beside checkpoints that were published elsewhere.
    """
    from gateway.ledger.notes import Verifier
    from gateway.ledger.publishing import read
    from gateway.ledger.verify import lines_of, verify

    try:
        verifier = Verifier.parse(key.read_text(encoding="utf-8").strip())
        notes = [note for place in checkpoints for note in read(place)]
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    with export.open("rb") as file:
        report = verify(lines_of(file), verifier, notes)
    if as_json:
        counted = ("events", "leaves", "checkpoints", "erased", "findings")
        print_json({name: getattr(report, name) for name in counted})
    else:
        for finding in report.findings:
            click.echo(finding)
        click.echo(
            f"{'NOT VERIFIED' if report.findings else 'Verified'}: {report.events} events in "
            f"{report.leaves} leaves below {report.checkpoints} checkpoints of {verifier.name}; "
            f"the personal values of {report.erased} leaves are not shown."
        )
    if report.findings:
        sys.exit(1)


@audit.command("prove")
@click.argument("sequence", type=click.IntRange(min=1))
@output_option
@config_option
def prove_audit(sequence: int, output: Path | None, config: Path) -> None:
    """Write the proof of one event, which `audit verify` takes like an export."""
    node = _audit_filter(f"sequence eq {sequence}")
    with ledger_of(config) as ledger:
        ledger.sealer.finish()
        found = list(ledger.audit.stored(node))
        if not found:
            raise click.ClickException(f"There is no event {sequence}.")
        intent = operator(config, "export", "AuditEvent")
        login = found[0].value("login")
        ledger.audit.record(replace(intent, resource_id=str(sequence), login=login), "success")
        with _binary(output) as file:
            file.writelines(ledger.prover.part(found))


@audit.command("recover")
@config_option
@json_option
def recover_audit(config: Path, as_json: bool) -> None:
    """Settle writes of unknown outcome by reading the LMS."""
    from gateway.settling import Settler
    from gateway.tombstones import Tombstones

    with database_of(config) as database:
        ledger = make_ledger(config, database)
        tombstones = Tombstones(database, ledger.keys.digest)
        settler = Settler(database, ledger.audit, tombstones)
        counts = settler.settle_all(targets_of(config, None, database))
    if as_json:
        print_json(counts)
    else:
        shown = ", ".join(f"{outcome} {count}" for outcome, count in sorted(counts.items()))
        click.echo(f"Settled: {shown or 'nothing was open'}.")


@audit.command("erase")
@click.argument("person")
@config_option
def erase_audit(person: str, config: Path) -> None:
    """Destroy what the log holds of a person: by login, external id or e-mail address.

    Who wrote what, when and how it ended stays, and every proof holds.
    """
    with _eraser(config) as eraser:
        found = eraser.erase(person, operator(config, "erase", "Subject"))
    click.echo(f"Erased: {len(found)} accounts.")


@audit.command("hold")
@click.argument("person")
@click.option("--reason", required=True, help="Stands in the log; names nobody.")
@config_option
def hold_audit(person: str, reason: str, config: Path) -> None:
    """Keep a person from being erased (legal hold)."""
    with _eraser(config) as eraser:
        found = eraser.hold(person, reason, operator(config, "hold", "Subject"))
    click.echo(f"Held: {len(found)} accounts.")


@audit.command("release")
@click.argument("person")
@config_option
def release_audit(person: str, config: Path) -> None:
    """Let a person be erased again."""
    with _eraser(config) as eraser:
        found = eraser.release(person, operator(config, "release", "Subject"))
    click.echo(f"Released: {len(found)} accounts.")


@contextmanager
def _eraser(config: Path) -> Iterator[Eraser]:
    from schemas.errors import ScimError

    with ledger_of(config) as ledger:
        try:
            yield ledger.eraser
        except ScimError as error:
            raise click.ClickException(error.detail) from None


@contextmanager
def _text(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as stream:
        yield stream


@contextmanager
def _binary(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        return
    with output.open("wb") as file:
        yield file


def _search_without(
    log: AuditLog, node: Filter | None, other: Filter, count: int
) -> tuple[int, list[dict[str, Any]]]:
    """Search as the log does, newest first, without the logins of events that match `other`."""
    logins = {event["login"].casefold() for event in log.stream(other) if "login" in event}
    newest: deque[dict[str, Any]] = deque(maxlen=max(count, 0))
    total = 0
    for event in log.stream(node):
        if event.get("login", "").casefold() not in logins:
            total += 1
            newest.appendleft(event)
    return total, list(newest)


def _since(days: int) -> Filter:
    from gateway.database import now
    from schemas.audit_event import AUDIT_EVENT
    from schemas.filters import Compare, parse_path

    return Compare(parse_path("time", AUDIT_EVENT), "ge", (now() - timedelta(days)).isoformat())


def _about(person: str, ledger: Ledger) -> Filter:
    """Return the filter for a person's accounts, under whatever login."""
    from schemas.audit_event import AUDIT_EVENT
    from schemas.filters import Compare, Or, parse_path

    found = ledger.audit.subjects(person)
    subject = parse_path("subject", AUDIT_EVENT)
    # Nobody has the number 0: who is unknown is looked for as well, and that on record.
    return Or(tuple(Compare(subject, "eq", number) for number in found or (0,)))


def _audit_filter(text: str | None) -> Any:
    from schemas.audit_event import AUDIT_EVENT
    from schemas.errors import ScimError
    from schemas.filters import parse_filter

    if not text:
        return None
    try:
        return parse_filter(text, AUDIT_EVENT)
    except ScimError as error:
        raise click.ClickException(error.detail) from None


def _event_line(event: dict[str, Any]) -> str:
    changes = "; ".join(
        f"{c.get('path')}: {c.get('old', '-')} -> {c.get('new', '-')}"
        for c in event.get("changes", ())
    )
    who = event.get("login") or event.get("resourceId") or "?"
    words = (event["time"], event.get("actor") or "?", event.get("target") or "-")
    said = f"  {event['detail']}" if event.get("detail") else ""
    what = f"{event['operation']} {event['resourceType']} {who}: {event['outcome']}"
    return f"{' '.join(words)} {what}  {changes}{said}"
