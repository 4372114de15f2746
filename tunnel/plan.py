"""The command line of cloudflared for each kind of tunnel. It never contains a secret."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tunnel import named_tunnel
from tunnel.errors import TunnelError
from tunnel.token import token_in

# An empty file given as the configuration: else one in the home directory would take effect.
NO_CONFIG = os.devnull


@dataclass(frozen=True)
class Plan:
    """How one tunnel is run. `hostname`: empty where only the running tunnel knows it.

    `origin`: the URL of the gateway. `command`: the last words of the command line.
    """

    kind: str  # quick | named
    origin: str
    hostname: str
    config: str
    command: tuple[str, ...]

    def arguments(self, metrics_port: int, grace: float) -> list[str]:
        """The arguments of cloudflared. Log level `debug` is never used: it writes headers."""
        return [
            *("tunnel", "--config", self.config, "--no-autoupdate"),
            *("--metrics", f"127.0.0.1:{metrics_port}"),
            *("--output", "json", "--loglevel", "info"),
            *("--grace-period", f"{grace:g}s"),
            *self.command,
        ]


def quick(origin: str, environ: Mapping[str, str] | None = None) -> Plan:
    """A trial tunnel with a random name. `auto` lets it fall back from UDP to TCP."""
    environ = os.environ if environ is None else environ
    protocol = environ.get("TUNNEL_TRANSPORT_PROTOCOL") or "auto"
    return Plan("quick", origin, "", NO_CONFIG, ("--protocol", protocol, "--url", origin))


def by_token(token_file: Path, origin: str, hostname: str) -> Plan:
    """The tunnel of a token. Its routes are kept in the dashboard."""
    text = named_tunnel.read_secret(token_file)
    if token_in(text) != text:
        raise TunnelError(f"{token_file} should hold the token alone, in one line.")
    return Plan("named", origin, hostname, NO_CONFIG, ("run", "--token-file", str(token_file)))


def by_credentials(folder: Path, found: named_tunnel.NamedTunnel, origin: str) -> Plan:
    """The tunnel of a credentials file, with a configuration that localllm writes."""
    named_tunnel.read_secret(folder / named_tunnel.CREDENTIALS_FILE)
    config = named_tunnel.write_config(folder, found, origin)
    return Plan("named", origin, found.hostname, str(config), ("run",))


def is_configured(folder: Path, token_file: Path | None) -> bool:
    """Whether a named tunnel is set up, without reading its secrets."""
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
