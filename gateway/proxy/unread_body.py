"""Bodies that have not come yet: whether they are waited for."""

from gateway.core.errors import Refusal
from gateway.http.authentication import Authenticator
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.proxy.authorise import Authoriser


async def denial_unread(
    authenticator: Authenticator,
    authoriser: Authoriser,
    exchange: Exchange,
    caller: Caller,
    scope: str,
) -> Refusal | None:
    """Why the rest of a request is not waited for, if so: its key does not exist, or, where it is
    large, may not use routes of this scope. Otherwise made-up keys could have any number of bodies
    waited for. A small body of a key that has worked here, or one that has come, costs no look-up:
    the store decides a moment later, and can then say more."""
    small = not exchange.is_large()
    if small and (exchange.has_arrived or authenticator.has_worked(caller.key_hash)):
        return None
    denial = await authoriser.denial(exchange, caller, scope, recent=True)
    if small and denial is not None and denial.kind.status == 403:
        return None
    return denial
