"""What the gateway asks of a store, and the values that are exchanged with it.

A store decides and counts, and knows nothing of HTTP. A denial is a value (`Verdict.reason`). The
one failure is `StoreUnavailable`: the answer is not known, try again later.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec


class StoreUnavailable(Exception):
    """The database could not be reached or could not answer. The text is for the owner."""


class StoreMisconfigured(StoreUnavailable):
    """Only the owner can fix this: a wrong address or key, or a schema that is missing or old."""


class SecretKeyNeeded(StoreMisconfigured):
    """This gateway may only serve calls; what was asked for is done with another key."""


class StoreRefused(StoreUnavailable):
    """The store rejects what it was sent. Sending it again would fail again."""


PUSH = "run: npx supabase@3 db push --remote"  # how a Supabase project gets the schema
HOLD_SECONDS = 900  # a hold that is not renewed for so long belongs to a dead gateway


class Claim(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the gateway knows of a caller who may be a visitor: `p_claim` of the SQL functions.

    `address` is where the caller sits: an IPv4 address or an IPv6 /64; `network` the /48 around the
    latter. `subject` is the user whom `issuer` names in a verified token that was made for
    `audience`, and `key_id` the key whose visitors such users are."""

    address: str | None = None
    network: str | None = None
    issuer: str | None = None
    audience: str | None = None
    subject: str | None = None
    anonymous: bool = False
    plan: str | None = None
    key_id: UUID | None = None


class AuthorizationRequest(msgspec.Struct, frozen=True, gc=False):
    """One request that asks for permission. Its token counts are upper bounds."""

    request_id: UUID
    key_hash: str  # 64 hex digits
    scope: str  # every scope that it needs, separated by spaces
    origin: str | None
    model: str  # canonical name
    endpoint: str
    prompt_bound: int
    max_output: int
    capped: bool = True  # the request itself names a length; else it leaves room for others
    claim: Claim | None = None


class VisitorVerdict(msgspec.Struct, frozen=True, gc=False):
    """What a visitor is told of their limits; None: there is no such limit. `pool`: with whom the
    visitor shares another one, which is told where it is the narrower. `good_for_ms`: how long
    after this the store need not be asked; a token ends, and its uses are counted there."""

    id: UUID
    pool: UUID | None = None
    rate_limit: int | None = None
    rate_remaining: int | None = None
    rate_reset_ms: int | None = None
    token_limit: int | None = None
    tokens_remaining: int | None = None
    day_resets_at: datetime | None = None
    good_for_ms: int | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The answer to an `AuthorizationRequest`: the row that SQL `authorize_request` returns.

    `reason` is None if allowed, else a code of `error_kinds.KINDS`. `granted` is the number of
    output tokens that the model may produce. For an unknown key, the numbers about limits are None.
    `retry_after_ms` is None where no waiting helps; with `insufficient_quota` it says that only the
    holds of running requests are in the way.
    """

    allowed: bool
    reason: str | None = None
    key_id: UUID | None = None
    granted: int = 0
    rate_limit: int | None = None
    rate_remaining: int | None = None
    rate_reset_ms: int | None = None
    token_limit: int | None = None
    tokens_remaining: int | None = None
    month_resets_at: datetime | None = None
    retry_after_ms: int | None = None
    visitor: VisitorVerdict | None = None


class Identity(msgspec.Struct, frozen=True):
    """Who a key belongs to, for routes that cost no tokens: the row of SQL `identify_key`."""

    allowed: bool
    reason: str | None = None
    key_id: UUID | None = None
    allowed_models: list[str] | None = None  # see model_names.is_allowed; None: all
    visitor: UUID | None = None


class Settlement(msgspec.Struct, gc=False):
    """What one request came to: an element of SQL `settle_requests(p_settlements)`."""

    request_id: UUID
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usage_source: str = "none"  # reported | estimated | none (nothing was produced)
    # ok, or what went wrong: client_gone, cancelled (by the owner), refused, truncated,
    # upstream_error, upstream_timeout,
    # gateway_stopped, gateway_died, internal_error
    status: str = "ok"
    ttft_ms: int | None = None
    duration_ms: int | None = None
    # With these, the request can be counted even if a crash of the database lost its hold:
    key_id: UUID | None = None
    authorized_at: datetime | None = None
    model: str = ""
    endpoint: str = ""
    # Let through without the store: a hold can still come after it. SQL and outbox files know the
    # field as `lent`.
    granted_offline: bool = msgspec.field(default=False, name="lent")
    visitor: UUID | None = None
    pool: UUID | None = None
    backend: str | None = None  # the name of the machine that served it, as its owner reads it


class Store(Protocol):
    """Each file of `stores/` implements it. One suite of contract tests runs on all of them.
    Calls that look at months or ages tell it what time it is here: a clock can be wrong."""

    gateways: int  # that shared the store at the last sweep, with this one

    async def authorize(self, wanted: AuthorizationRequest) -> Verdict:
        """Decide, and hold the tokens. The same request id always gets the same answer."""
        ...

    async def identify(
        self, key_hash: str, scope: str | None, origin: str | None, claim: Claim | None = None
    ) -> Identity:
        """Who the key belongs to, and whether it has the scope. `scope` None: any will do."""
        ...

    async def settle(self, batch: Sequence[Settlement]) -> None:
        """Count each request once, however often it is sent."""
        ...

    async def sweep(self, live: Sequence[UUID]) -> None:
        """Renew the holds of this gateway's running requests, release those of dead gateways, and
        count the gateways."""
        ...

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call one of the administration functions of `sql/functions`; its JSON comes back."""
        ...

    async def check(self) -> None:
        """Raise `StoreUnavailable`, with a text for the owner, unless the store can answer."""
        ...

    async def close(self) -> None: ...
