"""Row-level security on Postgres, and corpus versions of a restored corpus, which are large."""

import sqlalchemy as sa
from alembic import op

from retrieval.state.migrations.protection import expose, protect

revision = "0005"
down_revision = "0004"

_TABLES = (
    "alembic_version",
    "jobs",
    "api_keys",
    "persona_gates",
    "persona_gate_requests",
    "persona_eval_gates",
)


def upgrade() -> None:
    """Protect the tables, and widen the column."""
    _give_type(sa.Integer(), sa.BigInteger())
    protect(*_TABLES)


def downgrade() -> None:
    """Undo both."""
    expose(*_TABLES)
    _give_type(sa.BigInteger(), sa.Integer())


def _give_type(before: sa.Integer, after: sa.Integer) -> None:
    # A restored corpus counts its versions in milliseconds since 1970.
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("index_version", existing_type=before, type_=after)
