"""What the holder of a key may see: the models it can use and what it has used."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from gateway import administration
from gateway.decoding import decode
from gateway.errors import Refusal
from gateway.pipeline import Gateway
from gateway.routes.answers import AnyRequest, respond
from gateway.routes.holder import identify, refused_model
from gateway.stores import Identity

_DRAIN_SECONDS = 2.0


def account_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    @get("/v1/models")
    async def models(request: AnyRequest) -> Response[bytes]:
        identity = await identify(gateway, request, "models:read")
        if isinstance(identity, Refusal):
            return respond(request, identity)
        listed = await gateway.upstream.read("GET", "/v1/models")
        if isinstance(listed, Refusal):
            return respond(request, listed)
        return respond(request, await _usable(gateway, listed, identity))

    @get("/v1/usage")
    async def usage(request: AnyRequest) -> Response[bytes]:
        identity = await identify(gateway, request, None)
        if isinstance(identity, Refusal):
            return respond(request, identity)
        await gateway.outbox.drained(_DRAIN_SECONDS)  # a caller reads its own last request
        assert identity.key_id is not None
        return respond(request, await administration.key_usage(gateway.store, identity.key_id))

    return [models, usage]


class _Listed(msgspec.Struct):
    data: list[dict[str, Any]] | None = None


async def _usable(gateway: Gateway, listed: bytes, identity: Identity) -> dict[str, Any] | Refusal:
    """OpenAI's list, less what this key or this server does not allow."""
    readable = decode(listed, _Listed)
    if readable is None:
        return Refusal("upstream_error", "The model server's list of models cannot be read.")
    usable: list[dict[str, Any]] = []
    for model in readable.data or ():
        refusal = await refused_model(gateway, str(model.get("id")), identity)
        if refusal is None:
            fields = {key: model.get(key) for key in ("id", "object", "created", "owned_by")}
            usable.append(fields)
        elif refusal.kind.status >= 500:  # it is not known which of them are of the cloud
            return refusal
    return {"object": "list", "data": usable}
