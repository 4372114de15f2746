"""The stand-in issuer on a thread of its own, for tests that are no coroutines."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.gateway_process import PATIENCE
from tests.support.jwt_issuer import IssuerServer, Signer, issuer_server


@contextmanager
def issuer_on_a_thread(*signers: Signer) -> Iterator[IssuerServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    served = issuer_server(*signers)
    try:
        yield asyncio.run_coroutine_threadsafe(served.__aenter__(), loop).result(PATIENCE)
    finally:
        leaving = served.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(leaving, loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
