"""What is known here of a caller who may be a visitor of a key: where the request comes from, and
who the visitor is to the website's log-in."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from msgspec.structs import replace

from gateway.core.errors import Refusal
from gateway.http import client_address
from gateway.http.client_address import Networks
from gateway.http.exchange import Exchange
from gateway.http.site_issuers import SiteIssuers
from gateway.stores import Claim

HOME, NETWORK = 64, 48  # bits of an IPv6 address: what one line has, and what a provider gives out


class Visitors:
    """`wants_claim`: whether the key tells its visitors apart by what is known of them here;
    `has_tunnel`, `proxies`: who is believed about the address (client_address.py)."""

    def __init__(
        self,
        wants_claim: Callable[[str], bool],
        issuers: SiteIssuers,
        has_tunnel: Callable[[], bool],
        proxies: Networks,
    ) -> None:
        self._wants_claim = wants_claim
        self._issuers = issuers
        self._has_tunnel = has_tunnel
        self._proxies = proxies

    async def user(self, exchange: Exchange, token: str) -> Claim | Refusal:
        """Who shows the token of a website's log-in. Raises StoreUnavailable."""
        verified = await self._issuers.verify(token)
        if isinstance(verified, Refusal):
            return verified
        claims, key_id = verified
        # Who has an account is the same everywhere.
        place = self.whereabouts(exchange) if claims.anonymous else Claim()
        return replace(
            place,
            issuer=claims.issuer,
            audience=claims.audience,
            subject=claims.subject,
            anonymous=claims.anonymous,
            plan=claims.plan,
            key_id=key_id,
        )

    def claim(self, exchange: Exchange, key_hash: str) -> Claim | None:
        """What the store has to know; None: nothing, as far as is known. Nobody's address goes to
        a store that does not ask for it."""
        return self.whereabouts(exchange) if self._wants_claim(key_hash) else None

    def whereabouts(self, exchange: Exchange) -> Claim:
        """Where the caller is, if somebody who is believed says so."""
        text = client_address.address(
            exchange.scope, exchange.headers, tunnel=self._has_tunnel(), proxies=self._proxies
        )
        return located(text)


def located(address: str) -> Claim:
    """An IPv4 address stands for a visitor, and of an IPv6 address its /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return Claim()
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        home, network = (ip_network((found, bits), strict=False) for bits in (HOME, NETWORK))
        return Claim(str(home), str(network))
    return Claim(str(getattr(found, "ipv4_mapped", None) or found))
