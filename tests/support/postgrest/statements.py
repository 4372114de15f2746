"""The two statements of a call, shaped as PostgREST shapes them (PreQuery.hs, QueryBuilder.hs)."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from tests.support.postgrest.calls import Request
from tests.support.postgrest.routines import SCHEMA, Argument, Routine

SEARCH_PATH = f'"{SCHEMA}", "public", "extensions"'  # the last two: Supabase's extra search path


def settings_of(
    request: Request,
    claims: Mapping[str, Any],
    role: str,
    of_role: Sequence[tuple[str, str]],
    of_routine: Sequence[tuple[str, str]],
) -> list[tuple[str, str]]:
    """In PostgREST's order: the role's settings come before the role, which may not set them."""
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    return [
        ("search_path", SEARCH_PATH),
        *of_role,
        ("role", role),
        ("request.jwt.claims", _json({**claims, "role": role})),
        ("request.method", request.method),
        ("request.path", request.path.removeprefix("/rest/v1")),
        ("request.headers", _json(headers)),
        ("request.cookies", "{}"),
        *of_routine,
    ]


@cache
def set_all(count: int) -> str:
    """One statement that makes so many settings, for this transaction only."""
    pairs = (f"set_config(${n}, ${n + 1}, true)" for n in range(1, 2 * count, 2))
    return f"select {', '.join(pairs)}"


def call_with_json(routine: Routine, given: frozenset[str], *, is_object: bool = True) -> str:
    """$1 is the body."""
    passed = [one for one in routine.arguments if one.name in given]
    if not passed:
        return _around(routine, f"FROM {_target(routine, '')}")
    names = ", ".join(_quoted(one.name) for one in passed)
    types = ", ".join(f"{_quoted(one.name)} {_accepting(one)}" for one in passed)
    bound = ", ".join(f"{_quoted(one.name)} := pgrst_body.{_quoted(one.name)}" for one in passed)
    record = "json_to_record" if is_object else "json_to_recordset"
    return _around(
        routine,
        "FROM (SELECT $1::json AS json_data) pgrst_payload, "
        f"LATERAL (SELECT {names} FROM {record}(pgrst_payload.json_data) AS _({types}) LIMIT 1)"
        f" pgrst_body , LATERAL {_target(routine, bound)}",
    )


def call_with_query(routine: Routine, given: Sequence[str]) -> str:
    """$1, $2 … are the values of the query string."""
    types = {one.name: _accepting(one) for one in routine.arguments}
    bound = ", ".join(
        f"{_quoted(name)} := ${number}::text::{types[name]}" for number, name in enumerate(given, 1)
    )
    return _around(routine, f"FROM {_target(routine, bound)}")


def _target(routine: Routine, bound: str) -> str:
    called = f"{_quoted(SCHEMA)}.{_quoted(routine.name)}({bound})"
    if routine.is_composite:
        return f"{called} pgrst_call"
    return f"(SELECT {called} pgrst_scalar) pgrst_call"


def _around(routine: Routine, source: str) -> str:
    columns = "pgrst_call.*" if routine.is_composite else "pgrst_call.pgrst_scalar"
    value = "_postgrest_t" if routine.is_composite else "_postgrest_t.pgrst_scalar"
    body = f"json_agg({value})" + ("" if routine.is_set else "->0")
    empty = "'[]'" if routine.is_set else "'null'"
    count = "pg_catalog.count(_postgrest_t)" if routine.is_set else "1"
    name = _quoted(routine.name)
    return (
        f"WITH pgrst_source AS (SELECT {columns} {source}) "
        f"SELECT null::bigint AS total_result_set, {count} AS page_total, "
        f"coalesce({body}, {empty}) AS body, "
        "nullif(current_setting('response.headers', true), '') AS response_headers, "
        "nullif(current_setting('response.status', true), '') AS response_status, "
        "'' AS response_inserted "
        f"FROM (SELECT {name}.* FROM pgrst_source AS {name}) _postgrest_t"
    )


def _accepting(argument: Argument) -> str:
    """The type without its length, so that the function and not the cast judges it."""
    kind, brackets = argument.type.removesuffix("[]"), "[]" * argument.type.endswith("[]")
    return {"bit": "bit varying", "character": "character varying"}.get(kind, kind) + brackets


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
