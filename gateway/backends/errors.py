"""The model server's own refusals: its words, in the codes that clients rely on."""

import contextlib
import re

import msgspec

from gateway.backends.client import ModelResponse
from gateway.backends.http1 import TransportError
from gateway.core.decoding import decode
from gateway.core.errors import Refusal

_LONGEST = 500  # characters of its words
_MEANT_FOR_US = {401, 403, 407}  # it is the gateway that it does not let in
# Where things lie on the owner's machine, and in the network around it, is nobody's business. A
# name in a path may hold blanks, if another follows; a path of Windows ends where its words go on.
_PLACE = re.compile(
    r"(?<![\w.:/])(?:(?:/[\w.@+-]+(?:(?: [\w.@+-]+)+(?=/))?){2,}/?|/[\w.@+-]+(?=:))"
    r'|(?:\b[A-Za-z]:|\\)\\[^:*?"<>|\r\n]*'
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?\](?::\d+)?"
)

# Ollama words it in two ways; the first is the one that its own command and others look for.
_UNKNOWN_MODEL = re.compile(r"""model ['"](.{1,200}?)['"] not found""")
# Of a server that is older than the route, or speaks no more than OpenAI's first API.
_IS_NO_ROUTE = re.compile(
    r"|((file|page|path|route) )?not found\.?|method not allowed", re.IGNORECASE
)
_NO_ROUTE = (
    "The model server does not offer this route. Every server offers /v1/chat/completions; for"
    " others update Ollama, or use it in place of this model server."
)
# Of a picture for a model that sees none, and of messages that are not as they should be: what
# llama.cpp takes for its own failure.
_NOT_ITS_OWN = re.compile(
    r"(image|audio) input is not supported|Failed to parse (messages|tool call arguments)\b"
)
_DEMO = "(The built-in demo model says so; it stands in for Ollama here. Start Ollama.)"


# As llama.cpp, Ollama, vLLM and llama-cpp-python say it.
_OVERFLOW = re.compile(
    r"exceed_context_size|maximum context length|context[ _](?:length|size|window)[ _]exceeded"
    r"|(?:exceeds?|longer than) the (?:available |maximum |model's )*context",
    re.IGNORECASE,
)
_SENT = re.compile(
    r"n_prompt_tokens\W+(\d+)"
    r"|(?:resulted in|you requested|request \(|prompt contains)\D{0,30}?(\d+)",
    re.IGNORECASE,
)
_FITS = re.compile(
    r"n_ctx\W+(\d+)|context (?:length|size)(?: is| of)?(?: only)? \(?(\d+)", re.IGNORECASE
)
_HOW_TO_FIT = (
    "Shorten it. The owner of this server can raise the limit: OLLAMA_CONTEXT_LENGTH or num_ctx"
    " with Ollama, --ctx-size with llama.cpp, --max-model-len with vLLM."
)


class _Error(msgspec.Struct):
    message: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error | str = ""


def _words(body: _ErrorBody) -> str:
    return body.error if isinstance(body.error, str) else body.error.message


def _unwrapped(words: str) -> str:
    """Ollama passes on all that its runner answered, as the words of its own error."""
    within = decode(words.encode(), _ErrorBody)
    return words if within is None else _words(within) or words


def in_public(words: str) -> str:
    """What the model server says, without paths and addresses, on one line of bounded length."""
    line = "".join(one if one.isprintable() else " " for one in words[: 4 * _LONGEST])
    text = _PLACE.sub("…", line).strip()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


async def says_loading(response: ModelResponse) -> bool:
    """Whether a 503 is llama.cpp's, which cannot answer yet."""
    with contextlib.suppress(TransportError):
        return b"loading model" in (await response.body()).lower()
    return False


def too_long(tokens: str, limit: int | str) -> Refusal:
    """Of a prompt with so many tokens."""
    return Refusal(
        "context_length_exceeded", _HOW_TO_FIT, param="messages", tokens=tokens, limit=str(limit)
    )


def overflow(words: str) -> Refusal | None:
    """What the model server says of a prompt that does not fit; None: it says something else."""
    if not _OVERFLOW.search(words):
        return None
    sent, fits = _SENT.search(words), _FITS.search(words)
    if not sent or not fits:
        detail = f"{in_public(_unwrapped(words)).rstrip('. ')}. {_HOW_TO_FIT}"
        return Refusal("context_length_exceeded", detail, param="messages", words="{detail}")
    tokens, limit = (next(filter(None, found.groups())) for found in (sent, fits))
    return too_long(tokens, limit)


async def refusal_from(response: ModelResponse) -> Refusal:
    """What a response with another status than 200 means."""
    detail = ""
    with contextlib.suppress(TransportError):
        body = decode(await response.body(), _ErrorBody)
        if body is not None:
            detail = _words(body)
    if response.status in {400, 413, 500} and (longer := overflow(detail)):
        return longer
    detail = in_public(_unwrapped(detail))
    if response.demo:
        detail = f"{detail or 'It failed.'} {_DEMO}"
    unknown = _UNKNOWN_MODEL.search(detail)
    match response.status:
        case 404 if unknown:
            return Refusal("unknown_model", model=unknown[1], param="model")
        case 404 | 405 if _IS_NO_ROUTE.fullmatch(detail):
            return Refusal("upstream_cannot", _NO_ROUTE)
        case 404:
            return Refusal("upstream_not_found", detail)
        case 429 | 503:
            return Refusal(
                "upstream_busy", detail or "The model server is busy.", retry_after_ms=2000
            )
        case 501:
            return Refusal("upstream_cannot", detail or "The model server cannot do that.")
        case 500 if _NOT_ITS_OWN.search(detail):
            return Refusal("upstream_refused", detail)
        case 504:
            return Refusal("upstream_timeout")
        case status if status in _MEANT_FOR_US or status < 400:
            return Refusal("upstream_error", f"The model server answered with {status}.")
        case status if status < 500:
            return Refusal("upstream_refused", detail or "The model server refused the request.")
        case _:
            return Refusal("upstream_failed", detail or "The model server failed.")
