"""The status that PostgREST gives to each error: the table of its src/PostgREST/Error.hs.

Read in v14.17 (what Supabase runs) and v16.2, which agree. The first row that fits counts.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Errors whose code begins with `code`, and whose message fits, if one is named."""

    code: str
    status: int
    what: str
    message: str = ""
    anonymous: int | None = None  # for the role anon, where that makes a difference


STATUSES = (
    # Postgres's own.
    Row("08", 503, "connection exception"),
    Row("09", 500, "triggered action exception"),
    Row("0L", 403, "invalid grantor"),
    Row("0P", 403, "invalid role specification"),
    Row("23503", 409, "foreign key violation"),
    Row("23505", 409, "unique violation"),
    Row("25006", 405, "read-only transaction"),
    Row("21000", 400, "pg-safeupdate", "requires a WHERE clause$"),
    Row("21000", 500, "cardinality violation"),
    Row("22023", 401, "the token's role is unknown", "^role.*does not exist$"),
    Row("22023", 400, "invalid parameter value"),
    Row("25", 500, "invalid transaction state"),
    Row("28", 403, "invalid authorization"),
    Row("2D", 500, "invalid transaction termination"),
    Row("38", 500, "external routine exception"),
    Row("39", 500, "external routine invocation"),
    Row("3B", 500, "savepoint exception"),
    Row("40", 500, "transaction rollback: serialization failure, deadlock"),
    Row("53400", 500, "configuration limit exceeded"),
    Row("53", 503, "insufficient resources: disk full, too many connections"),
    Row("54", 500, "program limit exceeded"),
    Row("55", 500, "object not in prerequisite state"),
    Row("57P01", 503, "the server shuts down"),
    Row("57", 500, "operator intervention: statement time-out"),
    Row("58", 500, "system error"),
    Row("F0", 500, "configuration file error"),
    Row("HV", 500, "foreign data wrapper error"),
    Row("P0001", 400, "raise exception"),
    Row("P0", 500, "PL/pgSQL error"),
    Row("XX", 500, "internal error"),
    Row("42883", 406, "no xml aggregate", r"^function xmlagg\("),
    Row("42883", 404, "undefined function"),
    Row("42P01", 404, "undefined table"),
    Row("42P17", 500, "infinite recursion"),
    Row("42501", 403, "insufficient privilege", anonymous=401),
    # PostgREST's own.
    Row("PGRST000", 503, "cannot connect to the database"),
    Row("PGRST001", 503, "lost the connection to the database"),
    Row("PGRST002", 503, "cannot read the schema cache"),
    Row("PGRST003", 504, "no connection became free in time"),
    Row("PGRST101", 405, "not a method for a function"),
    Row("PGRST102", 400, "bad body"),
    Row("PGRST106", 406, "schema not exposed"),
    Row("PGRST125", 404, "no such path"),
    Row("PGRST202", 404, "no such function with these arguments"),
    Row("PGRST203", 300, "several functions fit"),
    Row("PGRST205", 404, "no such table"),
    Row("PGRST301", 401, "token not decoded"),
    Row("PGRST303", 401, "token's claims not good"),
)
OTHER = 400


def status_of(code: str, message: str, *, anonymous: bool = False) -> int:
    if re.fullmatch(r"PT\d{3}", code):  # raised by a function that chose its status
        return int(code[2:])
    for row in STATUSES:
        if code.startswith(row.code) and re.search(row.message, message):
            return row.anonymous if anonymous and row.anonymous else row.status
    return OTHER
