"""The table of schedules."""

import sqlalchemy as sa
from alembic import op

from retrieval.state.migrations.protection import protect

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table and its indexes."""
    op.create_table(
        "schedules",
        sa.Column("schedule_id", sa.String(64), primary_key=True),
        sa.Column("namespace", sa.String(128), nullable=False),
        sa.Column("cron", sa.String(200), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("next_at", sa.String(40), nullable=False),
        sa.Column("last_at", sa.String(40)),
        sa.Column("last_job_id", sa.String(64)),
    )
    op.create_index("ix_schedules_namespace", "schedules", ["namespace"])
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"])
    protect("schedules")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("schedules")
