"""Make a named tunnel with cloudflared: log in, create, lead a name to it, validate."""

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tunnel import log_line, named_tunnel, private_files
from tunnel.errors import TunnelError, explained
from tunnel.named_tunnel import NamedTunnel
from tunnel.plan import NO_CONFIG
from tunnel.problems import problem_in
from tunnel.program import Program, environment
from tunnel.token import token_in, tunnel_id

_PATIENCE = 120.0  # seconds for one call of Cloudflare's API
_REMEDIES = (
    ("record with that host already exists", "DNS has a record for that name already: choose "
     "another, or run this again with --overwrite-dns."),
    ("origin cert", "You are not logged in at Cloudflare: run localllm tunnel setup in a terminal "
     "and choose to log in."),
    ("unauthorized", "Cloudflare does not accept the log-in any more: remove cert.pem in "
     "~/.cloudflared and run this again."),
)  # fmt: skip


def keep_token(folder: Path, pasted: str, hostname: str) -> NamedTunnel:
    """Set up the tunnel of a dashboard's token."""
    token = token_in(pasted)
    private_files.private_folder(folder)
    private_files.write(folder / named_tunnel.TOKEN_FILE, token + "\n")
    found = NamedTunnel("token", tunnel_id(token), hostname)
    named_tunnel.write(folder, found)
    return found


async def keep_credentials(
    program: Program, folder: Path, text: str, hostname: str, origin: str
) -> NamedTunnel:
    """Set up the tunnel of a credentials file, with a validated configuration."""
    found = NamedTunnel("credentials", _id_in(text), hostname)
    private_files.private_folder(folder)
    private_files.write(folder / named_tunnel.CREDENTIALS_FILE, text)
    await validate(program, named_tunnel.write_config(folder, found, origin))
    named_tunnel.write(folder, found)
    return found


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
    """Open the browser, or show an address to open. The terminal is cloudflared's meanwhile."""
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


async def make(
    program: Program, folder: Path, name: str, hostname: str, origin: str,
    *, overwrite_dns: bool, say: Callable[[str], None],
) -> NamedTunnel:  # fmt: skip
    """Make the tunnel `name`, or take the one of that name, and lead the hostname to it."""
    private_files.private_folder(folder)
    new = folder / f".{named_tunnel.CREDENTIALS_FILE}"
    new.unlink(missing_ok=True)
    try:
        found: Any = json.loads(await ask(program, "list", "--name", name, "-o", "json") or "null")
        if found:
            say(f"Taking the tunnel {name!r}, which is there already.")
            await ask(program, "token", "--cred-file", str(new), found[0]["id"])
        else:
            say(f"Making the tunnel {name!r}.")
            await ask(program, "create", "-o", "json", "--credentials-file", str(new), name)
        text = private_files.read(new)
        say(f"Leading {hostname} to it.")
        force = ("--overwrite-dns",) if overwrite_dns else ()
        await ask(program, "route", "dns", *force, _id_in(text), hostname)
        return await keep_credentials(program, folder, text, hostname, origin)
    finally:
        new.unlink(missing_ok=True)


async def validate(program: Program, config: Path) -> None:
    await ask(program, "ingress", "validate", config=str(config))


async def ask(program: Program, *words: str, config: str = NO_CONFIG) -> str:
    """What one call of `cloudflared tunnel` prints. TunnelError: why it failed."""
    with explained(program.path):
        child = await asyncio.create_subprocess_exec(
            *(program.path, "tunnel", "--config", config, *words),
            env=environment(),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
    try:
        output, said = await asyncio.wait_for(child.communicate(), _PATIENCE)
    except TimeoutError:
        raise TunnelError(
            f"cloudflared {words[0]} had no answer: is this machine online?"
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise TunnelError(_explain(words[0], said.decode("utf-8", "replace")))
    return output.decode("utf-8", "replace").strip()


def _explain(command: str, said: str) -> str:
    for part, remedy in _REMEDIES:
        if part in said.lower():
            return remedy
    read = [log_line.parse(line.encode()) for line in said.splitlines()]
    told = [line.text for line in read if not log_line.is_decoration(line)]
    last = log_line.shortened(told[-1]) if told else "no reason given"
    problem = problem_in(last)
    return problem.remedy if problem else f"cloudflared {command} failed: {last}"
