"""The files of the database: where they lie, how they are made, checked and configured."""

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from gateway.embedded.account import USER, WINDOWS, Account, make_system_dir, own, owner_name
from gateway.embedded.binaries import Binaries
from gateway.embedded.problems import EmbeddedError, explain_log
from tunnel import private_files

MAJOR = "18"
SUPERUSER = "postgres"
_INITDB_SECONDS = 180.0

# Written anew at each start. A small server: its memory is the model's. Statements that fail are
# the caller's news, not the log's, so that the log stays small.
_CONFIGURATION = """\
# Made by localllm at each start; use ALTER SYSTEM for settings of your own.
{listen}
{shared_memory}
max_connections = 60
shared_buffers = 64MB
max_wal_size = 256MB
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
io_method = sync
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = log
log_checkpoints = off
"""
# In files of its own: what it shares by name, systemd removes when its user logs out for good.
_SHARED_MEMORY = "" if WINDOWS else "dynamic_shared_memory_type = mmap"


def place(data_dir: Path, account: Account | None, report: Callable[[str], None]) -> Path:
    """Where the cluster is, or shall be: in `data_dir`, unless its user could not get there."""
    link = data_dir / "postgres"
    if link.is_symlink():
        if not link.exists():
            raise EmbeddedError(
                f"The database of {data_dir} lay in {link.readlink()}, which is gone: bring it "
                f"back, or remove {link} to begin with an empty database."
            )
        return link.resolve()
    if account is None or account.can_enter(data_dir):
        return link
    if link.exists():
        raise EmbeddedError(
            f"The user {USER} of the database can no longer enter {data_dir}: allow it "
            "(chmod o+x on the directories above), or set DATA_DIR to another directory."
        )
    target = make_system_dir() / secrets.token_hex(6)
    report(f"The database lies in {target}: its user {USER} cannot enter {data_dir}.")
    return target


def check(cluster: Path, account: Account | None) -> bool:
    """Whether there is a cluster; raises for one that is not ours to use."""
    if not cluster.exists():
        return False
    owner = cluster.stat().st_uid
    if not WINDOWS and owner != (account.uid if account else os.geteuid()):
        who = "root" if owner_name(owner) == USER else owner_name(owner)
        raise EmbeddedError(
            f"The database in {cluster} belongs to {who}: run localllm as {who}, "
            "or set DATA_DIR to another directory."
        )
    try:
        version = (cluster / "PG_VERSION").read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        version = ""
    if not version.isdigit():
        raise EmbeddedError(
            f"The database in {cluster} is damaged (no PG_VERSION): restore a backup, "
            "or move that directory away to begin with an empty database."
        )
    if version != MAJOR:
        raise EmbeddedError(
            f"The database in {cluster} was made by PostgreSQL {version}, this is {MAJOR}: move it "
            "over with pg_dump, or set DATA_DIR to another directory."
        )
    return True


def password(data_dir: Path, *, make: bool) -> str:
    """The server's password, made with the cluster and kept where only its owner reads it."""
    file = data_dir / "postgres-password"
    try:
        kept = file.read_text("ascii").strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    if not make:
        raise EmbeddedError(
            f"{file} is missing: restore it, or move {data_dir / 'postgres'} away "
            "to begin with an empty database."
        )
    made = secrets.token_urlsafe(32)
    private_files.write(file, made + "\n")
    return made


def make(binaries: Binaries, data_dir: Path, cluster: Path, secret: str, log: Path) -> None:
    """Run initdb aside and move the result into place, so that nothing half-made is ever used."""
    with _staging(data_dir, cluster.parent) as staging, private_files.append(log) as output:
        secret_file = staging / "password"
        private_files.write(secret_file, secret)
        own(secret_file, binaries.account)
        own(staging, binaries.account)  # last: from now on its user can change what is in it
        begun = output.tell()
        status = binaries.run(
            "initdb",
            f"--username={SUPERUSER}",
            f"--pwfile={secret_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-instructions",
            # Built in: the same order of text on each machine and after each system upgrade.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            cluster=staging / "cluster",
            output=output,
            timeout=_INITDB_SECONDS,
        )
        if status != 0:
            raise EmbeddedError(explain_log(tail(log, begun), cluster, log))
        (staging / "cluster").rename(cluster)
    link = data_dir / "postgres"
    if cluster != link:
        link.symlink_to(cluster)


@contextmanager
def _staging(data_dir: Path, parent: Path) -> Generator[Path]:
    """A directory beside the cluster. What an interrupted start of ours left is removed."""
    ours = f".new-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}-"
    for leftover in parent.glob(f"{ours}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=ours, dir=parent))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def configure(cluster: Path, listen: str, account: Account | None) -> None:
    file = cluster / "postgresql.conf"
    text = _CONFIGURATION.format(listen=listen, shared_memory=_SHARED_MEMORY)
    owner = (account.uid, account.gid) if account else None
    private_files.write(file, text, owner=owner)


def tail(log: Path, begun: int) -> str:
    """What was written to the log since it was `begun` bytes long."""
    with log.open("rb") as source:
        source.seek(begun)
        return source.read(65536).decode(errors="replace")
