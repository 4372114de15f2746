"""Who can reach what on this machine: the gateway's port, and Ollama without the gateway."""

import asyncio
import contextlib
import ipaddress
import json
import os
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from gateway.checks.finding import Finding, fail, ok, warn
from gateway.config import preflight
from gateway.config.settings import Settings

_PATIENCE = 1.0  # seconds to connect to an address of this machine
_MOST = 16  # addresses to try: machines with containers can have hundreds


async def port(loaded: Settings) -> Finding:
    try:
        preflight.check_port(loaded.host, loaded.port)
    except preflight.NotReady as problem:
        url = preflight.local_url(loaded.host, loaded.port)
        if await asyncio.to_thread(is_gateway, url):
            return ok("port", f"localllm is running at {url}")
        return fail("port", str(problem))
    return ok("port", f"{loaded.host} port {loaded.port} is free")


def host(loaded: Settings) -> Finding:
    """Whether other machines can reach the gateway. The tunnel does not need that."""
    if loaded.host == "localhost" or ipaddress.ip_address(loaded.host).is_loopback:
        return ok("host", f"the gateway listens on {loaded.host}: only this machine can reach it")
    if in_container():
        return ok("host", f"the gateway listens on {loaded.host} inside its container")
    return warn(
        "host",
        f"HOST={loaded.host}: anyone who can reach this machine can reach the gateway, without "
        "TLS. The tunnel does not need that: remove HOST unless you want it.",
    )


async def exposed(loaded: Settings) -> Finding:
    """Whether an Ollama on this machine answers at addresses that others can reach."""
    ports = sorted({p for url in loaded.ollama_base_url if (p := _port_here(url)) is not None})
    if not ports:
        return ok("exposed", "Ollama is on another machine: make sure only the gateway reaches it")
    addresses = _addresses()
    tried = [(address, port) for port in ports for address in addresses]
    open_ = await asyncio.gather(*(_answers(*one) for one in tried))
    for (address, number), answers in zip(tried, open_, strict=True):
        if answers:
            return warn(
                "exposed",
                f"Ollama answers at {address} port {number}: others on this network can use it "
                "without a key. Start it with OLLAMA_HOST=127.0.0.1, or block the port in a "
                "firewall.",
            )
    return ok("exposed", "Ollama does not answer at other addresses of this machine")


def _port_here(url: str) -> int | None:
    """The port in an address of this machine; None for another machine."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    with contextlib.suppress(ValueError):
        if not ipaddress.ip_address(name).is_loopback:
            return None
        name = "localhost"
    return parts.port or (443 if parts.scheme == "https" else 80) if name == "localhost" else None


def _addresses() -> list[str]:
    """The addresses of this machine that others may reach."""
    found = [
        one.address.partition("%")[0]
        for interface in psutil.net_if_addrs().values()
        for one in interface
        if one.family in (socket.AF_INET, socket.AF_INET6)
    ]
    # Not link-local ones, which need the name of an interface.
    others = [
        address
        for address in dict.fromkeys(found)
        if not (ip := ipaddress.ip_address(address)).is_loopback and not ip.is_link_local
    ]
    return others[:_MOST]


async def _answers(address: str, number: int) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(address, number)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def in_container() -> bool:
    """Whether this is a container: Docker, Podman and Kubernetes leave one of these marks."""
    marks = Path("/.dockerenv"), Path("/run/.containerenv")
    return any(mark.exists() for mark in marks) or "KUBERNETES_SERVICE_HOST" in os.environ


def is_gateway(url: str) -> bool:
    """Whether localllm is listening there: its /health is recognised, whatever it says."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=2)
    try:
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read(65536))
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(health, dict) and "ollama" in health
