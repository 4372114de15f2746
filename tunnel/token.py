"""The token of a named tunnel, as people paste it from the dashboard."""

import binascii
import json
from base64 import b64decode
from typing import cast

from tunnel.errors import TunnelError


def token_in(pasted: str) -> str:
    """The token in what was pasted: the token itself, or the command that the dashboard shows.

    Raises TunnelError for anything else; its text does not repeat what was pasted.
    """
    words = pasted.split()
    token = words[-1].strip("'\"") if words else ""
    if not token:
        raise TunnelError("There is no token: copy it from the tunnel's page in the dashboard.")
    try:
        parts: object = json.loads(b64decode(token, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    named = cast(dict[str, object], parts) if isinstance(parts, dict) else {}
    if not all(isinstance(named.get(name), str) and named[name] for name in ("a", "t", "s")):
        raise TunnelError(
            "That is not a tunnel's token: it begins with eyJ and is one long word. Copy the whole "
            "of it (or the command with it) from the tunnel's page in the dashboard."
        )
    return token


def tunnel_id(token: str) -> str:
    """The id of the tunnel that a token belongs to. It is not secret."""
    return str(json.loads(b64decode(token))["t"])
