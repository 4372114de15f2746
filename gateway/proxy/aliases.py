"""Other names for models, so that a website made for another service works unchanged.

`MODEL_ALIASES=gpt-4o-mini=qwen2.5:7b`: who asks for the first gets the second. Answers name the
alias as the client spelled it; what is allowed, logged and counted is the real model.
"""

import json
import re
from collections.abc import Callable, Mapping

from gateway.core import model_names
from gateway.dialects.protocol import Sanitised

Echo = Callable[[bytes], bytes]


def real_name(aliases: Mapping[str, str], spelling: str) -> str:
    """The model that an alias stands for, or the spelling itself."""
    try:
        return aliases.get(model_names.canonical_name(spelling), spelling)
    except ValueError:
        return spelling


def aliases_of(aliases: Mapping[str, str], model: str) -> list[str]:
    """The other names of an installed model, as they are listed beside it."""
    name = model_names.canonical_name(model)
    return [
        alias.removesuffix(":latest")
        for alias, real in aliases.items()
        if model_names.canonical_name(real) == name
    ]


def echo(asked: Sanitised, *, whole: bool) -> Echo | None:
    """What puts the alias back into events, or a `whole` answer; None: there is none.

    The quotes keep it from text: inside a JSON string they are escaped. A whole answer, and each
    line of a stream, names its model before the arguments of a tool, which may be JSON themselves:
    only the first name counts, and the rest of the line is passed over."""
    if asked.alias is None:
        return None
    sent = re.escape(_json(asked.sent))
    named = re.compile(rb'("model"\s*:\s*)(' + sent + rb")?(.*)")
    alias = _json(asked.alias)
    count = 1 if whole else 0  # 0: all

    def renamed(found: re.Match[bytes]) -> bytes:
        return found[1] + (alias if found[2] else b"") + found[3]

    return lambda answer: named.sub(renamed, answer, count=count)


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")
