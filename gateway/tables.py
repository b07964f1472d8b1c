"""The tables, and the two types that make every database keep and compare alike.

Texts are cleaned of what PostgreSQL cannot hold, moments are whole microseconds since 1970.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def cleaned(text: str) -> str:
    """Return the text with what UTF-8 or PostgreSQL cannot hold written as escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def moment_text(moment: datetime) -> str:
    """Return a moment of a table, which is in UTC, as SCIM and the ledger write it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Words(TypeDecorator[str]):
    """Text that every database can hold: NUL and lone surrogates are written as escapes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text with what UTF-8 or PostgreSQL cannot hold replaced."""
        return None if value is None else cleaned(value)


class Moment(TypeDecorator[datetime]):
    """An instant with microseconds, in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the microseconds since 1970; a difference never overflows as a year may."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# The collation "C" makes PostgreSQL order by code point, as SQLite and Python do.
_TEXT = Words().with_variant(Words(collation="C"), "postgresql")
_SERIAL = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("sequence", _SERIAL, primary_key=True),
    Column("time", Moment, nullable=False),
    Column("finished", Moment),
    Column("actor", _TEXT),
    Column("client_address", _TEXT),
    Column("client", _TEXT),
    Column("request_id", _TEXT),
    Column("target", _TEXT, nullable=False),
    Column("operation", _TEXT, nullable=False),
    Column("resource_type", _TEXT, nullable=False),
    Column("resource_id", _TEXT),
    Column("subject", BigInteger),
    Column("login", LargeBinary),
    Column("personal", LargeBinary),
    Column("outcome", _TEXT, nullable=False),
    Column("status", Integer),
    Column("upstream_calls", Integer),
    Column("duration", Float(53)),
    Column("configuration", _TEXT),
    Column("leaf", BigInteger),
    Index("events_time", "time"),
    Index("events_resource", "target", "resource_id"),
    Index("events_subject", "subject"),
    Index("events_login", "login"),
    Index("events_actor", "actor"),
    Index("events_operation", "operation"),
    Index("events_outcome", "outcome"),
    Index("events_leaf", "leaf"),
    Index("events_request", "request_id"),
    sqlite_autoincrement=True,
)
"""`login` is a digest; what is personal is encrypted with the key of the subject.

`leaf` is the leaf of the ledger that says what the event is now, NULL before it is sealed.
"""

# As literals: only so do databases see that the index below is meant.
unsettled = events.c.outcome.in_([literal_column("'open'"), literal_column("'unknown'")])
Index("events_unsettled", events.c.outcome, sqlite_where=unsettled, postgresql_where=unsettled)

changes = Table(
    "changes",
    metadata,
    Column("sequence", BigInteger, ForeignKey("events.sequence"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", _TEXT),
    Column("native", _TEXT),
    Column("op", _TEXT),
    Column("old", LargeBinary),
    Column("new", LargeBinary),
    Index("changes_path", "path"),
    Index("changes_old", "old"),
    Index("changes_new", "new"),
    sqlite_with_rowid=False,
)
"""`old` and `new` are digests; in `path` the value is left out by which one of several is meant."""

subjects = Table(
    "subjects",
    metadata,
    Column("subject", _SERIAL, primary_key=True),
    Column("key", LargeBinary),
    Column("hold", _TEXT),
    Column("erased", Moment),
    sqlite_autoincrement=True,
)
"""Whom events are about: the key of their personal values, NULL when it was destroyed."""

leaves = Table(
    "leaves",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("record", LargeBinary),
    Index("leaves_sequence", "sequence"),
)
"""The leaves of the ledger; `record` is kept where the event cannot give it any more."""

blocks = Table(
    "blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The roots of the full blocks of leaves."""

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Moment, nullable=False),
    Column("note", _TEXT, nullable=False),
)

audit_keys = Table(
    "audit_keys",
    metadata,
    Column("name", _TEXT, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

ignored = Table(
    "ignored",
    metadata,
    Column("sequence", BigInteger, ForeignKey("events.sequence"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("attribute", _TEXT, nullable=False),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    Column("prefix", _TEXT, primary_key=True),
    Column("sha256", _TEXT, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("targets", _TEXT, nullable=False),
    Column("scopes", _TEXT, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("target", _TEXT, primary_key=True),
    Column("resource_type", _TEXT, primary_key=True),
    Column("id", _TEXT, primary_key=True),
    Column("login", LargeBinary),
    Column("time", Moment, nullable=False),
    Index("tombstones_login", "target", "resource_type", "login"),
    sqlite_with_rowid=False,
)

walks = Table(
    "walks",
    metadata,
    Column("walk", _SERIAL, primary_key=True),
    Column("target", _TEXT, nullable=False),
    Column("resource_type", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("time", Moment, nullable=False),
    Column("total", Integer, nullable=False),
    Index("walks_key", "target", "resource_type", "key", unique=True),
    sqlite_autoincrement=True,
)

walk_ids = Table(
    "walk_ids",
    metadata,
    Column("walk", BigInteger, ForeignKey("walks.walk", ondelete="CASCADE"), primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("ids", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

secrets = Table(
    "secrets",
    metadata,
    Column("target", _TEXT, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("time", Moment, nullable=False),
    sqlite_with_rowid=False,
)

streams = Table(
    "streams",
    metadata,
    Column("name", _TEXT, primary_key=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The last leaf of the ledger that each stream has taken."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("stream", _TEXT, primary_key=True),
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("target", _TEXT, nullable=False),
    Column("subject", _TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", _TEXT),
    Column("due", Moment, nullable=False),
    Column("dead", Moment),
    Index("deliveries_subject", "stream", "subject", "leaf"),
    sqlite_with_rowid=False,
)
"""What streams have taken and nobody has acknowledged; the events themselves stay in the log."""

guards = Table(
    "guards",
    metadata,
    Column("target", _TEXT, primary_key=True),
    Column("kind", _TEXT, primary_key=True),
    Column("stopped", Moment),
    Column("released", Moment),
    sqlite_with_rowid=False,
)
"""What is guarded on a target: when it was stopped, NULL while it goes on, and last released."""

admissions = Table(
    "admissions",
    metadata,
    Column("admission", _SERIAL, primary_key=True),
    Column("target", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("run", _TEXT, nullable=False),
    Column("time", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Index("admissions_time", "target", "kind", "time"),
    Index("admissions_run", "target", "kind", "run"),
    sqlite_autoincrement=True,
)
"""What guards have let through; `run` is the job that it was part of, "" for single requests."""

populations = Table(
    "populations",
    metadata,
    Column("target", _TEXT, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("time", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""How many accounts each target had at that time."""

jobs = Table(
    "jobs",
    metadata,
    Column("name", _TEXT, primary_key=True),
    Column("schedule", _TEXT, nullable=False),
    Column("paused", Moment),
    Column("planned", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""Jobs of the configuration: paused since when, and up to when which schedule is dealt with."""

runs = Table(
    "runs",
    metadata,
    Column("run", _SERIAL, primary_key=True),
    Column("job", _TEXT, nullable=False),
    Column("target", _TEXT, nullable=False),
    Column("actor", _TEXT, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("phase", _TEXT, nullable=False),
    Column("requested", Moment, nullable=False),
    Column("due", Moment, nullable=False),
    Column("started", Moment),
    Column("ended", Moment),
    Column("starts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("totals", _TEXT, nullable=False),
    Column("detail", _TEXT, nullable=False),
    Column("events", _TEXT, nullable=False),
    Index("runs_job", "job", "run"),
    Index("runs_state", "state"),
    sqlite_autoincrement=True,
)
"""Each time that a job is done; nothing in here is personal."""

pauses = Table(
    "pauses",
    metadata,
    Column("target", _TEXT, primary_key=True),
    Column("since", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""Targets to which nothing is written, until somebody resumes them."""
