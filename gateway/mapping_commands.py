"""A target's own attribute table, as a file: `matricula mapping export`, `import` and `reset`.

A table is put in place between the intent and the outcome of an audit event. What a crash leaves
open in between is judged by the file, before the next change.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.commands import config_option, database_of, make_ledger, operator, settings_of

if TYPE_CHECKING:
    from connectors.mapping import Mapping
    from gateway.attribute_tables import Table
    from gateway.audit import AuditLog
    from gateway.intents import ChangeRecord
    from gateway.settings import Settings, TargetSettings

RESOURCE_TYPE = "Mapping"
"""What the events of these commands are about."""

_LOCK_SECONDS = 10.0


@click.group()
def mapping() -> None:
    """Take out, put in and reset the attribute table of a target's users."""


@mapping.command("export")
@click.argument("target")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
@config_option
def export_mapping(target: str, out: Path | None, config: Path) -> None:
    """Write the table that is in force, as JSON: every attribute and its native field.

    What the target drops is "". What cannot be mapped to another field is left out.
    """
    from gateway.attribute_tables import as_json, write
    from gateway.references import ConfigurationError

    settings = settings_of(config)
    entry = _entry_of(settings, target)
    try:
        table = _in_force(settings, target, entry.options.attributes)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if out is None:
        click.echo(as_json(table), nl=False)
        return
    files = (other.attribute_file for other in settings.targets.values())
    if out.resolve() in {file.resolve() for file in files if file is not None}:
        raise click.ClickException(
            f"{out} is in use by the configuration: write to another file, and import that one."
        )
    try:
        write(out, table)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from None


@mapping.command("import")
@click.argument("target")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_option
def import_mapping(target: str, file: Path, config: Path) -> None:
    """Put the table in FILE, JSON or XML, in the place of the target's own.

    It is checked as a whole before anything is written.
    """
    from gateway.attribute_tables import read
    from schemas.user import USER

    try:
        table = read(file, USER)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    _put(config, target, table)


@mapping.command("reset")
@click.argument("target")
@config_option
def reset_mapping(target: str, config: Path) -> None:
    """Go back to the connector's own table."""
    _put(config, target, {})


def _put(config: Path, target: str, table: Table) -> None:
    """Put a table in the place of the target's own, and say what changes."""
    from gateway.references import ConfigurationError
    from schemas.errors import ScimError

    with database_of(config) as database:
        log = make_ledger(config, database).audit
        try:
            with database.lock([f"{target}/{RESOURCE_TYPE}"], _LOCK_SECONDS):
                changes = _replaced(config, log, target, table)
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from None
        except ScimError as error:
            raise click.ClickException(error.detail) from None
    paths = ", ".join(str(change.path) for change in changes)
    click.echo(f"Changed: {paths}." if changes else "No attribute changes.")
    click.echo("The gateway takes the table on at its next start.")


def _replaced(config: Path, log: AuditLog, target: str, table: Table) -> tuple[ChangeRecord, ...]:
    """Put a table in place and return what it changes. Raises ConfigurationError for a bad one."""
    from gateway.attribute_tables import write

    settings = settings_of(config)
    file = _file_of(config, settings, target)
    held = settings.targets[target].options.attributes
    after = _in_force(settings, target, table)
    _refuse_unheld(table, after)
    table = _ordered(table, after)
    changes = tuple(_records(_before(settings, target, held), after))
    _settle(log, target, held)
    intent = replace(
        operator(config, "configure", RESOURCE_TYPE),
        target=target,
        changes=changes,
        lookup=json.dumps({"before": _digest(held), "after": _digest(table)}),
    )
    ticket = log.begin(intent)
    try:
        write(file, table)
    except OSError as error:
        detail = f"{file}: {error.strerror}"
        log.finish(ticket.sequence, "failed", detail=detail)
        raise click.ClickException(detail) from None
    log.finish(ticket.sequence, "success" if changes else "noChange")
    return changes


def _settle(log: AuditLog, target: str, held: Table) -> None:
    """Tell by the table in the file how a change has ended that a crash left open."""
    for event in log.unsettled(target, resource_type=RESOURCE_TYPE, outcome="open"):
        known = json.loads(event.intent.lookup or "{}")
        outcomes = {known.get("before"): "failed", known.get("after"): "success"}
        outcome = outcomes.get(_digest(held), "unknown")
        log.finish(event.sequence, outcome, detail="Left open by a crash; judged by the file.")


def _digest(table: Table) -> str:
    from gateway.attribute_tables import as_json

    return sha256(as_json(table)).hexdigest()


def _entry_of(settings: Settings, target: str) -> TargetSettings:
    if target not in settings.targets:
        known = ", ".join(settings.targets)
        raise click.ClickException(f"No such target: {target}. Known: {known}.")
    return settings.targets[target]


def _file_of(config: Path, settings: Settings, target: str) -> Path:
    """Return the file of the target's table; say what to do where there is none."""
    file = _entry_of(settings, target).attribute_file
    if file is None:
        name = f"{target}-attributes.json"
        out = shlex.quote(str(config.with_name(name)))
        raise click.ClickException(
            f"The table of {target} has no file of its own. Write one: `matricula mapping export "
            f'{target} --out {out}`; then say attributes = "{name}" in [targets.{target}], '
            f"in the place of the section [targets.{target}.attributes]."
        )
    return file


def _users(settings: Settings, target: str, table: Table) -> Mapping:
    """Return the mapping of users that a table makes. Raises ConfigurationError for a bad one."""
    from gateway.targets import make_targets

    entry = settings.targets[target]
    # `include` is another setting, and stays what it is.
    changed = replace(entry, options=replace(entry.options, attributes=table), include=())
    made = make_targets(replace(settings, targets={target: changed}))[target]
    try:
        return made.connector.collections["User"].mapping
    finally:
        made.connector.close()


def _in_force(settings: Settings, target: str, table: Table) -> Table:
    """Return all that holds with a table. Raises ConfigurationError for a bad one."""
    from connectors.overrides import overrides_of

    return overrides_of(_users(settings, target, {}), _users(settings, target, table))


def _before(settings: Settings, target: str, held: Table) -> Table:
    """Return all that has held until now; of a table that cannot be used, what it says."""
    from gateway.references import ConfigurationError

    try:
        return _in_force(settings, target, held)
    except ConfigurationError:
        return _in_force(settings, target, {}) | held


def _refuse_unheld(table: Table, held: Table) -> None:
    """Refuse what would not be as the table says. Raises ConfigurationError."""
    from gateway.references import ConfigurationError

    for written, entry in table.items():
        found = _said(held.get(_path(written), ""))
        if any(found.get(name) != value for name, value in _said(entry).items()):
            raise ConfigurationError(
                f"{written} would not be as the table says: the target cannot map it, or the "
                "table names it twice"
            )


def _ordered(table: Table, held: Table) -> Table:
    """Return a table in the order of what it leads to."""
    places = {path: number for number, path in enumerate(held)}
    return dict(sorted(table.items(), key=lambda row: places.get(_path(row[0]), len(places))))


def _path(written: str) -> str:
    from schemas.filters import parse_path
    from schemas.user import USER

    return str(parse_path(written, USER))


def _said(entry: Any) -> dict[str, Any]:
    return entry if isinstance(entry, dict) else {"native": entry}


def _records(before: Table, after: Table) -> Iterator[ChangeRecord]:
    """Yield what of the attributes differs, as the audit log keeps it."""
    from gateway.intents import ChangeRecord

    for path in before | after:
        old, new = before.get(path, ""), after.get(path, "")
        if old != new:
            op = "add" if old == "" else "remove" if new == "" else "replace"
            native = _said(new or old).get("native")
            yield ChangeRecord(path, native, op, _shown(path, old), _shown(path, new))


def _shown(path: str, entry: Any) -> str | None:
    """Return an entry as text, None for a dropped attribute; a secret's default is left out."""
    from connectors.overrides import is_path
    from gateway.records import text
    from schemas.filters import parse_path
    from schemas.user import USER

    if is_path(path, USER) and parse_path(path, USER).secret:
        entry = _said(entry).get("native")
    return text(entry or None)
