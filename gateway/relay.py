"""Pass the model's answer to the client, metered, and never as a clean end when it was cut."""

import contextlib
import re
from collections.abc import Callable

import msgspec

from gateway import aliases
from gateway.decoding import decode
from gateway.dialects.base import BrokenStream, Telling, Wording
from gateway.errors import Refusal
from gateway.meter import BodyMeter, PartMeter, StreamMeter
from gateway.running import Running
from gateway.upstream import CUT, SILENT, Answer


async def relay(answer: Answer, running: Running) -> Refusal | None:
    """Forward one answer. It is settled before its last bytes leave, so that whatever the client
    has seen whole is counted, even if this process dies right after."""
    if answer.status != 200:
        return await _refused(answer, running)
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
    if call.ended:
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


_MEANT_FOR_US = {401, 403, 407}  # it is the gateway that it does not let in
# Where things lie on the owner's machine is nobody's business.
_PATH = re.compile(r"(?<![\w.:/])(?:/[\w.@+-]+){2,}|\b[A-Za-z]:\\\S+")


class _Error(msgspec.Struct):
    message: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error | str = ""


async def _refused(answer: Answer, running: Running) -> Refusal:
    """The model server's own refusal, in the codes that clients rely on."""
    running.cut("upstream_error")
    detail = ""
    with contextlib.suppress(*CUT):
        body = decode(await answer.body(), _ErrorBody)
        if body is not None:
            detail = body.error if isinstance(body.error, str) else body.error.message
    detail = _PATH.sub("…", detail)
    match answer.status:
        case 404:
            return Refusal("upstream_not_found", detail or "There is no such model.")
        case 429 | 503:
            return Refusal(
                "upstream_busy", detail or "The model server is busy.", retry_after_ms=2000
            )
        case 504:
            return Refusal("upstream_timeout")
        case status if status in _MEANT_FOR_US or status < 400:
            return Refusal("upstream_error", f"The model server answered with {status}.")
        case status if status < 500:
            return Refusal("upstream_refused", detail or "The model server refused the request.")
        case _:
            return Refusal("upstream_failed", detail or "The model server failed.")
