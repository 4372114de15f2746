"""A call or a text in the words of each route, as Ollama writes them."""

import json

from tryapps.replies.anthropic import messages
from tryapps.replies.ollama import native_chat
from tryapps.replies.openai_chat import chat
from tryapps.replies.openai_responses import responses
from tryapps.replies.pieces import Counts, Reply

__all__ = ["Counts", "Reply", "content_type", "pieces"]
_ROUTES = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    "/v1/messages": messages,
    "/api/chat": native_chat,
}


def content_type(path: str, stream: bool) -> str:
    if not stream:
        return "application/json"
    return "application/x-ndjson" if path.startswith("/api/") else "text/event-stream"


def pieces(path: str, model: str, reply: Reply, counts: Counts, stream: bool) -> list[str]:
    """The answer's text: one piece for each event, or a single one when nothing is streamed.

    KeyError if the route is none of a model's.
    """
    made = _ROUTES[path](model, reply, counts, stream)
    return list(made) if stream else [json.dumps(next(made))]
