"""Whether it is this gateway that answers there, and whether its events arrive as they are sent."""

import json
import time
from collections.abc import AsyncGenerator
from typing import NamedTuple, cast

import httpx

from gateway.checks.finding import Finding, fail, ok, warn
from gateway.checks.public_address.client import (
    LARGEST,
    Answer,
    NoAnswer,
    PublicClient,
    unpacked,
    whole,
)
from gateway.checks.public_address.error_pages import describe, is_login, is_ours

PATH = "/health"
HEADERS = {"Accept": "text/event-stream"}  # see gateway/routes/support/health_events.py
TRIES = 2  # this machine itself may have been held up


class ReceivedEvents(NamedTuple):
    """What a gateway sent. `sent` and `arrived`: for each event, milliseconds since the first."""

    instance: str
    status: str
    sent: list[float]
    arrived: list[float]

    @property
    def unbuffered(self) -> bool:
        """Whether they took about as long to arrive as to be sent. A buffering proxy delivers all
        at once."""
        return len(self.sent) > 1 and self.arrived[-1] >= self.sent[-1] / 2 > 0


async def receive_events(client: PublicClient) -> ReceivedEvents | Answer:
    """The events of a gateway, or what answers instead. Raises NoAnswer."""
    async with client.stream("GET", PATH, HEADERS) as response:
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            return await whole(response)
        events = [
            (_event(line), arrived)
            async for line, arrived in _lines(response)
            if line.startswith(b"data: ")
        ]
    if not events:
        raise NoAnswer("a stream without an event")
    first, began = events[0]
    return ReceivedEvents(
        str(first.get("instance")),
        str(first.get("status")),
        [_number(event.get("sent_ms")) for event, _ in events],
        [at - began for _, at in events],
    )


async def _lines(response: httpx.Response) -> AsyncGenerator[tuple[bytes, float]]:
    """Each line, and when its last part arrived, in milliseconds."""
    rest, size = b"", 0
    async for part in unpacked(response):
        arrived = time.monotonic() * 1000
        size += len(part)
        if size > LARGEST:
            raise NoAnswer("a stream without an end")
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line, arrived


def _event(line: bytes) -> dict[str, object]:
    try:
        event: object = json.loads(line.removeprefix(b"data: "))
    except (ValueError, RecursionError):
        raise NoAnswer("an event that is not JSON") from None
    return cast(dict[str, object], event) if isinstance(event, dict) else {}


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0


async def local_instance(url: str) -> str | None:
    """The id of the gateway process that answers at `url`; None where none does."""
    async with PublicClient(url) as client:
        if (await client.connect()).state == "fail":
            return None
        try:
            heard = await receive_events(client)
        except NoAnswer:
            return None
    return heard.instance if isinstance(heard, ReceivedEvents) else None


async def identity(
    client: PublicClient, service: str, *, guarded: bool
) -> tuple[Finding, ReceivedEvents | None]:
    """Whether the public address leads to the gateway of this machine, and the events it sent.

    `service`: the local URL of the gateway. `guarded`: whether Cloudflare Access is set up for it.
    """
    try:
        heard = await receive_events(client)
    except NoAnswer as problem:
        return fail(
            "public", f"{client.url}: {problem}. Run this again; see the tunnel above."
        ), None
    if isinstance(heard, Answer):
        return _other(client, heard, service, guarded=guarded), None
    here = await local_instance(service)
    if here is None:
        return warn(
            "public",
            f"a localllm answers at {client.url}, and none at {service}: start it here, if it "
            "should be this one.",
        ), heard
    if here != heard.instance:
        return warn(
            "public",
            f"another localllm answers at {client.url} than the one at {service}. Fine if several "
            "share the name; else stop the tunnel on the other machine.",
        ), heard
    if heard.status == "unavailable":
        text = (
            f"{client.url} leads here, but requests cannot be served now: see above what is away."
        )
        return warn("public", text), heard
    return ok("public", f"{client.url} leads to this gateway"), heard


def _other(client: PublicClient, answer: Answer, service: str, *, guarded: bool) -> Finding:
    if is_login(answer) and guarded:
        return ok("public", f"{client.url}: Cloudflare Access guards it, so no more is tried")
    if is_ours(answer) and answer.status == 403:
        return ok("public", f"{client.url}: the gateway lets in only whom Cloudflare Access let in")
    if is_ours(answer) and answer.status == 421:
        return fail(
            "public",
            f"{client.url}: a localllm answers that it is not known by this name. Set "
            "TUNNEL_HOSTNAME or ALLOWED_HOSTS to it there, and restart it.",
        )
    if is_ours(answer):
        return fail(
            "public",
            f"{client.url}: a localllm of another version answers. Update it, and restart it.",
        )
    return fail("public", f"{client.url}: {describe(answer, service)}")


async def stream(client: PublicClient, heard: ReceivedEvents) -> Finding:
    """Whether events arrive as they are sent. `heard`: those that `identity` received."""
    for _ in range(TRIES - 1):
        if heard.unbuffered:
            break
        try:
            again = await receive_events(client)
        except NoAnswer as problem:
            return fail("stream", f"a stream broke off: {problem}. Run this again.")
        heard = again if isinstance(again, ReceivedEvents) else heard
    if heard.unbuffered:
        took = f"{heard.arrived[-1] / 1000:.1f} s"
        return ok("stream", f"{len(heard.sent)} events arrive as they are sent, over {took}")
    if client.name.endswith(".trycloudflare.com"):
        return warn(
            "stream",
            "events arrive all at once: trial tunnels may hold streams back. For a permanent "
            "address: localllm tunnel setup",
        )
    return fail(
        "stream",
        "events arrive all at once: something holds streams back. In Cloudflare's dashboard, turn "
        "off what rewrites answers for this hostname; another proxy in between must not buffer.",
    )
