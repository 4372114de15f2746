"""A real PgBouncer in transaction mode before the tests' Postgres, where the machine has one."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.gateway_process import free_port

CONFIGURATION = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


@contextmanager
def pooled(dsn: str) -> Iterator[str]:
    """The same database through it. Two sessions serve all connections."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (Debian: apt install pgbouncer)")
    parts, port = urlsplit(dsn), free_port()
    folder = Path(tempfile.mkdtemp(prefix="localllm-test-"))
    folder.chmod(0o755)
    settings, log = folder / "pgbouncer.ini", folder / "log"
    socket = parse_qs(parts.query)["host"][0]
    settings.write_text(CONFIGURATION.format(socket=socket, port=port))
    account = ["-u", "nobody"] if os.getuid() == 0 else []  # it does not run as root
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *account, str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        while b"process up" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            time.sleep(0.01)
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)
