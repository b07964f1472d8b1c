"""The first tables: audit events, tokens, tombstones and walks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "events",
        sa.Column("sequence", SERIAL, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("actor", TEXT),
        sa.Column("client_address", TEXT),
        sa.Column("client", TEXT),
        sa.Column("request_id", TEXT),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("resource_type", TEXT, nullable=False),
        sa.Column("resource_id", TEXT),
        sa.Column("login", TEXT),
        sa.Column("login_folded", TEXT),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("detail", TEXT),
        sa.Column("upstream_calls", sa.Integer),
        sa.Column("duration", sa.Float(53)),
        sa.Column("configuration", TEXT),
        sa.Column("lookup", TEXT),
        sqlite_autoincrement=True,
    )
    op.create_index("events_time", "events", ["time"])
    op.create_index("events_resource", "events", ["target", "resource_id"])
    op.create_index("events_login", "events", ["login_folded"])
    unsettled = sa.text("outcome IN ('open', 'unknown')")
    op.create_index(
        "events_unsettled",
        "events",
        ["outcome"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_table(
        "changes",
        sa.Column("sequence", sa.BigInteger, sa.ForeignKey("events.sequence"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("path", TEXT),
        sa.Column("native", TEXT),
        sa.Column("op", TEXT),
        sa.Column("old", TEXT),
        sa.Column("new", TEXT),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ignored",
        sa.Column("sequence", sa.BigInteger, sa.ForeignKey("events.sequence"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("attribute", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("prefix", TEXT, primary_key=True),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("targets", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("revoked", sa.BigInteger),
    )
    op.create_table(
        "tombstones",
        sa.Column("target", TEXT, primary_key=True),
        sa.Column("resource_type", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("login", TEXT),
        sa.Column("external_id", TEXT),
        sa.Column("time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("tombstones_login", "tombstones", ["target", "resource_type", "login"])
    op.create_table(
        "walks",
        sa.Column("walk", SERIAL, primary_key=True),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("resource_type", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("walks_key", "walks", ["target", "resource_type", "key"], unique=True)
    op.create_table(
        "walk_ids",
        sa.Column(
            "walk",
            sa.BigInteger,
            sa.ForeignKey("walks.walk", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("ids", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
