"""Tokens that were verified, so that all calls of a page cost one verification.

Only good ones are kept: a token that was refused is looked at again each time.
"""

from hashlib import sha256
from typing import NamedTuple

from gateway.http.jwt.visitors import VisitorClaims

MOST = 10_000  # about 10 MB


class _Entry(NamedTuple):
    claims: VisitorClaims
    version: object  # of the keys it was verified with
    alone: bool  # it is for one audience only


class Remembered:
    """By the SHA-256 of the token. The least used is forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._entries: dict[bytes, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def place(self, token: bytes) -> tuple[str, str] | None:
        """Issuer and audience of a token that can have no other."""
        entry = self._entries.get(sha256(token).digest())
        if entry is None or not entry.alone:
            return None
        return entry.claims.issuer, entry.claims.audience

    def get(
        self, token: bytes, issuer: str, audience: str, version: object, now: float
    ) -> VisitorClaims | None:
        """None for one that is not known, is of others, has expired, or was verified with other
        keys."""
        digest = sha256(token).digest()
        entry = self._entries.pop(digest, None)
        if entry is None or (entry.claims.issuer, entry.claims.audience) != (issuer, audience):
            return None
        if entry.version is not version or entry.claims.expires <= now:
            return None
        self._entries[digest] = entry  # the last again
        return entry.claims

    def put(self, token: bytes, claims: VisitorClaims, version: object, alone: bool) -> None:
        while len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[sha256(token).digest()] = _Entry(claims, version, alone)
