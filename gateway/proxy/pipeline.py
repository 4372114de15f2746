"""One request, from its first byte to its settlement: read top to bottom; data never flows back.

authenticate → receive → sanitise → authorise → wait → forward → meter → settle
"""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.backends.pool import BackendPool, Candidate
from gateway.backends.scheduler import Scheduler
from gateway.config.settings import Settings
from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Sanitised
from gateway.http.authentication import Authenticator
from gateway.http.body import ClientGone
from gateway.http.body_budget import BodyBudget, Lease
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.http.failures import refusal_of, store_unavailable
from gateway.http.read_rate import ReadRate
from gateway.proxy import preset_answer
from gateway.proxy.authorise import Authoriser, authorization_request
from gateway.proxy.candidates import find_candidates
from gateway.proxy.forward import forward
from gateway.proxy.inflight import InFlight
from gateway.proxy.known_limits import KnownLimits
from gateway.proxy.off_loop import off_loop, takes_long
from gateway.proxy.outbox import Outbox
from gateway.proxy.overlap import forward_meanwhile
from gateway.proxy.preset_lookup import PresetLookup
from gateway.proxy.presets import Presets
from gateway.proxy.sanitise import ignored_header, sanitise
from gateway.proxy.unread_body import denial_unread
from gateway.stores import AuthorizationRequest, Settlement, StoreUnavailable, Verdict


class Pipeline:
    """The stages, and what they need. `in_flight`: every request between its permission, which may
    still have to come, and its settlement. `authorising`: the store, asked beside the model."""

    def __init__(
        self,
        settings: Settings,
        pool: BackendPool,
        scheduler: Scheduler,
        outbox: Outbox,
        authenticator: Authenticator,
        authoriser: Authoriser,
        presets: Presets,
        bodies: BodyBudget,
        read_rate: ReadRate,
    ) -> None:
        self.in_flight: dict[UUID, InFlight] = {}
        self.authorising: set[asyncio.Task[Verdict | Refusal]] = set()
        self._settings = settings
        self._pool = pool
        self._scheduler = scheduler
        self._outbox = outbox
        self._authenticator = authenticator
        self._authoriser = authoriser
        self._presets = presets
        self._bodies = bodies
        self._read_rate = read_rate
        self._limits = KnownLimits()

    async def serve(self, dialect: Dialect, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request to the model, in the language of its route."""
        async with Exchange(scope, receive, send) as exchange:
            if exchange.record is not None:
                exchange.record.for_model = dialect.count is None
            ask = self.estimate if dialect.count else self.answer
            try:
                refusal = await ask(dialect, exchange)
            except ClientGone:
                raise
            except Exception as problem:
                refusal = refusal_of(problem, exchange.method, exchange.path)
                if exchange.ended:
                    return
            if refusal is not None:
                await exchange.refuse(refusal)

    async def answer(self, dialect: Dialect, exchange: Exchange) -> Refusal | None:
        """Authenticate → receive → sanitise → authorise → wait → forward → meter → settle.

        Between them stand four steps that can refuse as well: whether its body is read, which of
        its wishes the key may have, which backends may serve it, and an entry in the outbox.
        Stages note what they learn in `request` and `in_flight`. `forward` waits for a slot, sends,
        and meters (relay.py), which also finishes before the last byte leaves; whatever did not
        come so far is finished here."""
        caller = exchange.refuse_method("POST") or await self._authenticator.caller(exchange)
        if isinstance(caller, Refusal):
            return caller
        denial = await self._denial_unread(dialect, exchange, caller)
        request = denial or await self._read(dialect, exchange, caller)
        if isinstance(request, Refusal):
            return await self._told(exchange, caller, dialect.scope, request)
        dialect = request.dialect or dialect
        settings = self._settings
        exchange.model = request.alias or request.parsed.model
        denial = await self._authoriser.narrow(exchange, dialect, request, caller)
        if denial is not None:
            return denial
        ignored = ignored_header(request)
        if ignored is not None:
            exchange.extra.append(ignored)
        candidates = await find_candidates(self._pool, dialect, request, settings.context_check)
        if isinstance(candidates, Refusal):  # it says what is installed
            model = request.public_model
            return await self._to_who_may(exchange, caller, dialect.scope, model, candidates)
        in_flight = self._open_entry(dialect, exchange, request, candidates)
        if isinstance(in_flight, Refusal):
            return in_flight
        wanted = authorization_request(
            exchange, dialect, request, caller, settings.max_output_tokens
        )
        in_flight.wanted = wanted
        expected = self._authoriser.expect(wanted, request.privilege)
        if expected is None:
            verdict = await self._authorise(in_flight, wanted)
            if isinstance(verdict, Refusal):
                self._limits.note(caller, exchange.received, verdict)
                return verdict
            in_flight.permit(verdict)
        else:
            in_flight.begin_early(expected, self._authorise_meanwhile(exchange, wanted))
        with in_flight:  # finished at the end, whatever happens
            exchange.watch()
            await exchange.end_if_left()
            serve = forward if expected is None else forward_meanwhile
            refusal = await serve(in_flight, self._scheduler, self._pool)
            if refusal is not None:
                refusal = preset_answer.in_refusal(request, refusal)
                self._limits.note(caller, exchange.received, refusal)
                in_flight.ends_as("refused")
        return refusal

    async def estimate(self, dialect: Dialect, exchange: Exchange) -> Refusal | None:
        """Authenticate → receive → sanitise → count: neither the model nor what the key has left is
        touched."""
        caller = exchange.refuse_method("POST") or await self._authenticator.caller(exchange)
        if isinstance(caller, Refusal):
            return caller
        too_often = self._read_rate.refusal(caller)
        if too_often is not None:
            return too_often
        identity = await self._authoriser.identify(exchange, caller, dialect.scope)
        if isinstance(identity, Refusal):
            return identity
        request = await self._read(dialect, exchange, caller)
        if isinstance(request, Refusal):
            return await self._told(exchange, caller, dialect.scope, request)
        exchange.model = request.alias or request.parsed.model
        if not model_names.is_allowed(request.public_model, identity.allowed_models):
            return Refusal("model_not_allowed", model=request.public_model)
        assert dialect.count is not None
        exchange.extra.append((b"x-localllm-estimated", b"input_tokens"))
        await exchange.whole(200, dialect.count(request))
        return None

    async def _told(
        self, exchange: Exchange, caller: Caller, scope: str, refusal: Refusal
    ) -> Refusal:
        """A refusal of what was read. Only who may use a preset learns what is wrong with it."""
        if not refusal.model.startswith(model_names.PRESET):
            return refusal
        return await self._to_who_may(exchange, caller, scope, refusal.model, refusal)

    async def _to_who_may(
        self, exchange: Exchange, caller: Caller, scope: str, model: str, refusal: Refusal
    ) -> Refusal:
        """The refusal, to those who may use the model; others learn only that they may not."""
        identity = await self._authoriser.identify(exchange, caller, scope)
        if isinstance(identity, Refusal):
            return identity
        allowed = model_names.is_allowed(model, identity.allowed_models)
        return refusal if allowed else Refusal("model_not_allowed", model=model)

    async def _denial_unread(
        self, dialect: Dialect, exchange: Exchange, caller: Caller
    ) -> Refusal | None:
        """Why the body is not read, if so."""
        denial = await denial_unread(
            self._authenticator, self._authoriser, exchange, caller, dialect.scope
        )
        if denial is not None or not exchange.is_large():
            return denial
        return self._limits.refusal(caller, exchange.declared)

    async def _read(
        self, dialect: Dialect, exchange: Exchange, caller: Caller
    ) -> Sanitised | Refusal:
        """Receive → sanitise."""
        limit, aliases = self._settings.max_body_bytes, self._settings.model_aliases
        small = exchange.has_arrived and not exchange.is_large()
        lease = (
            None
            if small
            else Lease(self._bodies, self._authoriser.verdict_cache.keys.payer(caller))
        )
        body = await exchange.body(limit, lease)
        if isinstance(body, Refusal):
            return body
        exchange.received = len(body)
        exchange.mark("received")
        default = self._pool.default_model

        async def read(find: PresetLookup) -> Sanitised | Refusal:
            if takes_long(body):
                return await off_loop(lambda: sanitise(dialect, body, aliases, default, find))
            return sanitise(dialect, body, aliases, default, find)

        known = PresetLookup(dialect, aliases, self._presets.known())
        request = await read(known)
        if known.wanted:
            try:
                asked = PresetLookup(dialect, aliases, await self._presets.read())
            except StoreUnavailable as problem:
                return store_unavailable(problem)
            request = await read(asked)
        if isinstance(request, Sanitised) and request.preset is not None:
            self._presets.used()
        return request

    def _open_entry(
        self,
        dialect: Dialect,
        exchange: Exchange,
        request: Sanitised,
        candidates: list[Candidate],
    ) -> InFlight | Refusal:
        """Take an entry of the outbox before anything is held, so that a crash between the two is
        settled at the next start."""
        settlement = Settlement(
            exchange.id,
            usage_source="estimated",
            status="gateway_died",
            authorized_at=datetime.now(UTC),
            model=request.public_model,
            endpoint=exchange.path,
        )
        entry = self._outbox.open_entry(settlement)
        if isinstance(entry, Refusal):
            return entry
        return InFlight(
            exchange=exchange,
            dialect=dialect,
            request=request,
            backends=tuple([one.backend for one in candidates]),
            entry=entry,
            verdict_cache=self._authoriser.verdict_cache,
            registry=self.in_flight,
        )

    async def _authorise(
        self, in_flight: InFlight, wanted: AuthorizationRequest
    ) -> Verdict | Refusal:
        """Wait for the store, and take the request back if it does not permit it."""
        try:
            verdict = await self._authoriser.authorise(
                in_flight.exchange, wanted, in_flight.request.privilege
            )
        except BaseException:
            in_flight.withdraw(None)
            raise
        if isinstance(verdict, Refusal):
            in_flight.withdraw(verdict)
        return verdict

    def _authorise_meanwhile(
        self, exchange: Exchange, wanted: AuthorizationRequest
    ) -> asyncio.Task[Verdict | Refusal]:
        """The same in a task of its own, which the server waits for when it stops."""
        task = asyncio.create_task(self._authoriser.authorise(exchange, wanted))
        self.authorising.add(task)
        task.add_done_callback(self.authorising.discard)
        return task
