"""Failures of a Postgres, explained in one line that says what to do."""

from collections.abc import Generator
from contextlib import contextmanager

from asyncpg import exceptions as pg

from gateway.stores import StoreRefused, StoreUnavailable

# asyncpg raises InternalClientError when the server closes an idle connection.
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
# What a pooler in transaction mode does to a statement that was prepared in another session.
LOST_STATEMENT = (pg.DuplicatePreparedStatementError, pg.InvalidSQLStatementNameError)
_ABOUT_WHAT_WAS_SENT = (pg.DataError, pg.IntegrityConstraintViolationError, pg.PLPGSQLError)


def is_passing(problem: BaseException) -> bool:
    """Whether the call may succeed on another connection. A function or a column that is gone was
    replaced by an upgrade while the call waited, which undid the call."""
    gone = (pg.UndefinedFunctionError, pg.UndefinedColumnError)
    return isinstance(problem, (*_CONNECTION_LOST, *LOST_STATEMENT, *gone))


@contextmanager
def explained() -> Generator[None]:
    """Turn the exceptions of asyncpg and the system into StoreUnavailable."""
    try:
        yield
    except FAILURES as problem:
        raise unavailable(problem) from problem


def unavailable(problem: BaseException) -> StoreUnavailable:
    """The failure as an exception with a text. StoreRefused: sending it again cannot help."""
    kind = StoreRefused if isinstance(problem, _ABOUT_WHAT_WAS_SENT) else StoreUnavailable
    return kind(explain(problem))


def explain(problem: BaseException) -> str:
    match problem:
        case pg.InvalidPasswordError() | pg.InvalidAuthorizationSpecificationError():
            return f"the database refuses the login ({_words(problem)}): check user and password."
        case pg.InvalidCatalogNameError():
            return f"{_words(problem)}: create it with `createdb`, or name another database."
        case pg.InsufficientPrivilegeError():
            return f"{_words(problem)}: use the role that owns the database, or grant the right."
        case pg.UndefinedFunctionError() | pg.InvalidSchemaNameError() | pg.UndefinedTableError():
            return f"the schema is missing or old ({_words(problem)}): run `localllm db migrate`."
        case pg.DuplicatePreparedStatementError() | pg.InvalidSQLStatementNameError():
            return (
                "a pooler in front of the database loses statements, even within a transaction: "
                "use its session mode (Supabase: port 5432), or a direct connection."
            )
        case pg.TooManyConnectionsError():
            return f"{_words(problem)}: raise max_connections, or stop other programs."
        case pg.DiskFullError():
            return f"the disk of the database is full ({_words(problem)}): free some space."
        case pg.CannotConnectNowError():
            return f"{_words(problem)}: try again in a moment."
        case pg.ReadOnlySQLTransactionError():
            return f"{_words(problem)}: name the primary server, not a standby."
        case TimeoutError() | pg.QueryCanceledError():
            return "the database did not answer in time: check its load and the network."
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
