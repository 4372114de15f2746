"""What the stand-in was asked to run."""

import json
from base64 import b64decode
from dataclasses import dataclass

DISCLAIMER = (
    "Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick "
    "way to experiment and try it out. However, be aware that these account-less Tunnels have no "
    "uptime guarantee"
)


@dataclass
class Order:
    """What is to be run. `secret` is empty for a trial."""

    rules: list[tuple[str, str]]
    hostname: str
    metrics: str
    grace: float
    secret: str = ""


def secret_of(token: str) -> str:
    """The secret in a token; ValueError for anything else."""
    return str(json.loads(b64decode(token, validate=True))["s"])
