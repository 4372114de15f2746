"""Who calls, as far as a request shows: a key, and what is known of the visitor behind it."""

from collections.abc import Hashable
from typing import NamedTuple

from gateway.stores import Claim


class Caller(NamedTuple):
    """`key_hash`: what the store can look up: the SHA-256 of a key or of a visitor's token; for a
    user of an issuer who shows no key, `user ID` with the id of the key. `claim`: only where the
    key wants to know."""

    key_hash: str
    claim: Claim | None = None


def place_of(claim: Claim | None) -> str | None:
    """What makes one visitor of many names: a network for its addresses, and either for users who
    have not logged in. None: the visitor has a name of their own, or nothing is known."""
    if claim is None or (claim.subject and not claim.anonymous):
        return None
    return claim.network or claim.address


class Payer(NamedTuple):
    """On whose account it is what a request takes of this machine: of a key, under whichever hash
    it or the token of a visitor is shown, and of the visitor; None: there is none."""

    key: Hashable
    visitor: Hashable = None
