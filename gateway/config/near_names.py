"""Names in `.env` that are nearly those of settings: a typo there would go unnoticed."""

import difflib
from collections.abc import Iterable

from gateway.config.settings import variables

_NEAR = 0.75  # as near as PROT is to PORT; OLLAMA_HOST, which Ollama reads, is near to nothing
_OF_OTHERS = {"TUNNEL_TOKEN", "SUPABASE_ACCESS_TOKEN"}  # cloudflared and Supabase's CLI read them


def advice(names: Iterable[str]) -> str:
    """What to say of those in that file; empty if all is well. What is near to nothing is another
    program's: many read it."""
    known = variables()
    told: list[str] = []
    for name in names:
        if name in known or name in _OF_OTHERS:
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_NEAR)
        told += [f"{name} (did you mean {near[0]}?)" for _ in near]
    return f".env has a name that is no setting: {', '.join(told)}" if told else ""
