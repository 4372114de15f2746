"""All checks of the public address in their order: each needs those before it."""

import asyncio

from gateway.checks.finding import Finding, fail
from gateway.checks.outside import doors
from gateway.checks.outside.line import Line
from gateway.checks.outside.stream import identity, stream
from gateway.config import preflight
from gateway.config.settings import Settings

PATIENCE = 16.0  # seconds for all of them


async def from_outside(loaded: Settings, url: str) -> list[Finding]:
    """`url`: such as https://llm.example.com. After one that makes the rest senseless, no more."""
    found: list[Finding] = []
    try:
        async with asyncio.timeout(PATIENCE), Line(url) as line:
            await _look(line, loaded, found)
    except TimeoutError:
        found.append(
            fail("public", f"{url} answers too slowly to look at all of it. Run this again later.")
        )
    return found


async def _look(line: Line, loaded: Settings, found: list[Finding]) -> None:
    service = preflight.local_url(loaded.host, loaded.port)
    found.append(await line.reach())
    if found[-1].state == "fail":
        return
    who, heard = await identity(line, service, guarded=bool(loaded.access_team))
    found.append(who)
    if heard is None:
        return
    found.append(await doors.cors(line, loaded, service))
    found.append(await stream(line, heard))
    found.append(await doors.closed(line, loaded))
