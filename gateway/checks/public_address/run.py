"""Run all checks of the public address, in an order in which each builds on those before it."""

import asyncio

from gateway.checks.finding import Finding, fail
from gateway.checks.public_address import exposure
from gateway.checks.public_address.client import PublicClient
from gateway.checks.public_address.event_stream import identity, stream
from gateway.config import preflight
from gateway.config.settings import Settings

PATIENCE = 16.0  # seconds for all of them


async def check_public_address(loaded: Settings, url: str) -> list[Finding]:
    """All findings about `url`, such as https://llm.example.com, up to one that rules out the
    rest."""
    found: list[Finding] = []
    try:
        async with asyncio.timeout(PATIENCE), PublicClient(url) as client:
            await _run_checks(client, loaded, found)
    except TimeoutError:
        found.append(
            fail("public", f"{url} answers too slowly to look at all of it. Run this again later.")
        )
    return found


async def _run_checks(client: PublicClient, loaded: Settings, found: list[Finding]) -> None:
    service = preflight.local_url(loaded.host, loaded.port)
    found.append(await client.connect())
    if found[-1].state == "fail":
        return
    who, heard = await identity(client, service, guarded=bool(loaded.access_team))
    found.append(who)
    if heard is None:
        return
    found.append(await exposure.cors(client, loaded, service))
    found.append(await stream(client, heard))
    found.append(await exposure.closed(client, loaded))
