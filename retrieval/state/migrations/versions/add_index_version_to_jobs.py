"""The corpus version that shows what a job has stored."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; jobs from before have none."""
    op.add_column("jobs", sa.Column("index_version", sa.Integer))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("index_version")
