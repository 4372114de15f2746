"""What can go wrong with a Postgres, said in one line that tells the owner what to do."""

from collections.abc import Generator
from contextlib import contextmanager

from asyncpg import exceptions as pg

from gateway.stores import StoreRefused, StoreUnavailable

# asyncpg itself is confused (InternalClientError) when the server ends a silent connection.
FAILURES = (pg.PostgresError, pg.InterfaceError, pg.InternalClientError, OSError, TimeoutError)
_CONNECTION_LOST = (
    pg.PostgresConnectionError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.CannotConnectNowError,
    pg.InterfaceError,
    pg.InternalClientError,
    ConnectionError,
)
_ABOUT_WHAT_WAS_SENT = (pg.DataError, pg.IntegrityConstraintViolationError, pg.PLPGSQLError)


def is_lost_connection(problem: BaseException) -> bool:
    """Whether another connection may do better."""
    return isinstance(problem, _CONNECTION_LOST)


@contextmanager
def explained() -> Generator[None]:
    """Turn what asyncpg and the system raise into StoreUnavailable."""
    try:
        yield
    except FAILURES as problem:
        raise unavailable(problem) from problem


def unavailable(problem: BaseException) -> StoreUnavailable:
    """The failure in words, and in the kind that says whether another try makes sense."""
    kind = StoreRefused if isinstance(problem, _ABOUT_WHAT_WAS_SENT) else StoreUnavailable
    return kind(explain(problem))


def explain(problem: BaseException) -> str:
    match problem:
        case pg.InvalidPasswordError() | pg.InvalidAuthorizationSpecificationError():
            return f"the database refuses the login ({_words(problem)}): check user and password."
        case pg.InvalidCatalogNameError():
            return f"{_words(problem)}: make it with `createdb`, or name another one."
        case pg.InsufficientPrivilegeError():
            return f"{_words(problem)}: use the role that owns the database, or grant the right."
        case pg.UndefinedFunctionError() | pg.InvalidSchemaNameError() | pg.UndefinedTableError():
            return f"the schema is missing or old ({_words(problem)}): run `localllm db migrate`."
        case pg.DuplicatePreparedStatementError() | pg.InvalidSQLStatementNameError():
            return (
                "a pooler in transaction mode stands before the database and forgets prepared "
                "statements: use its session mode (Supabase: port 5432), a direct connection, or "
                "PgBouncer 1.21 or newer with max_prepared_statements above 0."
            )
        case pg.TooManyConnectionsError():
            return f"{_words(problem)}: raise max_connections, or end other programs."
        case pg.DiskFullError():
            return f"the disk of the database is full ({_words(problem)}): free some space."
        case pg.CannotConnectNowError():
            return f"{_words(problem)}: try again in a moment."
        case pg.ReadOnlySQLTransactionError():
            return f"{_words(problem)}: name the primary server, not a standby."
        case TimeoutError() | pg.QueryCanceledError():
            return "the database gave no answer in time: look at its load, and at the network."
        case (
            OSError()
            | pg.PostgresConnectionError()
            | pg.InterfaceError()
            | pg.InternalClientError()
        ):
            return f"the database cannot be reached ({_words(problem)}): is it running?"
        case _:
            return f"the database reported an error ({_words(problem)})."


def _words(problem: BaseException) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return (str(problem).splitlines() or [type(problem).__name__])[0].rstrip(".")
