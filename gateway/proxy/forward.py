"""Wait for a slot, forward the request to a model server, and meter what it answers."""

from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.core.errors import Refusal
from gateway.proxy.inflight import InFlight
from gateway.proxy.relay import answer_load, relay


async def forward(in_flight: InFlight, scheduler: Scheduler, pool: BackendPool) -> Refusal | None:
    """Wait → forward → meter, for what the verdict grants. Nothing of the answer reaches the client
    before the store has permitted the request."""
    if in_flight.request.answered_here:
        await in_flight.permitted.wait()
        await answer_load(in_flight)
        return None
    verdict, model, backends = in_flight.verdict, in_flight.request.model, in_flight.backends
    told = verdict.visitor  # who shares limits with others shares their turn
    visitor = (told.pool or told.id) if told else None
    who = verdict.key_id, told.id if told else None
    # First: `serialise` lets go of what was parsed, which the beginning is read from.
    beginning = scheduler.conversations.beginning(who, in_flight.request, backends)
    request = in_flight.serialise()
    if isinstance(request, Refusal):
        return request
    ticket = scheduler.enter(verdict.key_id, backends, model, visitor, beginning)
    in_flight.ticket = ticket
    if ticket is None:  # too many wait already
        return Refusal("queue_full", retry_after_ms=5000)
    async with ticket:  # waits for a slot
        dialect, whole = in_flight.dialect, not in_flight.request.stream
        in_flight.forwarded = True
        in_flight.exchange.mark("forwarded")
        trace = in_flight.exchange.traceparent
        answer = await pool.send(ticket, dialect.upstream, request, whole=whole, trace=trace)
        if isinstance(answer, Refusal):
            await in_flight.permitted.wait()
            in_flight.ends_as("upstream_error")
            return answer
        backend = ticket.backend
        if backend and not backend.models.foreign and not in_flight.request.context:
            backend.loaded.note_answer(ticket.model)
        try:
            await in_flight.permitted.wait()
            return await relay(answer, in_flight)
        finally:
            answer.close()
