"""The tables of the gates in the state database."""

import sqlalchemy as sa

from retrieval.state.database import METADATA

GATES = sa.Table(
    "persona_gates",
    METADATA,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("version", sa.String(128), primary_key=True),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("defined_at", sa.String(40), nullable=False),
)
REQUESTS = sa.Table(
    "persona_gate_requests",
    METADATA,
    sa.Column("request_id", sa.String(36), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(36), nullable=False),
    sa.Column("claimed_until", sa.String(40), nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("answered_at", sa.String(40)),
)
RESULTS = sa.Table(
    "persona_eval_gates",
    METADATA,
    sa.Column("persona_id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("version", sa.String(128), primary_key=True),
    sa.Column("dataset_id", sa.String(128), primary_key=True),
    sa.Column("suite", sa.String(256), primary_key=True),
    sa.Column("metric", sa.String(64), primary_key=True),
    sa.Column("rule", sa.String(16), primary_key=True),
    sa.Column("threshold", sa.Float),
    sa.Column("value", sa.Float),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("pass", sa.Boolean, key="passed"),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("dataset_hash", sa.String(64), nullable=False),
    sa.Column("last_run", sa.String(40), nullable=False),
)
