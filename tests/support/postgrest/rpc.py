"""One call of a function, from the token to the reply, as PostgREST makes it (App.hs)."""

from typing import Any

import msgspec

from tests.support.postgrest import statements
from tests.support.postgrest.calls import JSON, Call, Reply, Request
from tests.support.postgrest.database import Database
from tests.support.postgrest.problems import problem
from tests.support.postgrest.routines import SCHEMA, Routine

EXPOSED = (SCHEMA, "graphql_public")  # as on a new project
PREFIX = "/rest/v1"


def function_of(path: str) -> str:
    """The function's name, or nothing if the path names none."""
    parts = path.removeprefix(PREFIX + "/").split("/")
    return parts[1] if path.startswith(PREFIX + "/rpc/") and len(parts) == 2 else ""


def check(request: Request) -> None:
    """Refuse what no function is called by. Raises Refused."""
    if not function_of(request.path):
        name = request.path.removeprefix(f"{PREFIX}/")
        if name and "/" not in name:  # only functions are exposed
            words = f"Could not find the table '{SCHEMA}.{name}' in the schema cache"
            raise problem("PGRST205", words)
        raise problem("PGRST125", "Invalid path specified in request URL")
    if request.method not in ("GET", "HEAD", "POST"):
        raise problem("PGRST101", f"Cannot use the {request.method} method on RPC")
    profile = "content-profile" if request.method == "POST" else "accept-profile"
    schema = request.headers.get(profile, SCHEMA)
    if schema not in EXPOSED:
        hint = f"Only the following schemas are exposed: {', '.join(EXPOSED)}"
        raise problem("PGRST106", f"Invalid schema: {schema}", hint=hint)


def arguments_of(request: Request) -> Any:
    """The body of a POST, the query of a GET. Raises Refused."""
    if request.method != "POST":
        return dict(request.query)
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind != "application/json":
        raise problem("PGRST102", f"Content-Type not acceptable: {kind}")
    if not request.body:
        return {}
    try:
        return msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        raise problem("PGRST102", "Empty or invalid json") from None


def names_in(arguments: Any) -> frozenset[str]:
    """An array stands for its objects, which must be alike; all else for an empty array."""
    if isinstance(arguments, dict):
        return frozenset(arguments)
    if not isinstance(arguments, list) or not arguments:
        return frozenset()
    names = [frozenset(one) if isinstance(one, dict) else None for one in arguments]
    if names[0] is None or any(one != names[0] for one in names):
        raise problem("PGRST102", "All object keys must match")
    return names[0]


async def call_function(
    database: Database, request: Request, call: Call, claims: dict[str, Any]
) -> Reply:
    """Run it in a transaction of its own. Raises Refused."""
    arguments = arguments_of(request)
    names = names_in(arguments)
    routine = await database.routine(call.function, names)
    if request.method == "POST":
        is_object = isinstance(arguments, dict)
        sql = statements.call_with_json(routine, names, is_object=is_object)
        values = [request.body.decode()] if names else []
    else:
        sql = statements.call_with_query(routine, list(arguments))
        values = list(arguments.values())
    role = call.role or "anon"
    settings = statements.settings_of(
        request, claims, role, database.settings_of(role), routine.settings
    )
    write = request.method == "POST" and routine.is_volatile
    row = await database.run(settings, sql, values, write=write)
    return _reply(routine, row, head=request.method == "HEAD")


def _reply(routine: Routine, row: Any, *, head: bool) -> Reply:
    total = row["page_total"]
    content_range = ("content-range", f"0-{total - 1}/*" if total else "*/*")
    status = int(row["response_status"] or 200)
    if routine.is_void:
        return Reply(int(row["response_status"] or 204), b"", (content_range,))
    headers = (content_range, JSON, ("content-profile", SCHEMA))
    return Reply(status, b"" if head else row["body"].encode(), headers)
