"""As whom the server runs. Postgres refuses to run as root, so root gets a user for it.

No existing directory's mode is ever changed: what the user cannot reach is put elsewhere.
"""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gateway.embedded.problems import EmbeddedError, explained
from tunnel import private_files

WINDOWS = os.name == "nt"
USER = "localllm-postgres"
# Where root's server keeps what its user could not reach below root's home.
SYSTEM_DIR = Path("/var/lib/localllm")
_PROGRAMS = "/usr/sbin:/sbin:/usr/bin:/bin"


@dataclass(frozen=True)
class Account:
    """A user other than ours that owns the cluster and runs the server."""

    uid: int
    gid: int

    def can_enter(self, directory: Path) -> bool:
        """Really tried, because modes alone do not tell (ACLs, mounts, links)."""
        return self.succeeds("/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory))

    def succeeds(self, *command: str) -> bool:
        try:
            done = subprocess.run(
                command,
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                cwd="/",
                env={"PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except OSError:
            return False
        return done.returncode == 0


def server_account() -> Account | None:
    """The user for the server, made when it is missing; None: the server runs as we do."""
    if WINDOWS or os.geteuid() != 0:
        return None
    found = _look_up() or _make()
    if found is None:
        raise EmbeddedError(
            f"Postgres does not run as root and the user {USER} could not be made: make it "
            "yourself, run localllm as an ordinary user, or set DATABASE_URL."
        )
    return found


def own(path: Path, account: Account | None) -> None:
    """Give a file or directory that we have just made to the server. By descriptor: what somebody
    has put in its place meanwhile is a link, or not ours, or has another name too, and stays."""
    if account is None or WINDOWS:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        single = stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink < 2)
        if not single or found.st_uid != os.geteuid():
            raise EmbeddedError(f"Somebody else has put another file in the place of {path}.")
        os.fchown(descriptor, account.uid, account.gid)
    finally:
        os.close(descriptor)


def owner_name(uid: int) -> str:
    if WINDOWS:
        return str(uid)
    import pwd  # not there on Windows

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"number {uid}"


def make_system_dir() -> Path:
    """The directory for root's servers; its mode is set only when it is new."""
    if not SYSTEM_DIR.exists():
        SYSTEM_DIR.mkdir(parents=True, exist_ok=True)
        SYSTEM_DIR.chmod(0o755)  # whatever the umask is: the server has to pass
    return SYSTEM_DIR


def _look_up() -> Account | None:
    import pwd  # not there on Windows

    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _make() -> Account | None:
    """Make the user, unless another process is doing so: two calls of `useradd` at once fail."""
    useradd = shutil.which("useradd", path=_PROGRAMS)
    if useradd is None:
        raise EmbeddedError(
            f"Postgres does not run as root and there is no `useradd` here: make a user called "
            f"{USER}, run localllm as an ordinary user, or set DATABASE_URL."
        )
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    with explained(SYSTEM_DIR), private_files.lock(make_system_dir() / "account.lock"):
        found = _look_up()  # another process may have made it while this one waited
        if found is None:
            subprocess.run(
                [useradd, *options, "--shell", "/usr/sbin/nologin", USER],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
            found = _look_up()
    return found
