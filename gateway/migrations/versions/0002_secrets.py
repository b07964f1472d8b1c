"""Secrets of targets that their LMSs replace while they are used, encrypted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "secrets",
        sa.Column("target", TEXT, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
