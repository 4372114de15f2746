"""HTTP/1.1 to the model servers, on asyncio and the parser that uvicorn has.

It stands on the way of every request and of each chunk, where a general client takes several times
the CPU (`python -m bench.http1`). So it does what the gateway needs of a model server, no more:
requests with a body in memory, responses as they come, connections that are used again. It follows
no redirect, keeps no cookie, unpacks nothing, and knows no proxy and no HEAD.
"""

from gateway.backends.http1.client import Http1Client
from gateway.backends.http1.connection import Silence
from gateway.backends.http1.problems import ConnectError, ReadError, ReadTimeout, TransportError
from gateway.backends.http1.response import Response

__all__ = [
    "ConnectError",
    "Http1Client",
    "ReadError",
    "ReadTimeout",
    "Response",
    "Silence",
    "TransportError",
]
