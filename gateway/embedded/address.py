"""Where the server listens: a socket that only its owner can reach; on Windows, a loopback port."""

import contextlib
import hashlib
import os
import re
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gateway.embedded.account import WINDOWS, Account, own
from gateway.embedded.problems import EmbeddedError

# Every system takes this much; Linux's limit is 107 bytes, that of macOS 103.
_LONGEST_SOCKET = 103
_PLAIN = re.compile(r"[\w/.@%+~: -]*", re.ASCII)  # needs no quoting in a list of directories
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass(frozen=True)
class Address:
    host: str  # an IP address, or the directory of the socket
    port: int

    @property
    def setting(self) -> str:
        """The lines for postgresql.conf."""
        if self.host.startswith("/"):
            where = f"listen_addresses = ''\nunix_socket_directories = '\"{self.host}\"'"
        else:
            where = f"listen_addresses = '{self.host}'"
        return f"{where}\nport = {self.port}"

    @property
    def lock_file(self) -> Path:
        """The lock file of a server that listens on the socket. For a port, there is none."""
        return Path(self.host, f".s.PGSQL.{self.port}.lock")

    def dsn(self, user: str, password: str) -> str:
        return (
            f"postgresql://{user}:{quote(password, safe='')}@/postgres"
            f"?host={quote(self.host, safe='')}&port={self.port}"
        )

    def answers(self) -> bool:
        """Whether a Postgres is listening: it answers a request for TLS with one letter."""
        try:
            with self._connect() as connection:
                connection.settimeout(5.0)
                connection.sendall(_SSL_REQUEST)
                return connection.recv(1) in {b"S", b"N"}
        except OSError:
            return False

    def _connect(self) -> socket.socket:
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, self.port), timeout=5.0)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(5.0)
            connection.connect(f"{self.host}/.s.PGSQL.{self.port}")
        except OSError:
            connection.close()
            raise
        return connection


def choose(cluster: Path, account: Account | None, wish: Address | None) -> Address:
    """The address for a start. `wish` is the previous one, which clients may still use."""
    if WINDOWS:
        return wish if wish and _is_free(wish) else Address("127.0.0.1", _free_port())
    if _fits(cluster):
        return Address(str(cluster), 5432)
    name = "localllm-" + hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    # An existing directory is only used if nobody else can reach it.
    parents = dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp"])  # noqa: S108 - see above
    for parent in parents:
        directory = Path(parent, name)
        if _fits(directory) and _make_private(directory, account):
            return Address(str(directory), 5432)
    raise EmbeddedError(
        f"There is no private directory for the database's socket: remove {name} from "
        f"{' and '.join(parents)}, or set DATA_DIR to a shorter path."
    )


def _fits(directory: Path) -> bool:
    text = str(directory)
    length = len(os.fsencode(directory / ".s.PGSQL.5432"))
    return length <= _LONGEST_SOCKET and _PLAIN.fullmatch(text) is not None


def _make_private(directory: Path, account: Account | None) -> bool:
    """Create the directory, or accept an existing one that is ours and closed to others: the parent
    is a directory that everybody can write to."""
    if account is not None and not account.can_enter(directory.parent):
        return False
    try:
        directory.mkdir(mode=0o700)
        own(directory, account)
    except FileExistsError:
        pass
    except OSError:
        return False
    found = directory.lstat()
    ours = account.uid if account else os.geteuid()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == ours and not found.st_mode & 0o077


def remove_private(cluster: Path, used: Address) -> None:
    """Remove the directory that was created only for the socket, after the server has stopped."""
    directory = Path(used.host)
    if directory != cluster and directory.name.startswith("localllm-"):
        with contextlib.suppress(OSError):
            directory.rmdir()


def _is_free(address: Address) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address.host, address.port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
