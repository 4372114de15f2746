"""Who calls a route that reads, and which models the key may see."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.backends.backend import Backend
from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.routes.support.answers import AnyRequest
from gateway.services import Services
from gateway.stores import Identity, StoreUnavailable


class KeyHolder(NamedTuple):
    """Who may use the route: the holder of a key, or a visitor of it."""

    caller: Caller
    origin: str | None
    identity: Identity


async def identify(
    services: Services, request: AnyRequest, scope: str | None
) -> KeyHolder | Refusal:
    """The holder of the key that the request shows, if it may use a route of that scope."""
    exchange = Exchange(request.scope, request.receive, request.send)
    caller = await services.authenticator.caller(exchange)
    if isinstance(caller, Refusal):
        return caller
    too_often = services.read_rate.refusal(caller)
    if too_often is not None:
        return too_often
    identity = await services.authoriser.identify(exchange, caller, scope)
    if isinstance(identity, Refusal):
        return identity
    return KeyHolder(caller, exchange.origin, identity)


async def has_scopes(services: Services, holder: KeyHolder, scopes: str) -> bool:
    """Whether the key has all of these scopes, with spaces between; False while the store cannot
    say."""
    try:
        denial = await services.verdict_cache.denial(
            holder.caller, scopes, holder.origin, recent=False
        )
    except StoreUnavailable:
        return False
    return denial is None


async def refused_model(
    services: Services,
    spelling: str,
    identity: Identity,
    *,
    native: bool = False,
    among: Sequence[Backend] = (),
) -> Refusal | None:
    """Why the key or this server does not allow a model, if so; `native` and `among`: as in
    `BackendPool.candidates`."""
    try:
        name = model_names.requested_name(spelling)
    except ValueError as problem:
        return Refusal("invalid_request", f"{problem}.", param="model")
    if not model_names.is_allowed(name, identity.allowed_models):
        return Refusal("model_not_allowed", model=name, param="model")
    if name.startswith(model_names.PRESET):  # no machine's model can be one
        return Refusal("unknown_model", model=name, param="model")
    found = await services.pool.candidates(
        name, cloud=model_names.is_cloud(spelling), native=native, among=among
    )
    return found if isinstance(found, Refusal) else None
