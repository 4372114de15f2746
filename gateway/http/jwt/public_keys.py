"""The public keys of an issuer (RFC 7517), each good for one algorithm.

The key decides the algorithm: a token that names another one is refused, so that a public key can
never be taken for a shared secret.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gateway.http.jwt.results import Problem
from gateway.http.jwt.tokens import LONGEST_KEY_NAME, Token

if TYPE_CHECKING:
    from jwt import PyJWK

MOST = 100  # keys of an issuer; real ones have two or three
_SHORTEST, _LONGEST = 2048, 8192  # bits of an RSA key
# Names of the algorithm in tokens, the first as PyJWT calls it (RFC 9864 has a new one).
_NAMES: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256",),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}


class KeysUnavailable(Exception):
    """They cannot be had now; the text says why."""


class PublicKey(NamedTuple):
    """`told`: as its issuer publishes it."""

    algorithms: tuple[str, ...]
    key: "PyJWK"
    told: dict[str, Any]

    def problem(self, token: Token) -> Problem | None:
        """None where this key has signed the token."""
        if token.algorithm not in self.algorithms:
            return Problem(
                f"is not valid: it names another algorithm than its key's, {self.algorithms[0]}"
            )
        if not self.key.Algorithm.verify(token.signed, self.key.key, token.signature):
            return Problem("is not valid: its signature is wrong")
        return None


Keys = dict[str, PublicKey]  # by their names ('kid'), "" for one that has none


class _Published(msgspec.Struct):
    keys: list[dict[str, Any]]


def read_keys(body: bytes) -> Keys:
    """The usable keys of a key set, at least one. Raises KeysUnavailable."""
    try:
        published = msgspec.json.decode(body, type=_Published).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise KeysUnavailable("not a set of keys") from None
    if len(published) > MOST:
        raise KeysUnavailable(f"holds more than {MOST} keys")
    keys: Keys = {}
    for told in published:
        name = told.get("kid", "")
        key = _usable(told)
        if key and isinstance(name, str) and len(name) <= LONGEST_KEY_NAME:
            keys.setdefault(name, key)
    if not keys:
        raise KeysUnavailable("holds no key that can be used (ES256, RS256 from 2048 bits, EdDSA)")
    return keys


def _usable(told: dict[str, Any]) -> PublicKey | None:
    from jwt import PyJWK, PyJWTError

    kind, curve = told.get("kty"), told.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return None
    names = _NAMES.get((kind, curve))
    if names is None or "d" in told:  # a private key that is public is nobody's
        return None
    operations = told.get("key_ops")
    if told.get("alg", names[0]) not in names or told.get("use", "sig") != "sig":
        return None
    if operations is not None and "verify" not in operations:
        return None
    try:
        key = PyJWK(told, algorithm=names[0])
    except (PyJWTError, ValueError, TypeError):
        return None
    bits = getattr(key.key, "key_size", 0)
    fits = kind != "RSA" or _SHORTEST <= bits <= _LONGEST
    return PublicKey(names, key, told) if fits else None
