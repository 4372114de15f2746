"""Calls of `cloudflared tunnel …` that end by themselves: list, create, route, validate."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE

from tunnel import log_line
from tunnel.errors import TunnelError, explained
from tunnel.plan import NO_CONFIG
from tunnel.problems import problem_in
from tunnel.program import Program, environment

_TIMEOUT = 120.0  # seconds for one call, which asks Cloudflare's API
_REMEDIES = (
    ("record with that host already exists", "DNS has a record for that name already: choose "
     "another, or run this again with --overwrite-dns."),
    ("origin cert", "You are not logged in at Cloudflare: run localllm tunnel setup in a terminal "
     "and choose to log in."),
    ("unauthorized", "Cloudflare does not accept the log-in any more: remove cert.pem in "
     "~/.cloudflared and run this again."),
)  # fmt: skip


async def run_cloudflared(program: Program, *words: str, config: str = NO_CONFIG) -> str:
    """What `cloudflared tunnel` with these words prints. TunnelError says why it failed."""
    with explained(program.path):
        child = await asyncio.create_subprocess_exec(
            *(program.path, "tunnel", "--config", config, *words),
            env=environment(),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
    try:
        output, errors = await asyncio.wait_for(child.communicate(), _TIMEOUT)
    except TimeoutError:
        raise TunnelError(
            f"cloudflared {words[0]} had no answer: is this machine online?"
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise TunnelError(_explain(words[0], errors.decode("utf-8", "replace")))
    return output.decode("utf-8", "replace").strip()


def _explain(command: str, errors: str) -> str:
    for part, remedy in _REMEDIES:
        if part in errors.lower():
            return remedy
    lines = [log_line.parse(line.encode()) for line in errors.splitlines()]
    texts = [line.text for line in lines if not log_line.is_decoration(line)]
    last = log_line.shortened(texts[-1]) if texts else "no reason given"
    problem = problem_in(last)
    return problem.remedy if problem else f"cloudflared {command} failed: {last}"
