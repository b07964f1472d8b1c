"""Guards against too many disables, deletes and grants, and how many accounts targets have."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "guards",
        sa.Column("target", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("stopped", sa.BigInteger),
        sa.Column("released", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "admissions",
        sa.Column("admission", SERIAL, primary_key=True),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("admissions_time", "admissions", ["target", "kind", "time"])
    op.create_index("admissions_run", "admissions", ["target", "kind", "run"])
    op.create_table(
        "populations",
        sa.Column("target", TEXT, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("events_request", "events", ["request_id"])
