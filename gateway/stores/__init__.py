"""What the gateway asks of a store, and the values that cross that line.

A store decides and counts; it knows nothing of HTTP. Denials are values (`Verdict.reason`);
`StoreUnavailable` is the one failure: nothing is known, try later.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec


class StoreUnavailable(Exception):
    """The database could not be reached or could not answer. The text is for the owner."""


class StoreMisconfigured(StoreUnavailable):
    """Only the owner can end this: a wrong address or key, or a schema that is missing or old."""


class StoreRefused(StoreUnavailable):
    """It answers, but not to what it was given: sent again, that would fail again."""


PUSH = "run: npx supabase@3 db push --remote"  # how a Supabase project gets the schema
HOLD_SECONDS = 900  # a gateway that says nothing for so long is dead


class AuthorizationRequest(msgspec.Struct, frozen=True, gc=False):
    """One request that wants to be let through. Token counts are upper bounds."""

    request_id: UUID
    key_hash: str  # 64 hex digits
    scope: str  # every scope that it needs, with a space between
    origin: str | None
    model: str  # canonical name
    endpoint: str
    prompt_bound: int
    max_output: int


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The answer to an `AuthorizationRequest`, field for field the row of SQL `authorize_request`.

    `reason` is None when allowed, else a code of `errors.KINDS`. `granted` is the number of
    output tokens that the model may produce. Numbers about limits are None for an unknown key.
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


class Identity(msgspec.Struct, frozen=True):
    """Who a key is, for routes that spend nothing: the row of SQL `identify_key`."""

    allowed: bool
    reason: str | None = None
    key_id: UUID | None = None
    allowed_models: list[str] | None = None  # see names.is_allowed; None: all


class Settlement(msgspec.Struct, gc=False):
    """What one request came to: an element of SQL `settle_requests(p_settlements)`."""

    request_id: UUID
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usage_source: str = "none"  # reported | estimated | none (nothing was produced)
    # ok; or why not: client_gone, refused, truncated, upstream_error, upstream_timeout,
    # gateway_stopped, gateway_died, internal_error
    status: str = "ok"
    ttft_ms: int | None = None
    duration_ms: int | None = None
    # Enough to count the request even if a crash of the database lost its hold:
    key_id: UUID | None = None
    authorized_at: datetime | None = None
    model: str = ""
    endpoint: str = ""
    # Let through without the store: a hold can still come after it. SQL and outbox files know the
    # field as `lent`.
    granted_offline: bool = msgspec.field(default=False, name="lent")


class Store(Protocol):
    """Implemented in `stores/`, one file each; one contract suite runs over all of them."""

    async def authorize(self, wanted: AuthorizationRequest) -> Verdict:
        """Decide and hold. Asking again with the same request id gives the same answer."""
        ...

    async def identify(self, key_hash: str, scope: str | None, origin: str | None) -> Identity:
        """Who the key is. `scope` None: any will do."""
        ...

    async def settle(self, batch: Sequence[Settlement]) -> None:
        """Count each request once, however often it is sent."""
        ...

    async def sweep(self, live: Sequence[UUID]) -> None:
        """Renew the holds of this gateway's running requests, release those of dead gateways."""
        ...

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call one of the administration functions of `sql/functions`; its JSON comes back."""
        ...

    async def check(self) -> None:
        """Raise `StoreUnavailable`, with words for the owner, unless the store can answer."""
        ...

    async def close(self) -> None: ...
