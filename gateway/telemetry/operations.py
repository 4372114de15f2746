"""What OpenTelemetry calls the routes to the model (`gen_ai.operation.name`)."""

from gateway.dialects import all_dialects

_TEXTS = {"/v1/completions", "/v1/generate", "/api/generate"}


def operations() -> dict[str, str]:
    """By path. There is no word for transcriptions yet; they are asked of the model as chats."""
    return {one.path: _operation(one.path, one.scope) for one in all_dialects()}


def _operation(path: str, scope: str) -> str:
    if scope == "embeddings":
        return "embeddings"
    return "text_completion" if path in _TEXTS else "chat"
