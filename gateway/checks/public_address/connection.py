"""The first steps to the public address: its name, a connection, and the certificate."""

import asyncio
import contextlib
import socket
import ssl
from datetime import UTC, datetime

from gateway.checks.finding import Finding, fail, ok, warn
from gateway.core.daemon_thread import in_daemon_thread

PATIENCE = 4.0  # seconds for each step
LATE = 10  # days before its end at which a certificate should have been renewed
_MOST = 4  # addresses that are tried


async def look_up(name: str, port: int) -> list[str] | Finding:
    """The addresses behind a name."""
    try:
        async with asyncio.timeout(PATIENCE):
            found = await in_daemon_thread(
                lambda: socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            )
    except TimeoutError:
        return fail("https", f"looking up {name} takes too long: is this machine online?")
    except (OSError, UnicodeError) as problem:
        return fail("https", _unknown(name, problem))
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def connect(
    name: str, addresses: list[str], port: int, tls: ssl.SSLContext | None
) -> tuple[Finding, str]:
    """Whether one of the addresses answers with a certificate of that name, and which one.

    `tls`: None for plain HTTP. The address is empty where none can be used.
    """
    problem: Exception | None = None
    for address in addresses[:_MOST]:  # a machine may have no way to those of IPv6
        try:
            async with asyncio.timeout(PATIENCE / 2):
                _, writer = await asyncio.open_connection(
                    address, port, ssl=tls, server_hostname=name if tls else None
                )
        except ssl.SSLError as broken:
            return fail("https", _untrusted(name, broken)), ""
        except (OSError, TimeoutError) as broken:
            problem = broken
            continue
        certificate = writer.get_extra_info("peercert")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return _judged(name, certificate["notAfter"] if certificate else None), address
    why = "no answer in time" if isinstance(problem, TimeoutError) else problem
    text = (
        f"{name} cannot be reached ({why}): is this machine online, and does its firewall let "
        f"port {port} out?"
    )
    return fail("https", text), ""


def _unknown(name: str, problem: Exception) -> str:
    if isinstance(problem, socket.gaierror) and problem.errno == socket.EAI_AGAIN:
        return f"{name} cannot be looked up: is this machine online, and does its DNS work?"
    if name.endswith(".trycloudflare.com"):
        return (
            f"{name} is not known yet: a trial's name takes up to a minute. Wait, and run this "
            "again."
        )
    return (
        f"{name} is not in DNS: correct TUNNEL_HOSTNAME, or add the name to the tunnel in "
        f"Cloudflare's dashboard (or here: localllm tunnel setup --hostname {name})."
    )


def _untrusted(name: str, problem: ssl.SSLError) -> str:
    reason = getattr(problem, "verify_message", "") or problem.reason or problem
    return (
        f"{name} has no certificate that can be trusted ({reason}). Cloudflare has one for each "
        "name of a domain, such as llm.example.com, but not for a name below a name "
        "(a.llm.example.com): choose a shorter one. Or something on the way answers in its place: "
        "try from another network."
    )


def _judged(name: str, end: str | None) -> Finding:
    if end is None:
        return warn("https", f"{name} is asked without encryption: for websites give it https://")
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)
    days = (until - datetime.now(UTC)).days
    if days < LATE:
        return warn(
            "https",
            f"the certificate of {name} ends in {days} days: see in Cloudflare's dashboard, under "
            "SSL/TLS, Edge Certificates, why it is not renewed.",
        )
    return ok("https", f"{name} has a trusted certificate, for {days} more days")
