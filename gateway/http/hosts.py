"""Which names this server answers to, and which callers are outside.

A website can let its own name lead to this machine after its page was loaded (DNS rebinding); the
browser then takes us for that website. So only names are answered that a stranger cannot have:
those of this machine and its network, those of the tunnel, and ALLOWED_HOSTS. Programs that say no
name at all are no browsers.

A name without a dot is one of the network's own, such as that of a container: the public DNS gives
no addresses to top-level domains. The endings of `core.host_names` cannot be bought either.
"""

import re
import socket
import time
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.core.host_names import is_of_own_network
from gateway.http import client_address
from tunnel.status_file import StatusWatcher

_PAUSE = 0.1  # seconds between two looks at the tunnel that names of nobody's can cause
_LONGEST = 300  # bytes of a header; a name has 253 at most, and a port
_NOBODY = "?.?"  # stands for a name that cannot be; with a dot, or it were of the network's own
_IN_NO_NAME = re.compile(r"[\x00-\x20\x7f\"#,/;<>?@\\^`{|}]")
_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](?::[0-9]*)?")
_PLAIN = re.compile(r"([^:\[\]]*)(?::[0-9]*)?")
_CARRIER = ip_network("100.64.0.0/10")  # shared by customers of one provider; Tailscale's, too


class Hosts:
    """`tunnel`: its watcher knows the name of a tunnel that runs here, also of a trial one."""

    def __init__(self, settings: Settings, tunnel: StatusWatcher | None = None) -> None:
        self._tunnel = tunnel
        self._looked = 0.0
        self._hostname = settings.tunnel_hostname
        self._machine = {socket.gethostname().lower()} - {settings.tunnel_hostname}
        names = {settings.tunnel_hostname, *settings.allowed_hosts} - {""}
        self._public = frozenset(names)
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))

    @property
    def public_name(self) -> str:
        """What leads here from everywhere: the name of the tunnel that runs here, or
        TUNNEL_HOSTNAME; "" if there is none."""
        status = self._tunnel.status if self._tunnel else None
        return (status.hostname if status else "") or self._hostname

    async def refusal(self, scope: Any, host: bytes) -> Refusal | None:
        """Why the request is not for this server, if so."""
        name = host_name(host)
        if not name or self._is_served(scope, name):
            return None
        now = time.monotonic()
        if self._tunnel and now - self._looked > _PAUSE:  # it may have got its name just now
            self._looked = now
            await self._tunnel.refresh()
            if self._is_served(scope, name):
                return None
        return Refusal("host_not_served", name if name.isprintable() else "?")

    def is_outside(self, scope: Any, headers: Mapping[bytes, bytes]) -> bool:
        """Whether the caller is, or may be, outside this machine and its network: a proxy has left
        its marks, or the name is one that is known outside."""
        name = host_name(headers.get(b"host", b""))
        return client_address.was_forwarded(headers) or not self._is_near(scope, name)

    def _is_served(self, scope: Any, name: str) -> bool:
        status = self._tunnel.status if self._tunnel else None
        return (
            self._is_near(scope, name)
            or name in self._public
            or name.endswith(self._endings)
            or (status is not None and name == status.hostname.lower())
        )

    def _is_near(self, scope: Any, name: str) -> bool:
        if not name or _is_near(name) or name in self._machine:
            return True
        server = scope.get("server")  # the address of ours that was called
        return server is not None and name == server[0]


def host_name(host: bytes) -> str:
    """A Host header without its port, in lower case; an IPv6 address without its brackets. Of
    what is too long for a name nothing is remembered."""
    return _host_name(host) if len(host) <= _LONGEST else _NOBODY


@lru_cache(1024)
def _host_name(host: bytes) -> str:
    text = host.decode("latin-1").strip().lower()
    found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    name = found[1] if found else text  # an IPv6 address may stand without brackets
    try:
        return str(ip_address(name))
    except ValueError:
        return _NOBODY if not found or _IN_NO_NAME.search(name) else name.removesuffix(".")


@lru_cache(1024)
def _is_near(name: str) -> bool:
    """A name or an address of this machine or its network, whoever asks."""
    try:
        address = ip_address(name)
    except ValueError:
        return is_of_own_network(name)
    return address.is_private or address.is_link_local or address in _CARRIER
