"""Whether somebody wants a job to pause."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; jobs from before are not paused."""
    op.add_column("jobs", sa.Column("pause_requested", sa.Boolean))
