"""Which key a request shows: the first stage of every route that needs one."""

from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import FailedKeyLimiter


def authenticate(exchange: Exchange, failed_keys: FailedKeyLimiter) -> str | Refusal:
    """The SHA-256 of the key, which the store can look up. A key that cannot be one, or that comes
    from an address with too many failures, is refused without a look-up."""
    key = shown_key(exchange.headers)
    if isinstance(key, Refusal):
        return key
    key_hash = keys.hash_key(key)
    return failed_keys.refusal(exchange, key_hash) or key_hash


def shown_key(headers: dict[bytes, bytes]) -> str | Refusal:
    """The key in X-API-Key or else in Authorization, if it is well-formed."""
    shown = headers.get(b"x-api-key")
    if shown is None:
        scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return Refusal("missing_api_key")
    key = shown.strip().decode("latin-1")
    if not key:
        return Refusal("missing_api_key")
    return key if keys.is_well_formed(key) else Refusal("malformed_api_key")
