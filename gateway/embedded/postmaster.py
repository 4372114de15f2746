"""What `postmaster.pid` says about the server of a cluster, and whether that is still true."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from gateway.embedded.account import WINDOWS
from gateway.embedded.address import Address


@dataclass(frozen=True)
class Postmaster:
    """The server that wrote the file, and answers at the address in it."""

    pid: int
    address: Address
    ready: bool  # neither starting, nor stopping


def running(cluster: Path) -> Postmaster | None:
    """The server of this cluster, or None if none answers."""
    try:
        lines = (cluster / "postmaster.pid").read_text(errors="replace").splitlines()
        pid, port = int(lines[0]), int(lines[3])
        host = lines[5].strip() if WINDOWS else lines[4].strip()
        status = lines[7].strip() if len(lines) > 7 else "starting"
    except (FileNotFoundError, IndexError, ValueError):
        return None
    address = Address(host, port)
    return Postmaster(pid, address, status == "ready") if address.answers() else None


def forget_dead(cluster: Path, address: Address) -> None:
    """Remove the lock files of a dead server if Postgres would take it to be alive.

    It does if the process id now belongs to another program, or if nobody has reaped the dead
    process (containers without an init). Postgres recognises all other leftovers itself, so the
    files are left alone as long as they may belong to a server.
    """
    for file in (cluster / "postmaster.pid", address.lock_file):
        try:
            process = psutil.Process(int(file.read_text(errors="replace").split("\n", 1)[0]))
            dead = process.status() == psutil.STATUS_ZOMBIE
            dead = dead or not process.name().startswith("postgres")
        except (OSError, ValueError, psutil.Error):
            continue
        if dead:
            file.unlink(missing_ok=True)
