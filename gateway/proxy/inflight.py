"""One request in flight: how far it has come, and what it would be settled as if it ended now."""

import asyncio
import logging
import time
from datetime import datetime
from types import TracebackType
from uuid import UUID

from gateway.backends.backend import Backend
from gateway.backends.experience import Experience
from gateway.backends.scheduler import Ticket
from gateway.core.errors import Refusal
from gateway.core.repeated_log import RepeatedLog
from gateway.dialects.protocol import Dialect, Sanitised, Usage
from gateway.http.exchange import Exchange
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter
from gateway.proxy.outbox import Entry
from gateway.proxy.prompt_estimate import estimate_prompt, sample
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import AuthorizationRequest, Settlement, Verdict

# How a request ends that is none of the model server's faults: its prompt is charged all the same.
_LEFT = {"client_gone", "cancelled", "gateway_stopped", "gateway_died"}
_unwritten = RepeatedLog(logging.getLogger("localllm"), logging.ERROR)


class InFlight:
    """As a context manager it spans the time from permission to settlement: a client that leaves
    meanwhile cancels it, and it is finished at the end, however it ends.

    `verdict` is the store's, or until the store has decided (`permitted`), the one that is expected
    of it. `backends` are those that may serve the request.
    """

    def __init__(
        self,
        exchange: Exchange,
        dialect: Dialect,
        request: Sanitised,
        backends: tuple[Backend, ...],
        entry: Entry,
        verdict_cache: VerdictCache,
        registry: "dict[UUID, InFlight]",
    ) -> None:
        self.exchange = exchange
        self.dialect = dialect
        self.request = request
        self.backends = backends
        self.verdict = Verdict(False)
        self.permitted = asyncio.Event()  # until then nothing of the answer leaves
        self.authorising: asyncio.Task[Verdict | Refusal] | None = None  # beside the model
        self.ticket: Ticket | None = None
        self.meter: StreamMeter | BodyMeter | PartMeter | None = None
        self.wanted: AuthorizationRequest | None = None  # what the store was asked
        self.forwarded = False  # the model server has the prompt, or is being sent it
        self._sample = b""  # of the prompt
        self._entry = entry
        self._verdict_cache = verdict_cache
        self._registry = registry
        self._status: str | None = None
        self._ttft_ms: int | None = None
        self._finished = False
        self._estimated: int | None = None
        if exchange.record is not None:
            exchange.record.model, exchange.record.stream = request.public_model, request.stream

    def __enter__(self) -> None:
        self._registry[self.exchange.id] = self
        if self.request.stream:
            self.exchange.dialect = self.dialect

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            self.ends_as("client_gone" if self.exchange.gone else "gateway_stopped")
        elif error is not None:
            self.ends_as("internal_error")
        del self._registry[self.exchange.id]  # first: a hold that is renewed never expires
        self.finish()

    def permit(self, verdict: Verdict) -> None:
        """The store said yes."""
        self.verdict = verdict
        settlement = self._entry.settlement
        settlement.key_id = verdict.key_id
        if verdict.visitor is not None:
            settlement.visitor, settlement.pool = verdict.visitor.id, verdict.visitor.pool
        self.permitted.set()
        self.exchange.mark("authorised")

    def begin_early(self, verdict: Verdict, authorising: asyncio.Task[Verdict | Refusal]) -> None:
        """The store is still being asked; it will all but certainly say this."""
        self.verdict = verdict
        self.authorising = authorising

    @property
    def since(self) -> datetime | None:
        """When it came."""
        return self._entry.settlement.authorized_at

    @property
    def ttft_ms(self) -> int | None:
        """Until the first byte of its answer; None: there is none yet."""
        return self._ttft_ms

    @property
    def foreign(self) -> bool:
        """Whether what answers it is no Ollama."""
        backend = self.ticket.backend if self.ticket else None
        return backend is not None and backend.models.foreign

    def serialise(self) -> bytes | Refusal:
        """The request as it goes upstream, with what the verdict grants."""
        body = self.dialect.serialise(self.request, self.verdict.granted)
        self.request.sent = self.request.parsed.model
        if isinstance(body, bytes):
            self._sample = sample(body)
        if self.permitted.is_set():
            self.request.parsed = None  # it can be large, and is not needed again
        return body

    def began(self) -> None:
        """The first byte of the answer is here."""
        if self._ttft_ms is None:
            self._ttft_ms = self._elapsed_ms()
            self.exchange.mark("first_token")

    def ends_as(self, status: str) -> None:
        """Note how it ends where that is not as it should. The first cause stands."""
        self._status = self._status or status

    def cancel(self) -> bool:
        """The owner ends it, in whichever stage it is: its client is told, and what it has come to
        is counted. False: it has ended."""
        if self._finished or self.exchange.ended:
            return False
        self.ends_as("cancelled")
        self.exchange.stop(Refusal("cancelled"))
        return True

    def checkpoint(self) -> None:
        """Write down how far it has come, in case this process dies."""
        if self._finished:
            return
        self._fill_in("gateway_died")
        try:
            self._entry.checkpoint()
        except OSError as problem:
            _unwritten("the outbox cannot be written: %s", problem)

    def finish(self) -> None:
        """Make its settlement final: it is in the file of the outbox before this returns, and so
        outlives this process. The outbox forces the file to the disk for a whole batch, and only
        then has the store settle that. Of several calls the first one counts.

        If the client left before the store decided, this waits for the verdict, which says whether
        there is a hold."""
        if self._finished:
            return
        if self.authorising is not None and not self.permitted.is_set():
            self.authorising.add_done_callback(self._finish_late)
            if self.exchange.record is not None:
                self.exchange.record.waits = True
            return
        self._finished = True
        self._fill_in("ok")
        settlement = self._entry.settlement
        settlement.duration_ms = self._elapsed_ms()
        if self.meter and self.meter.usage and settlement.status == "ok":
            self._learn(self.meter.usage)
        self._verdict_cache.finished(settlement)
        self._entry.commit()
        self.exchange.mark("settled")
        self._note(settlement)

    async def finish_before_end(self) -> None:
        """Finish before the client has all of the answer. Of a key near its limit that other
        gateways serve too, the store has it by then: its next request there is neither refused nor
        cut for this one."""
        self.finish()
        key_id = self.wanted and self._verdict_cache.near_limit_elsewhere(self.wanted)
        if key_id:
            await self._entry.taken(key_id)

    def withdraw(self, refusal: Refusal | None) -> None:
        """It was not permitted. None: the store's word never came, so there may be a hold."""
        if self._finished:
            return
        self._finished = True
        unknown = refusal is None or refusal.reason == "store_unavailable"
        self._entry.withdraw(unknown=unknown)

    def _finish_late(self, authorising: asyncio.Task[Verdict | Refusal]) -> None:
        failed = authorising.cancelled() or authorising.exception() is not None
        verdict = None if failed else authorising.result()
        if isinstance(verdict, Verdict):
            self.permit(verdict)
            self.finish()
        else:
            self.withdraw(verdict)
        self.exchange.tell()

    def _note(self, settlement: Settlement) -> None:
        """For those who are told what it came to."""
        record = self.exchange.record
        if record is None:
            return
        backend = self.ticket.last if self.ticket else None
        record.backend = settlement.backend or ""
        if backend is not None:
            record.provider = "openai" if backend.models.foreign else "ollama"
        record.status, record.usage_source = settlement.status, settlement.usage_source
        record.prompt_tokens = settlement.prompt_tokens
        record.completion_tokens = settlement.completion_tokens
        record.ttft_ms = settlement.ttft_ms
        record.duration_ms = settlement.duration_ms or 0

    def _fill_in(self, status: str) -> None:
        """Put into the settlement what the request has come to."""
        settlement = self._entry.settlement
        settlement.status = self._status or status
        settlement.ttft_ms = self._ttft_ms
        if self.ticket is not None and self.ticket.last is not None:
            settlement.backend = self.ticket.last.name
        usage, settlement.usage_source = self._counted(settlement.status)
        settlement.prompt_tokens = usage.prompt_tokens
        settlement.completion_tokens = usage.completion_tokens

    def held(self) -> int:
        """The most tokens that it can cost, as the store holds them; 0 until that is asked."""
        return self.wanted.prompt_bound + self.verdict.granted if self.wanted else 0

    def usage(self) -> Usage:
        """The tokens that it has come to so far."""
        return self._counted(self._status or "ok")[0]

    def _counted(self, status: str) -> tuple[Usage, str]:
        """Tokens, and `usage_source`: reported counts as they are, else what was seen."""
        request, meter = self.request, self.meter
        if request.loads and not (meter and (meter.usage or meter.text())):
            return Usage(), "none" if self._status else "reported"
        usage = meter.usage if meter else None
        if usage and meter and (usage.completion_tokens or not meter.text()):
            if usage.prompt_tokens or not usage.completion_tokens:
                return usage, "reported"
            # Some leave the prompt out where a cache spared them the reading.
            return Usage(self._estimate_prompt(), usage.completion_tokens), "estimated"
        produced = meter.estimate() if meter else 0
        # A whole answer without a generated token is a vector: its prompt was read all the same.
        whole = isinstance(meter, BodyMeter) and meter.complete and not self._status
        read = produced or whole or (self.forwarded and status in _LEFT)
        prompt = self._estimate_prompt() if read else 0
        nothing = not produced and self._status in {"refused", "upstream_error"}
        return Usage(
            prompt, min(produced, self.verdict.granted)
        ), "none" if nothing else "estimated"

    def _estimate_prompt(self) -> int:
        """Tokens of the prompt, which is looked at only if nobody reports them."""
        if self._estimated is None:
            request, experience = self.request, self._experience()
            ratio = experience.ratio if experience else 1.0
            estimated = estimate_prompt(request.prompt_bytes, request.messages, self._sample, ratio)
            self._estimated = min(estimated, request.prompt_bound)
        return self._estimated

    def _experience(self) -> Experience | None:
        backend = self.ticket.backend if self.ticket else None
        return backend.models.experiences.of(self.request.model) if backend else None

    def _learn(self, usage: Usage) -> None:
        """What a report teaches for other requests: nothing, if no prompt can be that long."""
        request, tokens = self.request, usage.prompt_tokens
        odd = request.inputs != 1 or tokens > (request.model_context or tokens)
        experience = self._experience() if tokens and not odd else None
        if experience is None:
            return
        if tokens > request.plain_bound and not request.fills_context:
            experience.exceeded(tokens - request.plain_bound)
        if experience.is_due(request.prompt_bytes):
            size, messages = request.prompt_bytes, request.messages
            experience.reported(tokens, estimate_prompt(size, messages, self._sample))

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self.exchange.started) * 1000)
