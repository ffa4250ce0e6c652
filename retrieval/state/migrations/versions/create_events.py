"""The tables of the outbox of events."""

import sqlalchemy as sa
from alembic import op

from retrieval.state.migrations.protection import protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("namespace", sa.String(128), nullable=False),
        sa.Column("doc_id", sa.String(1024), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ledger_at", sa.String(40), nullable=False),
        sa.Column("envelope", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
    )
    op.create_index("ix_events_state", "events", ["state", "created_at"])
    op.create_index("ix_events_document", "events", ["doc_id", "state"])
    op.create_table(
        "event_deliveries",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("url", sa.String(2048), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.String(40), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("delivered_at", sa.String(40)),
    )
    op.create_index("ix_event_deliveries_due", "event_deliveries", ["state", "due_at"])
    protect("events", "event_deliveries")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("event_deliveries")
    op.drop_table("events")
