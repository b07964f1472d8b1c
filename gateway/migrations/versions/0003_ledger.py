"""The ledger; personal values of events are encrypted by subject and found by digests."""

import hmac
import secrets
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import context, op
from cryptography.fernet import MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PAGE = 500


def upgrade() -> None:
    """Bring the tables to this version. Raises RuntimeError: events to encrypt, but no keys."""
    for name, *columns in TABLES:
        op.create_table(name, *columns, sqlite_autoincrement=name == "subjects")
    op.create_index("leaves_sequence", "leaves", ["sequence"])
    for column in ("login", "detail", "lookup"):
        op.alter_column("events", column, new_column_name=f"plain_{column}")
    for column in ("old", "new"):
        op.alter_column("changes", column, new_column_name=f"plain_{column}")
    op.drop_index("events_login", "events")
    for name, kind in NEW_IN_EVENTS.items():
        op.add_column("events", sa.Column(name, kind))
    for name in ("old", "new"):
        op.add_column("changes", sa.Column(name, sa.LargeBinary))
    op.drop_index("tombstones_login", "tombstones")
    op.drop_column("tombstones", "external_id")
    op.alter_column("tombstones", "login", new_column_name="plain_login")
    op.add_column("tombstones", sa.Column("login", sa.LargeBinary))
    _encrypt(op.get_bind())
    op.drop_column("tombstones", "plain_login")
    op.create_index("tombstones_login", "tombstones", ["target", "resource_type", "login"])
    for column in ("plain_login", "login_folded", "plain_detail", "plain_lookup"):
        op.drop_column("events", column)
    for column in ("plain_old", "plain_new"):
        op.drop_column("changes", column)
    for column in ("subject", "login", "actor", "operation", "outcome", "leaf"):
        op.create_index(f"events_{column}", "events", [column])
    for column in ("path", "old", "new"):
        op.create_index(f"changes_{column}", "changes", [column])
    # Their keys hold filters in clear, and they live for minutes only.
    op.execute("DELETE FROM walk_ids")
    op.execute("DELETE FROM walks")


TABLES: tuple[tuple[Any, ...], ...] = (
    (
        "subjects",
        sa.Column("subject", SERIAL, primary_key=True),
        sa.Column("key", sa.LargeBinary),
        sa.Column("hold", TEXT),
        sa.Column("erased", sa.BigInteger),
    ),
    (
        "leaves",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.LargeBinary),
    ),
    (
        "blocks",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    ),
    (
        "checkpoints",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("note", TEXT, nullable=False),
    ),
    (
        "audit_keys",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    ),
)
NEW_IN_EVENTS = {
    "subject": sa.BigInteger,
    "login": sa.LargeBinary,
    "personal": sa.LargeBinary,
    "leaf": sa.BigInteger,
}


def _encrypt(connection: sa.Connection) -> None:
    """Move what is personal in events and tombstones that are there already."""
    if not any(
        connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))
        for table in ("events", "tombstones")
    ):
        return
    keyring = context.config.attributes.get("keys")
    if keyring is None:
        raise RuntimeError("What the database holds is to be encrypted, and no keys were given.")
    keys = {name: secrets.token_bytes(32) for name in ("digests", "own", "signing")}
    for name, key in keys.items():
        _insert(connection, "audit_keys", name=name, content=keyring.encrypt(key))
    _encrypt_events(connection, keyring, keys)
    for row in connection.execute(sa.text("SELECT * FROM tombstones")).all():
        connection.execute(
            sa.text(
                "UPDATE tombstones SET login = :login WHERE target = :target"
                " AND resource_type = :resource_type AND id = :id"
            ),
            {
                "login": _digest(keys["digests"], row.plain_login),
                "target": row.target,
                "resource_type": row.resource_type,
                "id": row.id,
            },
        )


def _encrypt_events(
    connection: sa.Connection, keyring: MultiFernet, keys: dict[str, bytes]
) -> None:
    subjects: dict[tuple[str, ...], tuple[int, bytes]] = {}
    last = 0
    while rows := connection.execute(
        sa.text("SELECT * FROM events WHERE sequence > :last ORDER BY sequence LIMIT :page"),
        {"last": last, "page": PAGE},
    ).all():
        for row in rows:
            subject, key = None, keys["own"]
            if whose := row.resource_id or row.login_folded:
                about = (row.target, row.resource_type, whose)
                if about not in subjects:
                    key, number = secrets.token_bytes(32), len(subjects) + 1
                    wrapped = keyring.encrypt(key)
                    _insert(connection, "subjects", subject=number, key=wrapped)
                    subjects[about] = number, key
                subject, key = subjects[about]
            _encrypt_event(connection, row, subject, key, keys["digests"])
        last = rows[-1].sequence
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('subjects', 'subject'), :last)"),
            {"last": max(1, len(subjects))},
        )


def _encrypt_event(
    connection: sa.Connection, row: sa.Row[Any], subject: int | None, key: bytes, digests: bytes
) -> None:
    made = connection.execute(
        sa.text("SELECT * FROM changes WHERE sequence = :sequence ORDER BY position"),
        {"sequence": row.sequence},
    ).all()
    content: dict[str, object] = {"salt": secrets.token_hex(32)}
    plain = {"login": row.plain_login, "detail": row.plain_detail, "lookup": row.plain_lookup}
    content |= {name: text for name, text in plain.items() if text}
    texts = [{"old": change.plain_old, "new": change.plain_new} for change in made]
    if texts:
        content["changes"] = [
            {name: text for name, text in pair.items() if text is not None} for pair in texts
        ]
    nonce = secrets.token_bytes(12)
    connection.execute(
        sa.text(
            "UPDATE events SET subject = :subject, login = :login, personal = :personal"
            " WHERE sequence = :sequence"
        ),
        {
            "sequence": row.sequence,
            "subject": subject,
            "login": _digest(digests, row.plain_login),
            "personal": nonce + AESGCM(key).encrypt(nonce, orjson.dumps(content), None),
        },
    )
    for change in made:
        connection.execute(
            sa.text(
                "UPDATE changes SET old = :old, new = :new"
                " WHERE sequence = :sequence AND position = :position"
            ),
            {
                "sequence": row.sequence,
                "position": change.position,
                "old": _digest(digests, change.plain_old),
                "new": _digest(digests, change.plain_new),
            },
        )


def _digest(key: bytes, text: str | None) -> bytes | None:
    return hmac.digest(key, text.casefold().encode(), sha256)[:16] if text else None


def _insert(connection: sa.Connection, table: str, **values: object) -> None:
    columns = sa.table(table, *map(sa.column, values))
    connection.execute(sa.insert(columns).values(values))
