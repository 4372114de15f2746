"""Other names for models, so that a website made for another service works unchanged.

`MODEL_ALIASES=gpt-4o-mini=qwen2.5:7b`: who asks for the first gets the second. Answers name the
alias as the client spelled it; what is allowed, logged and counted is the real model.
"""

import json
import re
from collections.abc import Callable, Mapping

from gateway import names
from gateway.dialects.base import Sanitised

Echo = Callable[[bytes], bytes]


def resolve(aliases: Mapping[str, str], asked: Sanitised) -> None:
    """Ask for the real model where the client named an alias. `aliases`: canonical names."""
    real = aliases.get(asked.model)
    if real is not None:
        asked.alias = asked.request.model
        asked.request.model = real
        asked.model = names.canonical_name(real)
        asked.cloud = names.is_cloud(real)


def echo(asked: Sanitised, *, whole: bool) -> Echo | None:
    """What puts the alias back into events, or a `whole` answer; None: there is none.

    The quotes keep it from text: inside a JSON string they are escaped. A whole answer names its
    model once, before the arguments of a tool, which may be JSON themselves."""
    if asked.alias is None:
        return None
    sent = re.escape(_json(asked.sent))
    named = re.compile(rb'("model"\s*:\s*)' + sent)
    alias = _json(asked.alias)
    count = 1 if whole else 0  # 0: all
    return lambda answer: named.sub(lambda found: found[1] + alias, answer, count=count)


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")
