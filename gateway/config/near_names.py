"""Names in `.env` that are nearly those of settings: a typo there would go unnoticed."""

import difflib
from pathlib import Path

from gateway.config.dotenv_file import read_dotenv
from gateway.config.settings import variables

_NEAR = 0.75  # as near as PROT is to PORT; OLLAMA_HOST, which Ollama reads, is near to nothing
_OF_OTHERS = {"TUNNEL_TOKEN", "SUPABASE_ACCESS_TOKEN"}  # cloudflared and Supabase's CLI read them


def advice(dotenv: Path | None = None) -> str:
    """What to say of them; empty if there are none. What is near to nothing is another program's:
    many read this file."""
    known = variables()
    told: list[str] = []
    for name in read_dotenv(dotenv or Path(".env")):
        if name in known or name in _OF_OTHERS:
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_NEAR)
        told += [f"{name} (did you mean {near[0]}?)" for _ in near]
    return f".env has a name that is no setting: {', '.join(told)}" if told else ""
