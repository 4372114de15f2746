"""Put an alias back into an answer: it names the model as the client spelled it."""

import json
import re

import msgspec

from gateway.core.errors import Refusal
from gateway.dialects.protocol import Sanitised, Translation


def echo(request: Sanitised, *, whole: bool) -> Translation | None:
    """What puts the alias back into events, or a `whole` answer; None: there is none.

    The quotes keep it from text: inside a JSON string they are escaped. A whole answer, and each
    line of a stream, names its model before the arguments of a tool, which may be JSON themselves:
    only the first name counts, and the rest of the line is passed over."""
    if request.alias is None:
        return None
    sent = re.escape(_json(request.sent))
    named = re.compile(rb'("model"\s*:\s*)(' + sent + rb")?(.*)")
    alias = _json(request.alias)
    count = 1 if whole else 0  # 0: all

    def renamed(found: re.Match[bytes]) -> bytes:
        return found[1] + (alias if found[2] else b"") + found[3]

    return lambda answer: named.sub(renamed, answer, count=count)


def in_refusal(request: Sanitised, refusal: Refusal) -> Refusal:
    """A refusal of the model server's, which names the model as the client does."""
    if request.alias is None or not refusal.detail:
        return refusal
    alias = request.alias
    names = sorted({request.sent, request.model}, key=len, reverse=True)
    real = re.compile("|".join(re.escape(name) for name in names if name))
    return msgspec.structs.replace(refusal, detail=real.sub(lambda _: alias, refusal.detail))


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")
