"""Who calls a route that reads, and which models the key may see."""

from collections.abc import Sequence

from gateway.backends.backend import Backend
from gateway.core import keys, model_names
from gateway.core.errors import Refusal
from gateway.proxy.pipeline import Gateway, authenticate
from gateway.routes.support.answers import AnyRequest
from gateway.stores import Identity, StoreUnavailable


async def identify(gateway: Gateway, request: AnyRequest, scope: str | None) -> Identity | Refusal:
    """The holder of the key that the request shows, if it may use a route of that scope."""
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    key = authenticate(headers)
    if isinstance(key, Refusal):
        return key
    key_hash = keys.hash_key(key)
    refusal = gateway.failed_keys.refusal(request.scope, headers, key_hash)
    if refusal is not None:
        return refusal
    identity = await gateway.verdict_cache.identify(key_hash, scope, request.headers.get("origin"))
    if not identity.allowed:
        refusal = Refusal(identity.reason or "invalid_api_key")
    gateway.failed_keys.note(request.scope, headers, key_hash, refusal)
    return refusal or identity


async def has_scopes(gateway: Gateway, request: AnyRequest, scopes: str) -> bool:
    """Whether the key, which may call, has all of these, with spaces between; not while nobody can
    say."""
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    key = authenticate(headers)
    if isinstance(key, Refusal):
        return False
    origin = request.headers.get("origin")
    try:
        denial = await gateway.verdict_cache.denial(
            keys.hash_key(key), scopes, origin, lately=False
        )
    except StoreUnavailable:
        return False
    return denial is None


async def refused_model(
    gateway: Gateway,
    spelling: str,
    identity: Identity,
    *,
    native: bool = False,
    among: Sequence[Backend] = (),
) -> Refusal | None:
    """Why the key or this server does not allow a model, if so; `native` and `among`: as in
    `BackendPool.candidates`."""
    try:
        name = model_names.canonical_name(spelling)
    except ValueError as problem:
        return Refusal("invalid_request", f"{problem}.", param="model")
    if not model_names.is_allowed(name, identity.allowed_models):
        return Refusal("model_not_allowed", model=name, param="model")
    found = await gateway.pool.candidates(
        name, cloud=model_names.is_cloud(spelling), native=native, among=among
    )
    return found if isinstance(found, Refusal) else None
