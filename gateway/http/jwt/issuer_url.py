"""The address of an issuer, as an owner writes it and as its tokens name it, letter by letter."""

import ipaddress
import re
from urllib.parse import urlsplit

_LONGEST = 500  # characters
_NO_ADDRESS = "should be an address such as https://REF.supabase.co/auth/v1"


def issuer_url(text: str) -> str:
    """The text itself. Raises ValueError: what it should be. Plain http only on this machine."""
    if len(text) > _LONGEST or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError(f"should be an address of at most {_LONGEST} characters without spaces")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:  # a port that is no number, or an unclosed bracket
        raise ValueError(_NO_ADDRESS) from None
    if not host or parts.scheme not in {"https", "http"}:
        raise ValueError(_NO_ADDRESS)
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ValueError("should not contain a user name, query or fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("should begin with https://")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
