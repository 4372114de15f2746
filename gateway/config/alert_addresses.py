"""The settings of alerts. They are secrets: no text here repeats what it was given."""

import base64
import binascii
import re
from urllib.parse import urlsplit

from gateway.config.values import is_near

_BETWEEN = re.compile(r"[\s,;]+(?=[a-z0-9]+://)", re.IGNORECASE)
_MAKE = (
    "python3 -c 'import base64, secrets; "
    'print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())\''
)


def alert_urls(text: str) -> tuple[str, ...]:
    """Addresses as Apprise has them, such as ntfy://topic; commas may be part of one."""
    found = [part.strip(" \t\r\n,;") for part in _BETWEEN.split(text.strip())]
    if not all(re.fullmatch(r"[a-z0-9]{1,32}://\S+", one, re.IGNORECASE) for one in found):
        raise ValueError(
            "should be a list of addresses such as ntfy://topic,mailto://user:password@example.com"
        )
    return tuple(dict.fromkeys(found))


def alert_webhook(text: str) -> str:
    text = text.strip()
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, parts = False, urlsplit("")
    if not good or not re.fullmatch(r"[\x21-\x7e]+", text) or "#" in text:
        raise ValueError("should be an address such as https://example.com/hooks/localllm")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near(parts.hostname or "")):
        raise ValueError(
            "should begin with https://; http:// is for this machine and your own network"
        )
    return text


def webhook_secret(text: str) -> str:
    secret_bytes(text)
    return text.strip()


def secret_bytes(text: str) -> bytes:
    """The key that is in a secret. Raises ValueError."""
    head, prefix, encoded = text.strip().partition("whsec_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if head or not prefix or not 24 <= len(key) <= 64:
        raise ValueError(
            f"should be whsec_ and 24 to 64 bytes in base64, such as the output of: {_MAKE}"
        )
    return key
