"""Checks before anything slow begins: the port and the data directory.

A problem is one line that says what to do. `up` and `serve` exit with it, `doctor` shows it.
"""

import errno
import ipaddress
import os
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

NEW_DATABASE = 100 * 1024**2  # bytes: about 50 MB, plus write-ahead log in files of 16 MB
OLD_DATABASE = 40 * 1024**2


class NotReady(Exception):
    """The gateway cannot start here; the text says what to do."""


def check_port(host: str, port: int) -> None:
    """Raise `NotReady` unless the gateway can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # on Windows, this would let two programs share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as problem:
            raise NotReady(_port_problem(host, port, problem)) from None


def local_url(host: str, port: int) -> str:
    """The address at which programs on this machine reach a gateway that listens there."""
    if host != "localhost" and ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def another_port(port: int) -> int:
    return port + 1 if port < 65535 else 8000


def check_model_servers(host: str, port: int, urls: tuple[str, ...]) -> None:
    """Raise `NotReady` if one of the addresses is that of the gateway, which would ask itself."""
    own = _place(local_url(host, port))
    for url in urls:
        if _place(url) == own:
            raise NotReady(
                f"OLLAMA_BASE_URL {url} is where localllm itself listens (PORT {port}). Set it to "
                "Ollama's address, such as http://localhost:11434, or set another PORT."
            )


def _place(url: str) -> tuple[str, int]:
    """The host and the port of an address; this machine has one name here."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"localhost", "::1"}:
        host = "127.0.0.1"
    return host, parts.port or (443 if parts.scheme == "https" else 80)


def _port_problem(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return (
            f"PORT {port} is in use. Stop the other program, or use another port: "
            f"PORT={another_port(port)}"
        )
    if problem.errno == errno.EACCES:
        return f"PORT {port} needs root. Choose one above 1023, such as PORT=8000."
    if problem.errno == errno.EADDRNOTAVAIL:
        return f"HOST {host} is not an address of this machine. Use HOST=127.0.0.1."
    return f"PORT {port} on HOST {host} cannot be used: {problem.strerror}."


def check_data_dir(path: Path) -> None:
    """Create DATA_DIR if it does not exist. Raise `NotReady` unless data can be written to it."""
    try:
        # The user of the embedded database may have to pass through; nobody else may list it.
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as problem:
        raise NotReady(_data_problem(path, problem)) from None
    free = shutil.disk_usage(path).free
    needed = OLD_DATABASE if (path / "postgres").exists() else NEW_DATABASE
    if free < needed:
        raise NotReady(
            f"DATA_DIR {path} has only {free // 1024**2} MB of disk space left: "
            f"make it {needed // 1024**2} MB, or set DATA_DIR to another disk."
        )


def _data_problem(path: Path, problem: OSError) -> str:
    if problem.errno in {errno.EEXIST, errno.ENOTDIR}:
        return f"DATA_DIR {path} is not a directory. Set DATA_DIR to a directory."
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk of DATA_DIR {path} is full. Free some space, or use another disk."
    text = (problem.strerror or str(problem)).lower()
    return f"DATA_DIR {path} cannot be written ({text}). Set DATA_DIR to a directory you own."
