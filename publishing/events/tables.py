"""The tables of the outbox in the state database."""

import sqlalchemy as sa

from retrieval.state.database import METADATA

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("event_id", sa.String(36), primary_key=True),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("namespace", sa.String(128), nullable=False),
    sa.Column("doc_id", sa.String(1024), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("ledger_at", sa.String(40), nullable=False),
    sa.Column("envelope", sa.JSON, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Index("ix_events_state", "state", "created_at"),
    sa.Index("ix_events_document", "doc_id", "state"),
)
DELIVERIES = sa.Table(
    "event_deliveries",
    METADATA,
    sa.Column("event_id", sa.String(36), primary_key=True),
    sa.Column("url", sa.String(2048), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", sa.String(40), nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("delivered_at", sa.String(40)),
    sa.Index("ix_event_deliveries_due", "state", "due_at"),
)
