"""Set up a named tunnel: by a token, by credentials, or by creating one at Cloudflare."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tunnel import named_tunnel
from tunnel.cloudflared_cli import run_cloudflared
from tunnel.errors import TunnelError, explained
from tunnel.named_tunnel import NamedTunnel
from tunnel.plan import NO_CONFIG
from tunnel.private_files import private_folder
from tunnel.program import Program, environment
from tunnel.token import token_in, tunnel_id


def set_up_by_token(folder: Path, pasted: str, hostname: str) -> NamedTunnel:
    """The tunnel of a dashboard's token. `pasted`: the token, or the command that shows it."""
    token = token_in(pasted)
    named_tunnel.write_secret(folder / named_tunnel.TOKEN_FILE, token + "\n")
    tunnel = NamedTunnel("token", tunnel_id(token), hostname)
    named_tunnel.write(folder, tunnel)
    return tunnel


async def set_up_by_credentials(
    program: Program, folder: Path, credentials: str, hostname: str, origin: str
) -> NamedTunnel:
    """The tunnel of a credentials file, with a configuration that cloudflared has validated."""
    tunnel = NamedTunnel("credentials", _id_in(credentials), hostname)
    named_tunnel.write_secret(folder / named_tunnel.CREDENTIALS_FILE, credentials)
    await validate(program, named_tunnel.write_config(folder, tunnel, origin))
    named_tunnel.write(folder, tunnel)
    return tunnel


def _id_in(credentials: str) -> str:
    try:
        row: object = json.loads(credentials)
        return str(cast(dict[str, Any], row)["TunnelID"])
    except (ValueError, KeyError, TypeError):
        raise TunnelError(
            "That is not a tunnel's credentials file: it is made by cloudflared tunnel create, and "
            "named like 6f1b7a2e-….json."
        ) from None


def is_logged_in() -> bool:
    """Whether cloudflared finds a log-in of this user."""
    given = os.environ.get("TUNNEL_ORIGIN_CERT")
    return Path(given or Path.home() / ".cloudflared" / "cert.pem").is_file()


async def log_in(program: Program) -> None:
    """Open the browser, or show an address to open; cloudflared uses this terminal meanwhile."""
    with explained(program.path):
        child = await asyncio.create_subprocess_exec(
            *(program.path, "tunnel", "--config", NO_CONFIG, "login"), env=environment()
        )
    try:
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if not is_logged_in():
        raise TunnelError("The log-in at Cloudflare did not succeed: run this again.")


async def create(
    program: Program, folder: Path, name: str, hostname: str, origin: str,
    *, overwrite_dns: bool, say: Callable[[str], None],
) -> NamedTunnel:  # fmt: skip
    """Create the tunnel `name`, or reuse the one of that name, and route the hostname to it."""
    with explained(folder):
        private_folder(folder)
    new = folder / f".{named_tunnel.CREDENTIALS_FILE}"
    new.unlink(missing_ok=True)
    try:
        listed = await run_cloudflared(program, "list", f"--name={name}", "-o", "json")
        found: Any = json.loads(listed or "null")
        if found:
            say(f"Taking the tunnel {name!r}, which is there already.")
            await run_cloudflared(program, "token", "--cred-file", str(new), found[0]["id"])
        else:
            say(f"Making the tunnel {name!r}.")
            # Behind the dashes no word is an option, whatever it begins with.
            words = ("create", "-o", "json", "--credentials-file", str(new), "--", name)
            await run_cloudflared(program, *words)
        credentials = named_tunnel.read_secret(new)
        say(f"Leading {hostname} to it.")
        force = ("--overwrite-dns",) if overwrite_dns else ()
        await run_cloudflared(program, "route", "dns", *force, _id_in(credentials), hostname)
        return await set_up_by_credentials(program, folder, credentials, hostname, origin)
    finally:
        new.unlink(missing_ok=True)


async def validate(program: Program, config: Path) -> None:
    """Raises TunnelError for a configuration that cloudflared refuses."""
    await run_cloudflared(program, "ingress", "validate", config=str(config))
