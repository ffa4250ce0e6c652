"""Whether somebody wants a job to pause."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; jobs from before are not paused."""
    op.add_column("jobs", sa.Column("pause_requested", sa.Boolean))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("pause_requested")
