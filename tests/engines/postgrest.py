"""What PostgREST makes of a request, as SQL; a part of `tests.engines.supabase`."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Json

_STATUS = {"42501": 403, "23505": 409, "23503": 409, "42P01": 404, "42883": 404}
_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "neq": "<>"}
_RESERVED = ("select", "order", "limit", "offset", "columns", "on_conflict")

Connection = psycopg.Connection[Any]


class Problem(Exception):
    """A refusal, as PostgREST writes it."""

    def __init__(
        self, status: int, code: str | None, message: str, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "details": None, "hint": hint, "message": message}


@dataclass(frozen=True, slots=True)
class Request:
    """A request for `name` in `schema`, by `role`; `params` are those of its address."""

    method: str
    name: str
    schema: str
    role: str
    params: list[tuple[str, str]]
    prefer: str
    body: Any
    most_rows: int

    def param(self, name: str) -> str:
        """Return a parameter, or nothing."""
        return dict(self.params).get(name, "")

    @property
    def table(self) -> sql.Composable:
        """The table that is asked for."""
        return sql.Identifier(self.schema, self.name)


def answer(connection: Connection, request: Request) -> Any:
    """Return what the database says to `request`, in one transaction; raises `Problem`."""
    try:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(request.role)))
        if request.name.startswith("rpc/"):
            found = _called(connection, request)
        else:
            found = _of_table(connection, request)
        connection.commit()
        return found
    except psycopg.Error as error:
        state = error.sqlstate or "XX000"
        status = _STATUS.get(state, 500 if state.startswith(("X", "5")) else 400)
        # Who is not known yet shall log in.
        status = 401 if (status, request.role) == (403, "anon") else status
        raise Problem(status, state, str(error).partition("\n")[0]) from error


def _called(connection: Connection, request: Request) -> Any:
    name = request.name.removeprefix("rpc/")
    query = (
        "SELECT unnest(proargnames), unnest(proargtypes::oid[])::regtype::text FROM pg_proc "
        "WHERE pronamespace::regnamespace::text = %s AND proname = %s"
    )
    types = dict(connection.execute(query, (request.schema, name)).fetchall())
    if not types or not request.body.keys() <= types.keys():
        called = f"{request.schema}.{name}({', '.join(sorted(request.body))})"
        message = f"Could not find the function {called} in the schema cache"
        raise Problem(404, "PGRST202", message)
    given = [
        sql.SQL("{} => {}::{}").format(sql.Identifier(name), _value(value), sql.SQL(types[name]))
        for name, value in request.body.items()
    ]
    function = sql.Identifier(request.schema, name)
    called_so = sql.SQL("SELECT {}({})").format(function, sql.SQL(", ").join(given))
    row = connection.execute(called_so).fetchone()
    return row[0] if row else None


def _value(value: Any) -> sql.Composable:
    return sql.Literal(Json(value) if isinstance(value, (list, dict)) else value)


def _of_table(connection: Connection, request: Request) -> list[Any]:
    # The cache knows tables whatever the rights of the role.
    known = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = %s"
    if not connection.execute(known, (request.schema, request.name)).fetchone():
        message = f"Could not find the table '{request.schema}.{request.name}' in the schema cache"
        raise Problem(404, "PGRST205", message)
    makers = {"GET": _select, "POST": _insert, "PATCH": _update, "DELETE": _delete}
    statement = makers[request.method](connection, request)
    whole = sql.SQL("WITH found AS ({}) SELECT coalesce(json_agg(found), '[]') FROM found")
    row = connection.execute(whole.format(statement)).fetchone()
    returned = request.method == "GET" or "return=representation" in request.prefer
    return list(row[0]) if row and returned else []


def _select(_connection: Connection, request: Request) -> sql.Composable:
    limit = min(int(request.param("limit") or request.most_rows), request.most_rows)
    return sql.SQL("SELECT {} FROM {}{}{} LIMIT {} OFFSET {}").format(
        _columns(request.param("select")),
        request.table,
        _where(request),
        _order(request.param("order")),
        sql.Literal(limit),
        sql.Literal(int(request.param("offset") or 0)),
    )


def _insert(connection: Connection, request: Request) -> sql.Composable:
    rows = request.body if isinstance(request.body, list) else [request.body]
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM "
        "json_populate_recordset(NULL::{table}, {rows}){conflict} RETURNING *"
    ).format(
        table=request.table,
        columns=columns,
        rows=_value(rows),
        conflict=_on_conflict(connection, request, list(rows[0])),
    )


def _on_conflict(connection: Connection, request: Request, given: list[str]) -> sql.Composable:
    if "resolution=" not in request.prefer:
        return sql.SQL("")
    named = request.param("on_conflict").split(",") if request.param("on_conflict") else None
    target = sql.SQL(", ").join(map(sql.Identifier, named or _primary_key(connection, request)))
    if "resolution=ignore-duplicates" in request.prefer:
        return sql.SQL(" ON CONFLICT ({}) DO NOTHING").format(target)
    changes = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in given]
    return sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(target, sql.SQL(", ").join(changes))


def _primary_key(connection: Connection, request: Request) -> list[str]:
    query = (
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a "
        "ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
        "JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE i.indisprimary AND n.nspname = %s AND c.relname = %s"
    )
    return [row[0] for row in connection.execute(query, (request.schema, request.name))]


def _update(_connection: Connection, request: Request) -> sql.Composable:
    changes = [
        sql.SQL("{} = {}").format(sql.Identifier(name), _value(value))
        for name, value in request.body.items()
    ]
    return sql.SQL("UPDATE {} SET {}{} RETURNING *").format(
        request.table, sql.SQL(", ").join(changes), _where(request)
    )


def _delete(_connection: Connection, request: Request) -> sql.Composable:
    return sql.SQL("DELETE FROM {}{} RETURNING *").format(request.table, _where(request))


def _columns(text: str) -> sql.Composable:
    if text in ("", "*"):
        return sql.SQL("*")
    return sql.SQL(", ").join(map(sql.Identifier, text.split(",")))


def _order(text: str) -> sql.Composable:
    if not text:
        return sql.SQL("")
    terms = []
    for part in text.split(","):
        name, _, direction = part.partition(".")
        down = sql.SQL(" DESC" if direction.startswith("desc") else "")
        terms.append(sql.Identifier(name) + down)
    return sql.SQL(" ORDER BY ") + sql.SQL(", ").join(terms)


def _where(request: Request) -> sql.Composable:
    given = [(name, value) for name, value in request.params if name not in _RESERVED]
    if not given:
        return sql.SQL("")
    return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(_condition(*item) for item in given)


def _condition(name: str, text: str) -> sql.Composable:
    inner = text.removeprefix("not.")
    operator, _, value = inner.partition(".")
    if operator == "is" and value == "null":
        found = sql.SQL("{} IS NULL").format(sql.Identifier(name))
    elif operator in _OPERATORS:
        found = sql.SQL("{} {} {}").format(
            sql.Identifier(name), sql.SQL(_OPERATORS[operator]), sql.Literal(value)
        )
    else:
        raise Problem(400, "PGRST100", f'failed to parse filter ({text}) of "{name}"')
    return found if inner == text else sql.SQL("NOT ({})").format(found)
