"""The named tunnel that was set up here, and the files that `tunnel setup` keeps of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tunnel import private_files, status_file
from tunnel.errors import TunnelError, explained
from tunnel.private_files import UnsafeFile

TOKEN_FILE = "token"  # noqa: S105  # its name, not a secret
CREDENTIALS_FILE = "credentials.json"
CONFIG_FILE = "config.yml"
_FILE = "named.json"


@dataclass(frozen=True)
class NamedTunnel:
    """`by`: which secret cloudflared shows. `hostname`: empty where only the dashboard knows it."""

    by: Literal["token", "credentials"]
    tunnel_id: str
    hostname: str


def read(folder: Path) -> NamedTunnel | None:
    """What was set up, or None."""
    path = folder / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=NamedTunnel)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        raise TunnelError(f"{path} cannot be read: run localllm tunnel setup again.") from None


def write(folder: Path, tunnel: NamedTunnel) -> None:
    write_secret(folder / _FILE, msgspec.json.encode(tunnel).decode() + "\n")
    status_file.forget_failure(folder)  # it was that of another one


def read_secret(path: Path) -> str:
    """The token or credentials in the file."""
    try:
        return private_files.read(path)
    except UnsafeFile as problem:
        raise TunnelError(str(problem)) from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise TunnelError(f"{path} cannot be read ({reason}): run localllm tunnel setup.") from None


def write_secret(path: Path, text: str) -> None:
    """The folder of the file is made where it is missing."""
    with explained(path.parent):
        private_files.private_folder(path.parent)
        private_files.write(path, text)


def write_config(folder: Path, tunnel: NamedTunnel, origin: str) -> Path:
    """cloudflared's configuration of a tunnel by credentials: one name, one service, else 404.

    It is written anew at each start, so it always names the port in use.
    """
    quoted = json.dumps  # JSON's strings are YAML's
    text = (
        "# Written by localllm at each start.\n"
        f"tunnel: {quoted(tunnel.tunnel_id)}\n"
        f"credentials-file: {quoted(str(folder / CREDENTIALS_FILE))}\n"
        "ingress:\n"
        f"  - hostname: {quoted(tunnel.hostname)}\n"
        f"    service: {quoted(origin)}\n"
        '  - service: "http_status:404"\n'
    )
    path = folder / CONFIG_FILE
    write_secret(path, text)
    return path
