"""Who calls, as far as a request shows: a key, and what is known of the visitor behind it."""

from typing import NamedTuple

from gateway.stores import Claim


class Caller(NamedTuple):
    """`key_hash`: what the store can look up: the SHA-256 of a key or of a visitor's token; for a
    user of an issuer who shows no key, `user ID` with the id of the key. `claim`: only where the
    key wants to know."""

    key_hash: str
    claim: Claim | None = None
