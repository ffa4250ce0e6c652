"""The tables of persona gates.

On Postgres they stand in the schema `pmoves_core`. The predecessor has a table
there under the same name, with other columns: it stays, under another name.
"""

import sqlalchemy as sa
from alembic import op

from retrieval.state.migrations.protection import on_postgres

revision = "0004"
down_revision = "0003"

_SCHEMA = "pmoves_core"
_RESULTS = "persona_eval_gates"


def upgrade() -> None:
    """Create the tables."""
    schema = _schema()
    op.create_table(
        "persona_gates",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("version", sa.String(128), primary_key=True),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("defined_at", sa.String(40), nullable=False),
        schema=schema,
    )
    op.create_table(
        "persona_gate_requests",
        sa.Column("request_id", sa.String(36), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("claimed_until", sa.String(40), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("answered_at", sa.String(40)),
        schema=schema,
    )
    op.create_table(_RESULTS, *_result_columns(), schema=schema)


def downgrade() -> None:
    """Drop the tables; that of the predecessor gets its name back."""
    schema = _SCHEMA if on_postgres() else None
    for name in (_RESULTS, "persona_gate_requests", "persona_gates"):
        op.drop_table(name, schema=schema)
    if on_postgres():
        _rename(f"{_RESULTS}_predecessor", _RESULTS)


def _result_columns() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("persona_id", sa.String(36)),
        sa.Column("name", sa.String(128)),
        sa.Column("version", sa.String(128)),
        sa.Column("dataset_id", sa.String(128)),
        sa.Column("suite", sa.String(256)),
        sa.Column("metric", sa.String(64)),
        sa.Column("rule", sa.String(16)),
        sa.Column("threshold", sa.Float),
        sa.Column("value", sa.Float),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("pass", sa.Boolean),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("dataset_hash", sa.String(64), nullable=False),
        sa.Column("last_run", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint(
            "persona_id",
            "name",
            "version",
            "dataset_id",
            "suite",
            "metric",
            "rule",
            name="pk_persona_eval_gates",
        ),
    ]


def _schema() -> str | None:
    if not on_postgres():
        return None
    op.execute(sa.schema.CreateSchema(_SCHEMA, if_not_exists=True))
    _rename(_RESULTS, f"{_RESULTS}_predecessor")
    return _SCHEMA


def _rename(old: str, new: str) -> None:
    op.execute(f"ALTER TABLE IF EXISTS {_SCHEMA}.{old} RENAME TO {new}")
