"""A gateway without a database and a model, for what needs neither."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from gateway.app import make_app, make_services
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.http.protocol import BoundedHttp
from gateway.services import Services
from gateway.stores import StoreUnavailable
from tests.support.stream_server import accepted


class Away:
    """A store whose database is away: whatever is asked of it fails as the protocol says."""

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: Any, **__: Any) -> None:
            raise StoreUnavailable("The database is away.")

        return fail


@contextlib.contextmanager
def bare_gateway(
    folder: Path, store: Any = None, model: str = "qwen2.5:7b", **settings: Any
) -> Iterator[Services]:
    """Its model server is a port that nothing listens on, as long as it lives."""
    store = store or Away()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but not listening: refused at once
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        given = Settings(
            data_dir=folder,
            ollama_base_url=(url,),
            ollama_default_model=model,
            **{"admin_secret": "secret", **settings},
        )
        services = make_services(given, store, BackendPool(given))
        with contextlib.closing(services.outbox):
            yield services


@contextlib.asynccontextmanager
async def served(
    services: Services, host: str = "127.0.0.1", around: Callable[[Any], Any] = lambda app: app
) -> AsyncIterator[str]:
    """Its address. `around` may put something before the application. The socket listens before the
    server runs, so nobody comes too early. It names its protocol, since asyncio sends small answers
    at once then only: else each waits 40 ms. It is stopped at once: `Server.serve` looks every
    100 ms whether it should."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind((host, 0))
        listening.listen()
        config = uvicorn.Config(
            around(make_app(services)),
            http=BoundedHttp,
            lifespan="off",
            log_config=None,
            proxy_headers=False,  # as in server.py: the peer is who it is
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup([listening])
        await server.on_tick(0)  # makes the header `date`
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            await accepted()
            await server.shutdown([listening])
            await services.pool.close()
