"""The named tunnel that was set up here: which, and the files that `tunnel setup` keeps of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tunnel import private_files
from tunnel.errors import TunnelError

TOKEN_FILE = "token"  # noqa: S105  # its name, not a secret
CREDENTIALS_FILE = "credentials.json"
CONFIG_FILE = "config.yml"
_FILE = "named.json"


@dataclass(frozen=True)
class NamedTunnel:
    """`hostname` is empty where only the dashboard knows it."""

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


def write(folder: Path, named: NamedTunnel) -> None:
    private_files.write(folder / _FILE, msgspec.json.encode(named).decode() + "\n")


def write_config(folder: Path, named: NamedTunnel, origin: str) -> Path:
    """The configuration of a tunnel by credentials: one name, one service, 404 for all else.

    It is written anew at each start, so it always names the port in use.
    """
    quoted = json.dumps  # JSON's strings are YAML's
    text = (
        "# Written by localllm at each start.\n"
        f"tunnel: {quoted(named.tunnel_id)}\n"
        f"credentials-file: {quoted(str(folder / CREDENTIALS_FILE))}\n"
        "ingress:\n"
        f"  - hostname: {quoted(named.hostname)}\n"
        f"    service: {quoted(origin)}\n"
        '  - service: "http_status:404"\n'
    )
    path = folder / CONFIG_FILE
    private_files.write(path, text)
    return path
