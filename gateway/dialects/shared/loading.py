"""A request that holds nothing to read: Ollama takes it as an order to load the model.

That changes the machine for everybody who uses it, so it needs a scope. For a key without it the
gateway answers as Ollama does, and the model is not touched. Either way it costs no tokens.
"""

from datetime import UTC, datetime

from gateway.dialects.protocol import Privilege, Sanitised

SCOPE = "ollama:native"
_EMPTY = "is empty, which loads or drops the model for everybody who uses this server"


def privilege(field: str) -> Privilege:
    """What the request needs to reach the model. `field` should hold what the model is to read, and
    holds nothing."""
    return Privilege(SCOPE, field, _EMPTY)


def model_name(sanitised: Sanitised) -> str:
    """The model as the client knows it."""
    return sanitised.alias or sanitised.parsed.model


def moment() -> str:
    """Now, as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def seconds() -> int:
    """Now, as OpenAI writes it."""
    return int(datetime.now(UTC).timestamp())
