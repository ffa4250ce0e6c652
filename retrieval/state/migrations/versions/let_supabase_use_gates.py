"""What Supabase's service role needs to keep gates by the REST interface, on Postgres.

Other roles get nothing, and it gets no more than the gates: jobs and keys stay closed
to it. Settling a request is a function since the interface has no transactions.
"""

from alembic import op

from retrieval.state.migrations.protection import ANYBODY, if_role, on_postgres
from retrieval.state.postgres import SCHEMA

revision = "0009"
down_revision = "0008"

_SERVICE = "service_role"
_GATES = ("persona_gates", "persona_gate_requests", "persona_eval_gates")
_FUNCTION = f"{SCHEMA}.settle_persona_gate(text, text, text, jsonb)"
_RESULTS = f"{SCHEMA}.persona_eval_gates"
_REQUESTS = f"{SCHEMA}.persona_gate_requests"
_ROWS = f"jsonb_populate_recordset(NULL::{_RESULTS}, measured)"
# As `eval.gates.stores.sql` does it, with the same lock.
_SETTLE = f"""
CREATE FUNCTION {SCHEMA}.settle_persona_gate(
  asked text, given text, given_at text, measured jsonb
) RETURNS text LANGUAGE plpgsql SECURITY INVOKER SET search_path = '' AS $$
BEGIN
  UPDATE {_REQUESTS} SET answer = given, answered_at = given_at
    WHERE request_id = asked AND answer IS NULL;
  IF FOUND THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(persona_id, 0))
      FROM (SELECT DISTINCT persona_id FROM {_ROWS} ORDER BY persona_id) AS personas;
    DELETE FROM {_RESULTS} AS old USING {_ROWS} AS new
      WHERE (old.persona_id, old.name, old.version, old.dataset_id)
        = (new.persona_id, new.name, new.version, new.dataset_id);
    INSERT INTO {_RESULTS} SELECT * FROM {_ROWS};
  END IF;
  RETURN (SELECT answer FROM {_REQUESTS} WHERE request_id = asked);
END $$"""


def upgrade() -> None:
    """Make the function, and let the service role in where there is one."""
    if not on_postgres():
        return
    op.execute(_SETTLE)
    op.execute(f"REVOKE ALL ON FUNCTION {_FUNCTION} FROM PUBLIC")
    for role in ANYBODY:
        if_role(role, f"REVOKE ALL ON FUNCTION {_FUNCTION} FROM {role}")
    if_role(_SERVICE, f"GRANT USAGE ON SCHEMA {SCHEMA} TO {_SERVICE}")
    if_role(_SERVICE, f"GRANT EXECUTE ON FUNCTION {_FUNCTION} TO {_SERVICE}")
    if_role(_SERVICE, f"GRANT SELECT ON {SCHEMA}.alembic_version TO {_SERVICE}")
    for table in _GATES:
        rights = "SELECT, INSERT, UPDATE, DELETE"
        if_role(_SERVICE, f"GRANT {rights} ON {SCHEMA}.{table} TO {_SERVICE}")
    # PostgREST knows the tables from when it looked last.
    op.execute("NOTIFY pgrst, 'reload schema'")


def downgrade() -> None:
    """Undo it; the right to the schema may have been there before, and stays."""
    if not on_postgres():
        return
    for table in (*_GATES, "alembic_version"):
        if_role(_SERVICE, f"REVOKE ALL ON {SCHEMA}.{table} FROM {_SERVICE}")
    op.execute(f"DROP FUNCTION {_FUNCTION}")
