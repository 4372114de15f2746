"""Pass the model's answer to the client, metered, and never as a clean end when it was cut."""

from collections.abc import AsyncIterator

from gateway.backends.client import ModelResponse
from gateway.backends.errors import refusal_from
from gateway.backends.http1 import ReadTimeout, TransportError
from gateway.core.errors import Refusal
from gateway.dialects.protocol import AnswerContext, Translation
from gateway.http.exchange import JSON
from gateway.proxy import alias_echo, preset_answer
from gateway.proxy.context_check import PromptCut, found_cut
from gateway.proxy.inflight import InFlight
from gateway.proxy.meter import BodyMeter, BrokenStream, PartMeter, StreamMeter


async def relay(answer: ModelResponse, in_flight: InFlight) -> Refusal | None:
    """Forward one answer. It is finished before its last bytes leave, so that whatever the client
    has seen whole is counted, even if this process dies right after."""
    if answer.status != 200:
        in_flight.ends_as("upstream_error")
        return alias_echo.in_refusal(in_flight.request, await refusal_from(answer))
    if answer.coded:
        in_flight.ends_as("upstream_error")
        return Refusal("upstream_error", "The model server's answer is compressed, unasked.")
    # Some servers send events under another type; only JSON is a whole answer, and a page is none.
    media = answer.content_type.partition(";")[0].strip().lower()
    if in_flight.request.stream and media not in {"application/json", "text/html"}:
        return await _stream(answer, in_flight)
    return await _body(answer, in_flight)


async def answer_load(in_flight: InFlight) -> None:
    """Answer a request that only loads the model, without asking the model."""
    dialect, request = in_flight.dialect, in_flight.request
    assert dialect.load_answer is not None
    body = dialect.load_answer(request)
    in_flight.finish()
    framing = dialect.framing if request.stream else None
    await in_flight.exchange.whole(200, body, framing.media if framing else JSON)


async def _stream(answer: ModelResponse, in_flight: InFlight) -> Refusal | None:
    exchange = in_flight.exchange
    shows_usage = in_flight.request.wants_usage
    meter = in_flight.meter = StreamMeter(
        in_flight.dialect, show_usage=shows_usage, foreign=in_flight.foreign
    )
    translate = _translation(in_flight, whole=False)
    first = True
    untold = in_flight.request.may_be_cut
    reason = "truncated"
    try:
        async for events in _events(answer, in_flight, meter):
            shown = translate(events) if translate else events
            if untold and shown and (cut := _prompt_cut(in_flight)):
                untold = False
                shown = cut.in_event(shown)
            if first:
                first = False
                in_flight.began()
                in_flight.checkpoint()
            if meter.complete:
                if meter.failed:
                    in_flight.ends_as("upstream_error")
                await in_flight.finish_before_end()
                # In one piece: a sign of life behind the last line would be half a line.
                await exchange.open()
                await exchange.end(shown)
                break
            if shown:
                await exchange.write(shown)
    except ReadTimeout:
        reason = "upstream_timeout"
    except (TransportError, BrokenStream):
        pass
    if meter.complete:
        await answer.to_its_end()
        return None
    in_flight.ends_as(reason)
    in_flight.finish()
    return Refusal(reason)


async def _events(
    answer: ModelResponse, in_flight: InFlight, meter: StreamMeter
) -> AsyncIterator[bytes]:
    """Whole events as they come, and at a clean end what was left open."""
    async for chunk in answer.chunks():
        yield meter.feed(chunk)
    yield meter.finish()


async def _body(answer: ModelResponse, in_flight: InFlight) -> Refusal | None:
    in_flight.meter = PartMeter(in_flight.dialect, answer.received)
    try:
        body = await answer.body()
    except TransportError as problem:
        reason = "upstream_timeout" if isinstance(problem, ReadTimeout) else "truncated"
        in_flight.ends_as(reason)
        return Refusal(reason)
    in_flight.began()
    meter = BodyMeter(in_flight.dialect, body)
    if meter.broken:
        in_flight.ends_as("upstream_error")
        return Refusal("upstream_error", "The model server's answer is not the JSON it should be.")
    in_flight.meter = meter
    if in_flight.request.stream:
        in_flight.ends_as("upstream_error")
        return Refusal("upstream_error", "The model server did not stream its answer.")
    if not meter.complete:
        in_flight.ends_as("truncated")
    await in_flight.finish_before_end()
    if meter.text() and not meter.complete:  # as a stream would say at its end
        return Refusal("truncated")
    if cut := _prompt_cut(in_flight):
        in_flight.exchange.extra.append(cut.header())
    translate = _translation(in_flight, whole=True)
    await in_flight.exchange.whole(200, translate(body) if translate else body)
    return None


def _prompt_cut(in_flight: InFlight) -> PromptCut | None:
    """What the client is told of its prompt, if the model has probably not read all of it."""
    request, usage, ticket = (
        in_flight.request,
        in_flight.meter and in_flight.meter.usage,
        in_flight.ticket,
    )
    if not request.may_be_cut or usage is None or ticket is None or ticket.backend is None:
        return None
    loaded = ticket.backend.loaded.seen.get(request.model)
    return found_cut(request, usage, loaded.context_length if loaded else 0)


def _translation(in_flight: InFlight, *, whole: bool) -> Translation | None:
    """What makes the client's answer of the model server's; None: it is the same."""
    request, translator = in_flight.request, in_flight.dialect.translator
    if request.preset is not None:
        request_id = str(in_flight.exchange.id)
        echo = preset_answer.concealing(request, in_flight.dialect, request_id, whole=whole)
    else:
        echo = alias_echo.echo(request, whole=whole)
    if translator is None:
        return echo
    model = request.alias or request.sent
    context = AnswerContext(
        str(in_flight.exchange.id), model, in_flight.usage, request.tool_forms, request.stops
    )
    translate = translator(context, whole=whole)
    if echo is None or translate is None:
        return echo or translate
    return lambda answer: translate(echo(answer))
