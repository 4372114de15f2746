"""Fixtures for every test: a Postgres of their own, made only for those that ask for it."""

from tests.postgres_fixture import (
    anyio_backend,
    database,
    empty_database,
    postgres,
    store,
)

__all__ = ["anyio_backend", "database", "empty_database", "postgres", "store"]
