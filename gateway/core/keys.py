"""API keys: make one, recognise a well-formed one, hash it. Nothing here knows a store.

A key is ``PREFIX_`` followed by 32 base62 characters. The last six are a checksum over everything
before them, so a typo or garbage is refused without a look-up.
The TypeScript twin in the Supabase function is tested with the same vectors.
"""

import hashlib
import re
import secrets
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6  # 62**6 > 2**32: a CRC-32 always fits
SHOWN = 4  # characters of the secret that a list may show

# Any prefix is accepted, so that keys stay valid when API_KEY_PREFIX changes.
PREFIX_SHAPE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,15}")
_LONGEST = 16 + 1 + 64  # characters of a key with any prefix
_SHAPE = re.compile(rf"({PREFIX_SHAPE.pattern})_([0-9A-Za-z]{{{SECRET_LENGTH},64}})", re.ASCII)


def make_key(prefix: str) -> str:
    """A new key with 26 random base62 characters (154 bits)."""
    count = SECRET_LENGTH - CHECKSUM_LENGTH
    body = f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(count))
    return body + checksum(body)


def checksum(body: str) -> str:
    """CRC-32 of the ASCII text before it, as six base62 digits, most significant first."""
    value = zlib.crc32(body.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, 62)
        digits = ALPHABET[digit] + digits
    return digits


def is_well_formed(key: str) -> bool:
    """Whether the text has the form of a key. The checksum is public, so no secret is compared."""
    if not _SHAPE.fullmatch(key):
        return False
    return checksum(key[:-CHECKSUM_LENGTH]) == key[-CHECKSUM_LENGTH:]


def hide(text: str, most: int) -> str:
    """The beginning of a text, `most` characters of it, for logs: every key in it is shortened to
    its display prefix, and none is cut so that a part of it is left."""
    start = text[: most + _LONGEST]
    if len(start) < len(text):
        start = start[:-_LONGEST] + start[-_LONGEST:].rstrip(f"{ALPHABET}-_")
    return _SHAPE.sub(lambda found: display_prefix(found[0]) + "…", start)[:most]


def hash_key(key: str) -> str:
    """SHA-256 as 64 hex digits. A key has 154 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(key.encode("ascii")).hexdigest()


def display_prefix(key: str) -> str:
    """What lists and logs may show of a key: its prefix and four characters."""
    head, _, secret = key.rpartition("_")
    return f"{head}_{secret[:SHOWN]}"
