"""The command line: `matricula COMMAND`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.account_commands import accounts
from gateway.audit_commands import audit
from gateway.check_commands import check
from gateway.commands import (
    config_option,
    database_of,
    json_option,
    make_ledger,
    operator,
    print_json,
    services_of,
    settings_of,
    targets_of,
)
from gateway.export_commands import export
from gateway.guards.commands import guard
from gateway.jobs.commands import jobs
from gateway.mapping_commands import mapping
from gateway.streams.commands import streams
from gateway.sync.commands import sync
from gateway.target_commands import targets


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="matricula")
def main() -> None:
    """Matricula, a SCIM 2.0 provisioning gateway for learning platforms."""


main.add_command(accounts)
main.add_command(audit)
main.add_command(check)
main.add_command(streams)
main.add_command(export)
main.add_command(guard)
main.add_command(jobs)
main.add_command(mapping)
main.add_command(sync)
main.add_command(targets)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True)
@click.option("--token", help="The token that may do everything; made up when not given.")
@click.option(
    "--users",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many users the LMSs begin with.",
)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep data here.")
def demo(host: str, port: int, token: str | None, users: int, data: Path | None) -> None:
    """Run the gateway in front of simulated LMSs."""
    from gateway.demo import run

    try:
        run(host, port, token, users, data)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}.") from None
    except (RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("lms")
@click.option("--port", default=0, help="0 takes a free one.")
@click.option("--users", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--cohorts", type=click.IntRange(min=0), default=5, show_default=True)
@click.option("--courses", type=click.IntRange(min=0), default=5, show_default=True)
@json_option
def simulate(lms: str, port: int, users: int, cohorts: int, courses: int, as_json: bool) -> None:
    """Run the simulator of one LMS, speaking its own HTTP API."""
    from gateway.simulators import SIMULATORS, Size, run

    if lms not in SIMULATORS:
        raise click.BadParameter(f"{lms!r} is none of {', '.join(SIMULATORS)}", param_hint="LMS")
    run(lms, port, Size(users, cohorts, courses), as_json=as_json)


@main.command()
@config_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
def serve(config: Path, host: str, port: int, workers: int) -> None:
    """Serve the gateway."""
    from gateway.server import serve

    settings = settings_of(config)
    if workers > 1 and any(t.connector == "memory" for t in settings.targets.values()):
        raise click.ClickException("The memory connector lives in one process: use --workers 1.")
    _verify(config)
    if settings.jobs:
        _verify_jobs(config)
    try:
        serve(config, host, port, workers)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}.") from None


@main.command()
@click.argument("target")
@config_option
@click.option("--redirect-uri", help="Default: /integrations/add below server.public_url.")
@click.option("--answer", help="The address that the browser was led to, where nobody serves it.")
def connect(target: str, config: Path, redirect_uri: str | None, answer: str | None) -> None:
    """Let the target into its LMS: prints where an administrator consents, and waits for it."""
    from gateway.integrations import PATH, SECONDS, Consents, answer_of
    from gateway.keyring import keyring
    from gateway.vaults import DatabaseVault
    from schemas.errors import ScimError

    settings = settings_of(config)
    base = settings.public_url or "http://127.0.0.1:8080"
    keys = keyring(settings)
    with database_of(config) as database:
        log = make_ledger(config, database).audit
        consents = Consents(targets_of(config, target, database), keys, log)
        vault = DatabaseVault(database, keys, target)
        try:
            if answer:
                consents.end(answer_of(answer), "matricula connect")
            else:
                before = vault.changed()
                click.echo("Let an administrator of the LMS open this address and consent:")
                click.echo(consents.begin(target, redirect_uri or base + PATH))
                click.echo("Waiting for the answer ...", err=True)
                _wait_until(lambda: vault.changed() != before, SECONDS)
        except ScimError as error:
            raise click.ClickException(error.detail) from None
    click.echo(f"Target {target} is connected.")


@main.command()
@click.argument("target", required=False)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="MATRICULA_CONFIG",
    help="Without it, the connectors as they come.",
)
@json_option
def attributes(target: str | None, config: Path | None, as_json: bool) -> None:
    """Print the support matrix: what each target holds, and how it can be queried."""
    from gateway import matrix

    if config is None:
        mappings = matrix.of_connectors(target)
    else:
        mappings = matrix.of_targets(targets_of(config, target))
    rows = matrix.rows(mappings)
    if as_json:
        print_json(rows)
    else:
        click.echo(matrix.as_text(rows))


@main.command()
@click.argument("target")
@click.argument("filter_")
@click.option("--type", "type_", default="User", show_default=True, help="The resource type.")
@config_option
@json_option
def explain(target: str, filter_: str, type_: str, config: Path, as_json: bool) -> None:
    """Tell how a filter would be answered, without calling the LMS."""
    from gateway.query import Query
    from gateway.reading import Reader
    from schemas.errors import ScimError
    from schemas.filters import parse_filter

    entry = targets_of(config, target)[target]
    collection = entry.connector.collections.get(type_)
    if collection is None:
        raise click.ClickException(f"{target} has no resource type {type_}.")
    try:
        query = Query(parse_filter(filter_, collection.mapping.full))
    except ScimError as error:
        raise click.ClickException(error.detail) from None
    plan = Reader.explain(entry, collection, query)
    if as_json:
        print_json(plan)
    else:
        click.echo(plan["plan"])


@main.group()
def token() -> None:
    """Make, list and revoke bearer tokens."""


@token.command("create")
@config_option
@click.option("--target", "targets", multiple=True, required=True, help="A target, or all.")
@click.option("--scope", "scopes", multiple=True, required=True, help="E.g. users:read, or admin.")
@click.option("--name", default="", help="Stands in the audit log as the actor.")
@click.option("--days", type=int, help="How long the token is good for.")
def create_token(
    config: Path, targets: tuple[str, ...], scopes: tuple[str, ...], name: str, days: int | None
) -> None:
    """Make a token; it is the last line printed, this once."""
    from datetime import timedelta

    from gateway.database import now
    from gateway.intents import ChangeRecord
    from gateway.security import SCOPE
    from gateway.tokens import keep, new_text, prefix_of
    from schemas.errors import ScimError

    known = {"all", *settings_of(config).targets}
    if unknown := set(targets) - known:
        raise click.ClickException(f"No such target: {', '.join(sorted(unknown))}.")
    for scope in scopes:
        if not SCOPE.fullmatch(scope):
            raise click.ClickException(f"{scope!r} is no scope: admin, or users:read and the like.")
    with database_of(config) as database:
        expires = now() + timedelta(days=days) if days else None
        made = new_text()
        intent = operator(config, "createToken", "Token")
        records = [
            ChangeRecord(path, None, "add", None, " ".join(words))
            for path, words in (("name", [name]), ("targets", targets), ("scopes", scopes))
        ]
        log = make_ledger(config, database).audit
        try:
            log.record(
                intent,
                "success",
                lambda connection: keep(connection, made, name, targets, scopes, expires),
                resource_id=prefix_of(made),
                changes=records,
            )
        except ScimError as error:
            raise click.ClickException(error.detail) from None
    click.echo("Keep this token; it is shown only now:")
    click.echo(made)


@token.command("list")
@config_option
@json_option
def list_tokens(config: Path, as_json: bool) -> None:
    """List tokens by their public prefix."""
    from gateway.tokens import Tokens

    with database_of(config) as database:
        tokens = Tokens(database).list()
    rows: list[dict[str, Any]] = [
        {
            "prefix": t.prefix,
            "name": t.name,
            "targets": list(t.targets),
            "scopes": list(t.scopes),
            "created": t.created.isoformat(),
            "expires": t.expires.isoformat() if t.expires else None,
        }
        for t in tokens
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        words = (row["prefix"], row["name"], ",".join(row["targets"]), ",".join(row["scopes"]))
        click.echo("  ".join(str(word) for word in (*words, row["expires"] or "no end")))


@token.command("revoke")
@click.argument("prefix_or_name")
@config_option
def revoke_token(prefix_or_name: str, config: Path) -> None:
    """Revoke tokens by prefix or name."""
    from gateway.tokens import revoke
    from schemas.errors import ScimError, not_found

    revoked = []

    def also(connection: Any) -> None:
        revoked.append(revoke(connection, prefix_or_name))
        if not revoked[-1]:
            raise not_found("No such token.")

    with database_of(config) as database:
        intent = operator(config, "revokeToken", "Token")
        log = make_ledger(config, database).audit
        try:
            log.record(intent, "success", also, resource_id=prefix_or_name)
        except ScimError as error:
            raise click.ClickException(error.detail) from None
    click.echo(f"Revoked: {revoked[-1]}.")


def _verify(config: Path) -> None:
    """Refuse configuration that an LMS does not know; one that does not answer is no obstacle."""
    from schemas.errors import ScimError

    with database_of(config) as database:
        for name, target in targets_of(config, None, database).items():
            try:
                target.connector.verify()
            except ValueError as error:
                raise click.ClickException(f"targets.{name}: {error}") from None
            except ScimError as error:
                click.echo(f"{name}: {error.detail}", err=True)
            finally:
                target.connector.close()


def _verify_jobs(config: Path) -> None:
    """Refuse a job that could never be done as it is written."""
    from gateway.jobs.working import refuse_mistakes
    from gateway.references import ConfigurationError

    with services_of(config) as services:
        try:
            refuse_mistakes(services)
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from None


def _wait_until(holds: Callable[[], bool], seconds: float) -> None:
    from time import monotonic, sleep

    deadline = monotonic() + seconds
    while not holds():
        if monotonic() > deadline:
            raise click.ClickException("Nobody has consented in time; begin again.")
        sleep(0.5)


if __name__ == "__main__":
    main()
