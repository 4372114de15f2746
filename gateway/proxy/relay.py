"""Pass the model's answer to the client, metered, and never as a clean end when it was cut."""

from collections.abc import Callable

from gateway.backends.client import CUT, SILENT, Answer
from gateway.backends.errors import refusal_of
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Telling, Wording
from gateway.proxy import aliases
from gateway.proxy.inflight import Running
from gateway.proxy.meter import BodyMeter, BrokenStream, PartMeter, StreamMeter


async def relay(answer: Answer, running: Running) -> Refusal | None:
    """Forward one answer. It is settled before its last bytes leave, so that whatever the client
    has seen whole is counted, even if this process dies right after."""
    if answer.status != 200:
        running.cut("upstream_error")
        return await refusal_of(answer)
    framing = running.call.dialect.framing if running.call.dialect else None
    if framing and answer.content_type.encode().startswith(framing.media.partition(b";")[0]):
        return await _stream(answer, running)
    return await _body(answer, running)


async def _stream(answer: Answer, running: Running) -> Refusal | None:
    call = running.call
    meter = running.meter = StreamMeter(running.dialect, show_usage=running.asked.wants_usage)
    worded = _wording(running, whole=False)
    first = True
    reason = "truncated"
    try:
        async for chunk in answer.chunks():
            events = meter.feed(chunk)
            if worded is not None:
                events = worded(events)
            if first:
                first = False
                running.began()
                running.checkpoint()
            if meter.complete:
                if meter.failed:
                    running.cut("upstream_error")
                running.settle()
                # In one piece: a sign of life behind the last line would be half a line.
                await call.open()
                await call.end(events)
                break
            if events:
                await call.write(events)
    except SILENT:
        reason = "upstream_timeout"
    except (*CUT, BrokenStream):
        pass
    if meter.complete:
        await answer.to_its_end()
        return None
    running.cut(reason)
    running.settle()
    return Refusal(reason)


async def _body(answer: Answer, running: Running) -> Refusal | None:
    running.meter = PartMeter(running.dialect, answer.received)
    try:
        body = await answer.body()
    except CUT as problem:
        reason = "upstream_timeout" if isinstance(problem, SILENT) else "truncated"
        running.cut(reason)
        return Refusal(reason)
    running.began()
    meter = BodyMeter(running.dialect, body)
    if meter.broken:
        running.cut("upstream_error")
        return Refusal("upstream_error", "The model server's answer is not the JSON it should be.")
    if not meter.complete:
        running.cut("truncated")
    running.meter = meter
    if running.asked.stream:
        running.cut("upstream_error")
        return Refusal("upstream_error", "The model server did not stream its answer.")
    running.settle()
    worded = _wording(running, whole=True)
    await running.call.whole(200, worded(body) if worded else body)
    return None


def _wording(running: Running, *, whole: bool) -> Callable[[bytes], bytes] | None:
    """What makes the client's answer of the model server's; None: it is the same."""
    asked = running.asked
    wording: Wording | None = getattr(running.dialect, "wording", None)
    if wording is None:
        return aliases.echo(asked, whole=whole)
    telling = Telling(str(running.call.id), asked.alias or asked.sent, running.usage)
    return wording(telling, whole=whole)
