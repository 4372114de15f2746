"""A caller from another address than this machine's own, in a network of its own.

`python -m tests.support.far_peer FOLDER`: prints what the gateway logs, while a tunnel runs, of
one that comes from 198.51.100.20 and of one that comes from 127.0.0.2, both with the headers of
Cloudflare's edge. Exit code 3: no network of its own is to be had here.
"""

import asyncio
import ctypes
import fcntl
import logging
import os
import socket
import struct
import sys
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.settings import Settings
from gateway.telemetry.request_log import RequestLog
from tests.support.bare_gateway import bare_gateway, served

FAR = "198.51.100.20"
NONE_HERE = 3
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_SET_ADDRESS, _SET_FLAGS, _UP = 0x8916, 0x8914, 1


def own_network() -> None:
    """From now on this process sees a loopback of its own, which has the far address too."""
    libc = ctypes.CDLL(None, use_errno=True)
    kinds = _NEW_NET if os.geteuid() == 0 else _NEW_NET | _NEW_USER
    if libc.unshare(kinds) != 0:
        sys.exit(NONE_HERE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name, address in ((b"lo", "127.0.0.1"), (b"lo:1", FAR)):
            where = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(any_socket, _SET_ADDRESS, where)
            fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", name, _UP))


async def call(url: str, source: str) -> None:
    """As if the edge had named another caller. The far one calls its own address."""
    to = source if source == FAR else "127.0.0.1"
    reader, writer = await asyncio.open_connection(to, urlsplit(url).port, local_addr=(source, 0))
    writer.write(
        b"GET /v1/usage HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCF-Ray: 8c1f-FRA\r\n"
        b"CF-Connecting-IP: 203.0.113.5\r\nX-Forwarded-For: 203.0.113.6\r\n\r\n"
    )
    await reader.read()
    writer.close()


async def main(folder: Path) -> None:
    with bare_gateway(folder) as gateway:
        gateway.listeners.add(RequestLog(Settings(debug=True), lambda: True))
        async with served(gateway, host="0.0.0.0") as url:
            for source in (FAR, "127.0.0.2"):
                await call(url, source)


if __name__ == "__main__":
    own_network()
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    logging.getLogger("localllm.requests").setLevel("INFO")
    asyncio.run(main(Path(sys.argv[1])))
