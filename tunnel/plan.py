"""How cloudflared is called: the command line of each kind of tunnel. No secret is ever in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tunnel import named_tunnel
from tunnel.errors import TunnelError
from tunnel.token import token_in

# An empty configuration of its own: one in the home directory would win over what is said here.
NO_CONFIG = os.devnull


@dataclass(frozen=True)
class Plan:
    """One tunnel. `hostname` is empty where it is learned from the running tunnel."""

    kind: str  # quick | named
    origin: str
    hostname: str
    config: str
    last: tuple[str, ...]

    def arguments(self, metrics_port: int, grace: float) -> list[str]:
        """What follows the program. Its `debug` level would write headers, so keys: never that."""
        return [
            *("tunnel", "--config", self.config, "--no-autoupdate"),
            *("--metrics", f"127.0.0.1:{metrics_port}"),
            *("--output", "json", "--loglevel", "info"),
            *("--grace-period", f"{grace:g}s"),
            *self.last,
        ]


def quick(origin: str, environ: Mapping[str, str] | None = None) -> Plan:
    """A trial tunnel with a name by chance. By itself it would not fall back from UDP to TCP."""
    environ = os.environ if environ is None else environ
    protocol = environ.get("TUNNEL_TRANSPORT_PROTOCOL") or "auto"
    return Plan("quick", origin, "", NO_CONFIG, ("--protocol", protocol, "--url", origin))


def by_token(token_file: Path, origin: str, hostname: str) -> Plan:
    """The tunnel of a token; what it leads to stands in the dashboard."""
    text = named_tunnel.read_secret(token_file)
    if token_in(text) != text:
        raise TunnelError(f"{token_file} should hold the token alone, in one line.")
    return Plan("named", origin, hostname, NO_CONFIG, ("run", "--token-file", str(token_file)))


def by_credentials(folder: Path, found: named_tunnel.NamedTunnel, origin: str) -> Plan:
    """The tunnel of a credentials file, with a configuration that is ours."""
    named_tunnel.read_secret(folder / named_tunnel.CREDENTIALS_FILE)
    config = named_tunnel.write_config(folder, found, origin)
    return Plan("named", origin, found.hostname, str(config), ("run",))


def is_configured(folder: Path, token_file: Path | None) -> bool:
    """Whether there is one, without a look at its secrets."""
    return token_file is not None or named_tunnel.read(folder) is not None


def configured(folder: Path, token_file: Path | None, hostname: str, origin: str) -> Plan | None:
    """The named tunnel of the settings, else the one that was set up here, else None."""
    if token_file is not None:
        return by_token(token_file, origin, hostname)
    found = named_tunnel.read(folder)
    if found is None:
        return None
    if found.by == "token":
        return by_token(folder / named_tunnel.TOKEN_FILE, origin, hostname or found.hostname)
    return by_credentials(folder, found, origin)
