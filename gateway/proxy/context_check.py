"""Whether a prompt fits the context that its model has: Ollama cuts one that does not, silently.

Before the model runs, only what is sure is refused. No tokenizer in use joins two words, so a text
has no fewer tokens than words; the context is known from the model itself, or from the last time
that an ordinary request had it loaded. What was not sure is told with the answer.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

import msgspec

from gateway.backends.errors import too_long
from gateway.backends.pool import Candidate
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Sanitised, Usage
from gateway.proxy.off_loop import off_loop

ContextCheck = Literal["refuse", "warn", "off"]

CUT_HEADER = b"x-localllm-prompt-cut"
SMALLEST = 2048  # tokens; the least that Ollama loads a model with unless it is told to
_PROMPTS = ("messages", "input", "prompt", "system", "instructions")  # of a request
_TEXTS = ("content", "text", "output")  # of a message or item
_THOUGHTS = {"reasoning", "thinking", "redacted_thinking"}  # of earlier turns: templates drop them
_EDGE = 0.97  # of the context: where a prompt ends that Ollama has dropped messages from
_LONG = 32 * 1024  # bytes of a prompt whose words others would wait for
_PIECE = 16 * 1024  # characters
_HALF = 16  # tokens beyond half of it, to which Ollama's runner cuts one long message


async def fitting(
    candidates: list[Candidate], request: Sanitised, check: ContextCheck
) -> list[Candidate] | Refusal:
    """Those whose context the prompt may fit. Call it before the prompt's bound is narrowed: one
    with fewer bytes than there are tokens of context fits in any case."""
    asked_to_cut = getattr(request.parsed, "truncate", None) is True
    if check == "off" or request.fills_context or asked_to_cut:
        return candidates
    contexts = [_context(one, request) for one in candidates]
    if request.prompt_bound <= min([one or SMALLEST for one in contexts]):
        return candidates
    request.may_be_cut = True
    most = max([one or 0 for one in contexts])
    if request.prompt_bound > _LONG:
        request.least_tokens = await off_loop(lambda: least_tokens(request.parsed, most))
    else:
        request.least_tokens = least_tokens(request.parsed, most)
    if check == "warn":
        return candidates
    if getattr(request.parsed, "truncate", False) is None:
        request.parsed.truncate = False  # on these routes Ollama itself refuses what is too long
    fit = [
        candidate
        for candidate, context in zip(candidates, contexts, strict=True)
        if context is None
        or request.least_tokens <= context
        or not await _is_sure(candidate, request, context)
    ]
    return fit or too_long(f"at least {request.least_tokens}", most)


def _context(candidate: Candidate, request: Sanitised) -> int | None:
    """What the model would be loaded with; None: not known."""
    model, loaded = candidate.model, candidate.backend.loaded
    if request.context:
        return min(request.context, (model and model.context_length) or request.context)
    most, usual = model and model.context, loaded.usual_context(request.model)
    return min(most, usual) if most and usual else most or usual


async def _is_sure(candidate: Candidate, request: Sanitised, context: int) -> bool:
    """What was learned counts only while the model is loaded with it: the owner may have changed
    the setting since, and would never see it work."""
    model = candidate.model
    if request.context or (model and model.context and model.context <= context):
        return True
    loaded = (await candidate.backend.loaded.look() or {}).get(request.model)
    return loaded is not None and loaded.context_length == context


def least_tokens(request: msgspec.Struct, enough: int = 0) -> int:
    """The fewest tokens that a tokenizer makes of the longest prompt of a request: its words. It
    need not look further once it has counted more than `enough`; 0: it looks at everything."""
    return max([_words(prompt, enough) for prompt in _prompts(request)], default=0)


def _prompts(request: msgspec.Struct) -> Iterator[list[Any]]:
    """The values that make one prompt; several where each text of a list stands for itself."""
    fields = cast(dict[str, Any], msgspec.to_builtins(request))
    together = [fields[name] for name in _PROMPTS if fields.get(name)]
    for one in together:
        if isinstance(one, list) and all(isinstance(item, str) for item in cast(list[Any], one)):
            yield from ([item] for item in cast(list[str], one))
            return
    yield together


def _words(value: Any, enough: int) -> int:
    if isinstance(value, str):
        # Templates drop what a model thought in earlier turns.
        said = value.rpartition("</think>")[2]
        return _words_of(said[: 64 * enough if enough else None], enough)
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        if fields.get("type") in _THOUGHTS:
            return 0
        value = [fields[name] for name in _TEXTS if name in fields]
    count = 0
    for one in cast(list[Any], value) if isinstance(value, list) else ():
        count += _words(one, enough)
        if enough and count > enough:
            break
    return count


def _words_of(text: str, enough: int) -> int:
    """By pieces, since a list of all words can be twenty times as large as the text."""
    count, open_word = 0, False
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        count += len(piece.split())
        count -= open_word and not piece[0].isspace()  # the rest of a word that was counted
        open_word = not piece[-1].isspace()
        if enough and count > enough:
            break
    return count


class PromptCut(NamedTuple):
    """A prompt of which the model has probably not read all. `context`: 0 where it is not known."""

    prompt_tokens: int
    context: int

    def header(self) -> tuple[bytes, bytes]:
        """With a whole answer."""
        told = (b"%s=%d" % (name.encode(), value) for name, value in self._told().items())
        return CUT_HEADER, b"; ".join(told)

    def in_event(self, events: bytes) -> bytes:
        """With a stream, whose head is out: a field of the last of its events that is JSON. Where
        the usage is hidden, that may be gone already: a comment then."""
        told = msgspec.json.encode({"prompt_cut": self._told()})
        at = events.rfind(b"}")
        if at < 0:
            return b": localllm " + told + b"\n\n" + events
        return events[:at] + b',"localllm":' + told + events[at:]

    def _told(self) -> dict[str, int]:
        return {name: value for name, value in self._asdict().items() if value}


def found_cut(request: Sanitised, usage: Usage, context: int) -> PromptCut | None:
    """Whether the model server, by what it reports, has read less than it was sent. `context`:
    tokens that it has loaded the model with, 0 where that is not known."""
    read = usage.prompt_tokens
    if not read or request.inputs > 1:
        return None
    half = context // 2
    edge = request.prompt_bytes > context and _EDGE * context <= read <= context
    halved = half <= read <= half + _HALF and request.prompt_bytes >= 3 * context > 0
    return PromptCut(read, context) if read < request.least_tokens or edge or halved else None
