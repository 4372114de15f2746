"""What the holder of a key may see: the models it can use and what it has used."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from gateway import administration, keys, names
from gateway.decoding import decode
from gateway.errors import Refusal
from gateway.pipeline import Gateway, authenticate
from gateway.routes.answers import AnyRequest, respond
from gateway.stores import Identity

_DRAIN_SECONDS = 2.0


def account_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    async def identify(request: AnyRequest, scope: str | None) -> Identity | Refusal:
        key = authenticate(dict(request.scope["headers"]))
        if isinstance(key, Refusal):
            return key
        identity = await gateway.standing.identify(
            keys.hash_key(key), scope, request.headers.get("origin")
        )
        return identity if identity.allowed else Refusal(identity.reason or "invalid_api_key")

    @get("/v1/models")
    async def models(request: AnyRequest) -> Response[bytes]:
        identity = await identify(request, "models:read")
        if isinstance(identity, Refusal):
            return respond(request, identity)
        listed = await gateway.upstream.read("GET", "/v1/models")
        if isinstance(listed, Refusal):
            return respond(request, listed)
        return respond(request, await _usable(gateway, listed, identity.allowed_models))

    @get("/v1/usage")
    async def usage(request: AnyRequest) -> Response[bytes]:
        identity = await identify(request, None)
        if isinstance(identity, Refusal):
            return respond(request, identity)
        await gateway.outbox.drained(_DRAIN_SECONDS)  # a caller reads its own last request
        assert identity.key_id is not None
        return respond(request, await administration.key_usage(gateway.store, identity.key_id))

    return [models, usage]


class _Listed(msgspec.Struct):
    data: list[dict[str, Any]] | None = None


async def _usable(
    gateway: Gateway, listed: bytes, allowed: list[str] | None
) -> dict[str, Any] | Refusal:
    """OpenAI's list, less what this key or this server does not allow."""
    readable = decode(listed, _Listed)
    if readable is None:
        return Refusal("upstream_error", "The model server's list of models cannot be read.")
    usable: list[dict[str, Any]] = []
    for model in readable.data or ():
        try:
            name = names.canonical_name(str(model.get("id")))
        except ValueError:
            continue
        known = await gateway.catalogue.find(name)
        if isinstance(known, Refusal):
            return known
        remote = names.is_cloud(name) or (known is not None and known.remote)
        barred = remote and not gateway.settings.allow_cloud_models
        if barred or (allowed and name not in allowed):
            continue
        fields = {key: model.get(key) for key in ("id", "object", "created", "owned_by")}
        usable.append(fields)
    return {"object": "list", "data": usable}
