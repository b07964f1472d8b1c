"""Streams of audit events to other systems, and what they have still to deliver."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "streams",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("stream", TEXT, primary_key=True),
        sa.Column("leaf", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", TEXT),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("deliveries_subject", "deliveries", ["stream", "subject", "leaf"])
