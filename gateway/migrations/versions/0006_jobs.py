"""Jobs, each time that one of them is done, and targets that are paused."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "jobs",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("schedule", TEXT, nullable=False),
        sa.Column("paused", sa.BigInteger),
        sa.Column("planned", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("run", SERIAL, primary_key=True),
        sa.Column("job", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("phase", TEXT, nullable=False),
        sa.Column("requested", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("started", sa.BigInteger),
        sa.Column("ended", sa.BigInteger),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("totals", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pauses",
        sa.Column("target", TEXT, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("runs_job", "runs", ["job", "run"])
    op.create_index("runs_state", "runs", ["state"])
