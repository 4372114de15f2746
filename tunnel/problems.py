"""Known problems of a tunnel: what cloudflared writes about each, and what its owner can do."""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Problem:
    """`permanent`: another start of cloudflared would not help."""

    name: str
    remedy: str
    permanent: bool = False


_KNOWN: tuple[tuple[str, Problem], ...] = (
    (
        r"token is not valid|Failed to read token file",
        Problem(
            "token",
            "The tunnel's token cannot be used. Copy it anew from the dashboard: "
            "localllm tunnel setup",
            permanent=True,
        ),
    ),
    (
        r"tunnel credentials|credentials file|parsing tunnel ID",
        Problem(
            "credentials",
            "The tunnel's credentials file cannot be used. Make it anew: localllm tunnel setup",
            permanent=True,
        ),
    ),
    (
        r"Invalid tunnel secret|Unauthorized",
        Problem(
            "refused",
            "Cloudflare refuses this tunnel: its token is wrong or was replaced, or the tunnel was "
            "deleted. If it is not brand-new, run: localllm tunnel setup",
        ),
    ),
    (
        r"expired or is not yet valid|not yet valid",
        Problem(
            "clock", "The clock of this machine is wrong, so certificates look invalid: set it."
        ),
    ),
    (
        r"signed by unknown authority|failed to verify certificate",
        Problem(
            "intercepted",
            "Something between here and Cloudflare replaces certificates (a proxy, an antivirus "
            "program): let cloudflared pass it, or use another network.",
        ),
    ),
    (
        r"unmarshal(ing)? quick|QuickTunnel response|quick Tunnel ID",
        Problem(
            "no trial",
            "Cloudflare gives no trial tunnel now: it limits how often. Wait some minutes, or set "
            "up a permanent address: localllm tunnel setup",
        ),
    ),
    (
        r"no such host|server misbehaving|DNS query failed|name resolution|lookup \S+.*timeout",
        Problem(
            "dns",
            "Cloudflare's names cannot be looked up: is this machine online? If it is, try another "
            "DNS server, such as 1.1.1.1.",
        ),
    ),
    (
        r"failed to request quick Tunnel",
        Problem(
            "offline", "Cloudflare cannot be reached for a trial tunnel: is this machine online?"
        ),
    ),
    (
        r"metrics server listener|failed to bind to address",
        Problem("port", "Another program took the port meant for cloudflared's metrics."),
    ),
    (
        r"Unable to reach the origin service(?!.*(context canceled|EOF))",
        Problem("origin", "The gateway does not answer, so callers get 502: start it."),
    ),
    (
        r"dial to edge with quic|UDP Connectivity",
        Problem(
            "udp",
            "UDP to port 7844 does not get out of this network. Allow it in the firewall; until "
            "then TCP to port 7844 is used, if that gets out.",
        ),
    ),
    (
        r"establish connection with Cloudflare edge|TCP Connectivity",
        Problem(
            "tcp",
            "TCP to port 7844 does not get out of this network. Allow outgoing TCP and UDP to port "
            "7844 in the firewall, or use another network.",
        ),
    ),
    (
        r"DNS Resolution",
        Problem("dns", "Cloudflare's names cannot be looked up: try another DNS server."),
    ),
)
# What the refusal of a trial tunnel means, which has no token to be wrong.
FORGOTTEN = Problem(
    "forgotten",
    "Cloudflare has ended this trial tunnel. Another one is started, with another address; "
    "localllm tunnel setup makes one whose address stays.",
)
NO_AUTHORITIES = Problem(
    "authorities",
    "This machine has no list of certificate authorities, so nothing on the internet can be "
    "trusted: install the package ca-certificates.",
)
_WAS_CONNECTED = "The tunnel was connected until "
_PATTERNS = [(re.compile(pattern), problem) for pattern, problem in _KNOWN]
# Written at each start, about features that localllm does not use.
_HARMLESS = re.compile(
    r"was empty|Failed to fetch features|protocol percentage|ICMP|ping_group_range|"
    r"local resolver|Cloudflare API|receive buffer size|Serve tunnel error"
)


def lost(until: str) -> Problem:
    """It was connected until that time, as owners read a clock, so no port is blocked."""
    return Problem("offline", f"{_WAS_CONNECTED}{until}: is this machine online?")


def is_known(remedy: str) -> bool:
    """Whether the text is one of those above, which strangers may read, too."""
    known = (problem.remedy for _, problem in _KNOWN)
    return remedy in {*known, FORGOTTEN.remedy, NO_AUTHORITIES.remedy} or remedy.startswith(
        _WAS_CONNECTED
    )


@lru_cache(256)
def problem_in(text: str) -> Problem | None:
    """The known problem that a line is about, or None."""
    if _HARMLESS.search(text):
        return None
    return next((problem for pattern, problem in _PATTERNS if pattern.search(text)), None)
