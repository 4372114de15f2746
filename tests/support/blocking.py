"""A blocking call of ours in an event loop is an error: it holds up every request that runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import blockbuster_ctx

ALLOWED = {
    # Opens what the process before left; doctor counts it.
    "gateway/proxy/outbox_file.py": {"__init__", "left_in"},
    # Small files of the tunnel, and the PATH: doctor and the page of its state look at them.
    "tunnel/status_file.py": {"current"},
    "tunnel/program.py": {"find"},
    # Before the first request, or in a command that serves none.
    "gateway/checks/checkup.py": {"examine", "_within"},
    "gateway/config/extras.py": {"is_installed", "install_command", "_uvs", "_is_trusted"},
    "gateway/database/migrate.py": {"folder", "steps"},
    "gateway/database/opening.py": {"reach_database"},
    "gateway/dialects/__init__.py": {"_modules"},
    "gateway/routes/account_page.py": {"account_page_routes"},
    "gateway/routes/console.py": {"console_routes"},
    "gateway/routes/pages.py": {"page_routes"},
    # What others do, and is as fast as a disk or terminal is.
    "asyncpg/connection.py": {"connect"},  # looks for a password file and certificates
    "logging/__init__.py": {"handle"},
}


@contextmanager
def no_blocking_calls() -> Iterator[None]:
    """Raises `BlockingError` where the gateway blocks a loop in which it is not allowed to."""
    with blockbuster_ctx("gateway") as watch:
        for function in watch.functions.values():
            for file, names in ALLOWED.items():
                function.can_block_in(file, names)
        yield
