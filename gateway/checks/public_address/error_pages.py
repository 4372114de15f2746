"""Answers that do not come from the gateway: Cloudflare's error pages and others, with a remedy.

Codes: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/
"""

import contextlib
import re
from urllib.parse import urlsplit

from gateway.checks.public_address.client import Answer

_CODE = re.compile(rb"(?:error code: |>\s*error\s+|cf-error-code[^0-9]{0,20})(\d{3,4})", re.I)
_START = "start it (localllm serve), or set the tunnel's Service URL to {service}."
_TUNNEL = "no tunnel is connected for it. Start it: localllm tunnel run, or localllm up --tunnel"
_BY_ADDRESS = (
    "its DNS record points to an address instead of the tunnel. Remove the record in Cloudflare's "
    "dashboard and add the hostname to the tunnel (or here: localllm tunnel setup --hostname NAME "
    "--overwrite-dns)."
)
_BLOCKED = (
    "a rule in Cloudflare's dashboard blocks programs: under Security, add an exception for this "
    "hostname."
)
_SLOW = "the gateway sent nothing in time. Restart it, and see its log: localllm service logs"
_KNOWN = {
    "1033": _TUNNEL,
    "1016": "its DNS record points to nothing. Add the hostname to the tunnel again in Cloudflare's"
    " dashboard (or here: localllm tunnel setup --hostname NAME --overwrite-dns).",
    **dict.fromkeys(("1006", "1007", "1008", "1009", "1010", "1012", "1020"), _BLOCKED),
    "1015": "the rate limit in Cloudflare's dashboard is too low: raise it for this hostname.",
    "1000": _BY_ADDRESS,
    "530": _TUNNEL,
    "502": "cloudflared cannot reach the gateway: " + _START,
    "503": "cloudflared cannot reach the gateway: " + _START,
    **dict.fromkeys(("520", "521", "522", "523"), _BY_ADDRESS),
    **dict.fromkeys(
        ("525", "526"), "the tunnel uses TLS to the gateway. Set its Service URL to {service}."
    ),
    **dict.fromkeys(("504", "524"), _SLOW),
    "429": "something in front of the gateway limits requests: check the rules in Cloudflare's "
    "dashboard.",
    "404": "the tunnel does not forward this hostname to the gateway. Add it to the tunnel in "
    "Cloudflare's dashboard, with the Service URL {service}.",
}
LOGIN = (
    "Cloudflare Access asks for a log-in there. If websites should use this address, give them a "
    "service token or remove the application in Cloudflare's dashboard, and have it pass OPTIONS "
    "requests to the origin."
)
OLLAMA = (
    "the tunnel leads to Ollama itself, which needs no key! Stop the tunnel, and set its Service "
    "URL to {service}."
)


def is_ours(answer: Answer) -> bool:
    """Whether a gateway sent it: each of its answers has an id."""
    return "x-request-id" in answer.headers


def is_login(answer: Answer) -> bool:
    """Whether it is a log-in page or refusal of Cloudflare Access."""
    location = answer.headers.get("location", "")
    with contextlib.suppress(ValueError):  # no address at all
        host = urlsplit(location).hostname or ""
        if host.endswith(".cloudflareaccess.com") or location.startswith("/cdn-cgi/access/"):
            return True
    refused = answer.status in {401, 403} and b"cloudflareaccess.com" in answer.body
    return refused or "cf-access-domain" in answer.headers


def describe(answer: Answer, service: str) -> str:
    """What answers instead of the gateway, and what to do. `service`: the local URL of the
    gateway."""
    if is_login(answer):
        return LOGIN
    if b"Ollama is running" in answer.body or answer.body.strip() == b"404 page not found":
        return OLLAMA.format(service=service)
    if "cf-mitigated" in answer.headers:
        return f"Cloudflare challenges callers to prove that they use a browser: {_BLOCKED}"
    found = _CODE.search(answer.body)
    codes = (found[1].decode() if found else "", str(answer.status))
    for code in codes:
        if code in _KNOWN:
            return f"error {code}: {_KNOWN[code].format(service=service)}"
    if 300 <= answer.status < 400:
        to = answer.headers.get("location", "nowhere")[:100]
        return f"it redirects to {to!r}: remove that rule in Cloudflare's dashboard."
    return (
        f"something else answers there (status {answer.status}): set the tunnel's Service URL to "
        f"{service}."
    )
