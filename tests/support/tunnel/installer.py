"""Installs a file of the tests' server, as a process of its own: URL, size, SHA-256, folder."""

import asyncio
import sys
from pathlib import Path

from tests.support.tunnel.release_server import Served, client_tls
from tunnel.install import install


def main(url: str, size: str, sha256: str, folder: str) -> None:
    release = Served("cloudflared-linux-amd64", int(size), sha256)
    object.__setattr__(release, "where", url)
    said: list[str] = []
    put = install(release, Path(folder), said.append, lambda *_: None, client_tls())
    print(asyncio.run(put), *said, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
