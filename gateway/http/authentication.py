"""Which key a request shows: the first stage of every route that needs one.

Clients send keys in several ways, and some send two: one of their own settings and a stale one of
another service. The one that is a key of this gateway counts; of two, one that has worked before,
then the order of the headers (docs/conventions.md).
"""

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Awaitable, Callable

from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import USELESS, FailedKeyLimiter
from gateway.http.failures import store_unavailable
from gateway.http.jwt import tokens
from gateway.http.visitors import Visitors
from gateway.stores import Identity, StoreUnavailable

Identify = Callable[[Caller, str | None, str | None], Awaitable[Identity]]

_HEADERS = (b"x-api-key", b"api-key", b"authorization")  # a key in each at most


class Authenticator:
    """`identify`: who a caller is, asked only where a request shows several keys. `visitors`: what
    is known of them here."""

    def __init__(
        self, failed_keys: FailedKeyLimiter, identify: Identify, visitors: Visitors
    ) -> None:
        self._failed_keys = failed_keys
        self._identify = identify
        self._visitors = visitors

    def has_worked(self, key_hash: str) -> bool:
        """Whether the key is known to exist."""
        return self._failed_keys.has_worked(key_hash)

    async def caller(self, exchange: Exchange) -> Caller | Refusal:
        """Who calls. A key that cannot be one, or that comes from an address with too many
        failures, is refused without a look-up."""
        shown = shown_keys(exchange.headers)
        token = shown_token(exchange.headers)
        if isinstance(shown, Refusal):
            return await self._user_alone(exchange, token) if token else shown
        key_hash = await self._key_hash(exchange, shown)
        if isinstance(key_hash, Refusal):
            return key_hash
        if token:  # beside a key, it counts where the key has such visitors; others have theirs
            user = await self._user(exchange, token)
            if isinstance(user, Caller):
                return Caller(key_hash, user.claim)
            exchange.not_a_user = user
        return Caller(key_hash, self._visitors.claim(exchange, key_hash))

    async def _user_alone(self, exchange: Exchange, token: str) -> Caller | Refusal:
        """A user of a website's log-in who shows no key. Tokens that are not valid count as
        guesses; beside a key they may be meant for somebody else."""
        token_hash = hashlib.sha256(token.encode()).hexdigest()
        refusal = self._failed_keys.refusal(exchange, token_hash)
        if refusal is not None:
            return refusal
        user = await self._user(exchange, token)
        if isinstance(user, Refusal) and user.reason == "invalid_visitor_token":
            self._failed_keys.note(exchange, token_hash, "invalid_api_key")
        return user

    async def _user(self, exchange: Exchange, token: str) -> Caller | Refusal:
        """A user of a website's log-in."""
        try:
            claim = await self._visitors.user(exchange, token)
        except StoreUnavailable as problem:
            return store_unavailable(problem)
        return claim if isinstance(claim, Refusal) else Caller(f"user {claim.key_id}", claim)

    async def _key_hash(self, exchange: Exchange, shown: list[str]) -> str | Refusal:
        """The SHA-256 of the key, which the store can look up."""
        if len(shown) == 1:
            key_hash = keys.hash_key(shown[0])
            return self._failed_keys.refusal(exchange, key_hash) or key_hash
        hashes = [keys.hash_key(key) for key in shown]
        hashes.sort(key=lambda one: not self._failed_keys.has_worked(one))
        refusal = self._failed_keys.refusal(exchange, hashes[0])
        return refusal or await self._first_that_exists(exchange, hashes)

    async def _first_that_exists(self, exchange: Exchange, hashes: list[str]) -> str | Refusal:
        """Looked up one after the other. If none can be used, that is one failure; it counts even
        if one of them was good once, else a revoked key would let its holder guess others."""
        reasons: list[str] = []
        try:
            for key_hash in hashes:
                identity = await self._identify(Caller(key_hash), None, exchange.origin)
                reason = None if identity.allowed else identity.reason or "invalid_api_key"
                if reason not in USELESS:  # a key that exists, whatever it may do
                    self._failed_keys.note(exchange, key_hash, None)
                    return key_hash
                reasons.append(reason)
        except StoreUnavailable as problem:
            if self._failed_keys.has_worked(hashes[0]):  # it may go on for a while (offline grace)
                return hashes[0]
            return store_unavailable(problem)
        if "invalid_api_key" in reasons:
            self._failed_keys.note(exchange, hashes[0], "invalid_api_key")
        ended = [reason for reason in reasons if reason != "invalid_api_key"]
        return Refusal(ended[0] if ended else "invalid_api_key")


def shown_keys(headers: dict[bytes, bytes]) -> list[str] | Refusal:
    """The well-formed keys that the headers hold, each once: one at least, three at most."""
    found: list[str] = []
    refusal = Refusal("missing_api_key")
    for name in _HEADERS:
        if name in headers and (value := headers[name].strip()):
            key = _key_in(value)
            if not keys.is_well_formed(key):
                refusal = Refusal("malformed_api_key")
            elif key not in found:
                found.append(key)
    return found or refusal


def shown_token(headers: dict[bytes, bytes]) -> str:
    """What looks like the token of a website's log-in; empty if nothing does."""
    value = headers.get(b"authorization", b"")
    if b"eyJ" not in value:  # nearly each request
        return ""
    text = value.split()[-1].decode("latin-1")
    return text if tokens.looks_like_one(text) else ""


def _key_in(value: bytes) -> str:
    """What stands where a key would: the last word, or the password of Basic. Programs put a scheme
    before a key that their user wrote with one, or none before it."""
    *schemes, word = value.split()
    if schemes and schemes[0].lower() == b"basic":
        word = _password(word)
    return word.decode("latin-1")


def _password(encoded: bytes) -> bytes:
    """Of `user:password` in Base64; the user where there is no password (`http://KEY@host`)."""
    try:
        user, _, password = b64decode(encoded, validate=True).partition(b":")
    except binascii.Error:
        return b""
    return password or user
