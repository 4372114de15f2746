"""Authorise: may this key do that, and what does the store hold for it?"""

import time
from collections import OrderedDict
from datetime import UTC

from msgspec.structs import replace

from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Privilege, Sanitised
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import FailedKeyLimiter
from gateway.http.failures import store_unavailable
from gateway.http.visitors import Visitors
from gateway.proxy.outbox import Outbox
from gateway.proxy.remembered_keys import MOST_KEYS
from gateway.proxy.verdict_cache import FRESH, VerdictCache
from gateway.stores import AuthorizationRequest, Identity, StoreUnavailable, Verdict

_MAY_BE_HELD = {"insufficient_quota", "visitor_tokens_held"}
_LARGEST_BOUND = 2**31 - 1  # tokens; an integer of SQL


class Authoriser:
    """Asks the store through the verdict cache, and tells the failed-key limiter what it said."""

    def __init__(
        self,
        verdict_cache: VerdictCache,
        failed_keys: FailedKeyLimiter,
        outbox: Outbox,
        visitors: Visitors,
    ) -> None:
        self.verdict_cache = verdict_cache
        self._visitors = visitors
        self._outbox = outbox
        self._failed_keys = failed_keys
        self._lacking: OrderedDict[tuple[Caller, str], float] = OrderedDict()  # and scope: when

    async def narrow(
        self, exchange: Exchange, dialect: Dialect, request: Sanitised, caller: Caller
    ) -> Refusal | None:
        """Leave out of the request what its key has no scope for, where it can do without. A
        refusal: the key cannot be used at all."""
        privilege = request.privilege
        if privilege is None or privilege.needed:
            return None
        asked = caller, privilege.scope
        if time.monotonic() - self._lacking.get(asked, -FRESH) >= FRESH:
            denial = await self.denial(exchange, caller, privilege.scope, recent=True)
            if denial is None:
                return None
            if denial.reason not in {"scope_missing", "store_unavailable"}:
                return denial
            if denial.reason == "scope_missing":
                self._lacking[asked] = time.monotonic()
                self._lacking.move_to_end(asked)
                if len(self._lacking) > MOST_KEYS:
                    self._lacking.popitem(last=False)
        dialect.narrow(request)
        return None

    def expect(self, wanted: AuthorizationRequest, privilege: Privilege | None) -> Verdict | None:
        """The verdict with which the model may begin before the store has decided; None: wait for
        it. What a privilege does to the machine cannot be taken back, so that always waits."""
        return self.verdict_cache.expect(wanted) if privilege is None else None

    async def authorise(
        self,
        exchange: Exchange,
        wanted: AuthorizationRequest,
        privilege: Privilege | None = None,
    ) -> Verdict | Refusal:
        """Let the store decide and hold. `privilege`: why the request needs a second scope."""
        try:
            verdict = await self._decide(wanted)
            if verdict.reason == "visitor_unknown" and wanted.claim is None:
                wanted = replace(wanted, claim=self._visitors.whereabouts(exchange))
                verdict = await self._decide(wanted)
        except StoreUnavailable as problem:
            return store_unavailable(problem)
        reason = None if verdict.allowed else verdict.reason or "internal_error"
        self._failed_keys.note(exchange, wanted.key_hash, reason)
        exchange.allow(verdict)
        if reason is None:
            return verdict
        if reason == "scope_missing" and privilege is not None:
            scopes = " and ".join(wanted.scope.split())
            named = f"'{privilege.field}' {privilege.why}"
            detail = f"{named}: that needs a key with the scopes {scopes}."
            return Refusal("privilege_missing", detail, param=privilege.field)
        detail = ""
        if reason == "insufficient_quota":
            held = verdict.retry_after_ms is not None
            words = _held_words if held else _quota_words
            # A visitor learns nothing of what the key has.
            detail = "" if verdict.visitor else words(wanted, verdict)
            reason = "tokens_held" if held else reason
        elif reason == "scope_missing":
            detail = wanted.scope
        elif reason in {"visitor_quota", "visitor_tokens_held"}:
            detail = _visitor_words(wanted, verdict)
        elif reason == "visitor_token_required" and exchange.not_a_user is not None:
            return exchange.not_a_user
        return Refusal(reason, detail, model=wanted.model, retry_after_ms=verdict.retry_after_ms)

    async def _decide(self, wanted: AuthorizationRequest) -> Verdict:
        """The store's verdict, before which what has ended of a key near its limit is counted: it
        would be refused, or cut, for what is not running any more."""
        tight = self.verdict_cache.near_limit(wanted)
        if tight is not None:
            await self._outbox.flush(tight)
        verdict = await self.verdict_cache.authorize(wanted)
        held = verdict.reason in _MAY_BE_HELD and verdict.retry_after_ms is not None
        if held and verdict.key_id and await self._outbox.flush(verdict.key_id):
            verdict = await self.verdict_cache.authorize(wanted)
        return verdict

    async def identify(
        self, exchange: Exchange, caller: Caller, scope: str | None
    ) -> Identity | Refusal:
        """Who the caller is, if routes of this scope (None: any) may be used. Nothing is held."""
        origin, cache = exchange.origin, self.verdict_cache
        try:
            identity = await cache.identify(caller, scope, origin)
            if identity.reason == "visitor_unknown" and caller.claim is None:
                caller = caller._replace(claim=self._visitors.whereabouts(exchange))
                identity = await cache.identify(caller, scope, origin)
        except StoreUnavailable as problem:
            return store_unavailable(problem)
        reason = None if identity.allowed else identity.reason or "invalid_api_key"
        self._failed_keys.note(exchange, caller.key_hash, reason)
        exchange.is_of(identity.key_id, identity.visitor)
        return _refusal(exchange, reason, scope) if reason else identity

    async def denial(
        self, exchange: Exchange, caller: Caller, scope: str, *, recent: bool
    ) -> Refusal | None:
        """Why the caller may not use routes of this scope at all, if so. Nothing is held.

        `recent`: it is enough that the key was allowed within the last minute."""
        origin, cache = exchange.origin, self.verdict_cache
        try:
            reason = await cache.denial(caller, scope, origin, recent=recent)
            if reason == "visitor_unknown" and caller.claim is None:
                caller = caller._replace(claim=self._visitors.whereabouts(exchange))
                reason = await cache.denial(caller, scope, origin, recent=recent)
        except StoreUnavailable as problem:
            return store_unavailable(problem)
        self._failed_keys.note(exchange, caller.key_hash, reason)
        return _refusal(exchange, reason, scope) if reason else None


def _refusal(exchange: Exchange, reason: str, scope: str | None) -> Refusal:
    if reason == "visitor_token_required" and exchange.not_a_user is not None:
        return exchange.not_a_user
    return Refusal(reason, scope or "" if reason == "scope_missing" else "")


def _held_words(wanted: AuthorizationRequest, verdict: Verdict) -> str:
    """What the request may need, and what running ones leave of the limit."""
    return (
        f" Its prompt may be up to {wanted.prompt_bound} tokens; {verdict.tokens_remaining or 0} "
        f"of {verdict.token_limit} are neither used nor held."
    )


def _visitor_words(wanted: AuthorizationRequest, verdict: Verdict) -> str:
    """What the request may need, and what is left of the visitor's day."""
    told = verdict.visitor
    if told is None or told.token_limit is None or told.day_resets_at is None:
        return ""
    until = told.day_resets_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f" Its prompt may be up to {wanted.prompt_bound} tokens, and needs at least one for the "
        f"answer; {told.tokens_remaining or 0} of {told.token_limit} are left until {until}."
    )


def _quota_words(wanted: AuthorizationRequest, verdict: Verdict) -> str:
    """What the request may need, what is left, and until when."""
    if verdict.tokens_remaining is None or verdict.month_resets_at is None:
        return ""
    until = verdict.month_resets_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f" Its prompt may be up to {wanted.prompt_bound} tokens, and needs at least one for the "
        f"answer; {verdict.tokens_remaining} of {verdict.token_limit} are left until {until}. "
        "Send less at once, or ask the owner of this server for more."
    )


def authorization_request(
    exchange: Exchange, dialect: Dialect, request: Sanitised, caller: Caller, max_output: int
) -> AuthorizationRequest:
    """What the request may cost at most. `max_output`: tokens, where the client names no less."""
    scope = dialect.scope
    if request.privilege is not None:
        scope = f"{scope} {request.privilege.scope}"
    named = request.max_output
    return AuthorizationRequest(
        request_id=exchange.id,
        key_hash=caller.key_hash,
        scope=scope,
        origin=exchange.origin,
        model=request.public_model,
        endpoint=exchange.path,
        prompt_bound=min(request.prompt_bound, _LARGEST_BOUND),
        max_output=max_output if named is None else min(named, max_output),
        capped=named is not None and named <= max_output,
        claim=caller.claim,
    )
