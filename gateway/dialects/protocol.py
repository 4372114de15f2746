"""What a dialect is: how the requests of one route are checked and its answers read.

A dialect knows nothing of stores and sockets. The pipeline asks it what a request may cost, the
meter what an answer says. To add one, put a file with a `DIALECTS` tuple into its family's folder.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.family import Framing
from gateway.dialects.reference import Reference
from gateway.dialects.shared import strict_json
from gateway.dialects.shared.preset import Chosen, Preset
from gateway.dialects.shared.preset_form import Find, PresetForm, no_presets

_MOST = 2**40
Count = Annotated[int, Meta(ge=0, le=_MOST)]  # anything else is no count
Told = int | float | None  # a count as model servers write it: some as 5.0, some as null


class Privilege(NamedTuple):
    """A scope that a request needs besides its route's own."""

    scope: str
    field: str  # what of the request needs it, as the client writes it
    why: str  # what follows the field's name to say so
    needed: bool = False  # without it the answer would be another: it cannot be left out


class ToolForm(NamedTuple):
    """How a client declared a tool that its model knows as a plain function, by another name or
    with other arguments."""

    name: str
    namespace: str = ""  # empty: it stands in none
    freeform: bool = False  # it takes a text, no arguments


class Sanitised(Struct, kw_only=True):
    """One request after all checks that need no database. Sizes in bytes, bounds in tokens."""

    parsed: Any  # the dialect's own struct, with the field `model`
    stream: bool
    wants_usage: bool  # the client asked to see the usage chunk
    prompt_bytes: int
    messages: int
    prompt_bound: int  # no tokenizer makes more of it
    plain_bound: int = 0  # the same without what reports have taught, and not cut to a context
    max_output: int | None  # the client's cap; None: none given, 0: nothing is generated
    inputs: int = 1  # prompts in it, each of which may fill the model's context
    context: int = 0  # tokens of context that the model is to be loaded with; 0: it says nothing
    fills_context: bool = False  # however few its bytes, its prompt may be that long
    privilege: Privilege | None = None
    loads: bool = False  # it holds nothing to read: Ollama loads the model, or drops it
    answered_here: bool = False  # the model is not asked: see `Dialect.load_answer`
    ignored: list[str] = []  # what of it was left out, for the header that says so
    tool_forms: dict[str, ToolForm] = {}  # by the name that the model knows
    stops: list[str] = []  # the client's texts that end an answer, where the answer names the one
    model_context: int = 0  # tokens that the model can read where it may run; 0: not known
    model: str = ""  # canonical name; empty: none was named, and the default one is used
    cloud: bool = False  # its spelling leaves the machine
    may_be_cut: bool = False  # its prompt may be longer than the model's context
    least_tokens: int = 0  # no tokenizer makes less of its prompt; 0: nobody has counted
    listed: str = ""  # the name under which a server that is no Ollama knows it
    alias: str | None = None  # the name that answers show, where it is not the model's own
    sent: str = ""  # the name that went to the model server
    preset: Preset | None = None  # what `model` is asked through
    dialect: "Dialect | None" = None  # which takes the place of the one that was asked

    @property
    def public_model(self) -> str:
        """The model for which the key is allowed and charged."""
        return self.preset.called if self.preset else self.model


class Usage(Struct, frozen=True):
    """Tokens as the model server reports them."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0

    def reported(self) -> "Usage | None":
        """Itself, unless it is 0/0: that stands beside a text when the repeat guard struck."""
        return self if self.prompt_tokens or self.completion_tokens else None


def usage_of(prompt: Told, completion: Told) -> Usage | None:
    """What a model server told. None: nothing, or what can be no count."""
    first, second = _count(prompt), _count(completion)
    return None if first is None or second is None else Usage(first, second).reported()


def _count(told: Told) -> int | None:
    if told is None:
        return 0
    whole = isinstance(told, int) or told.is_integer()
    return int(told) if whole and 0 <= told <= _MOST else None


class Event(NamedTuple):
    """What one event of a stream says."""

    usage: Usage | None = None  # None: it reports nothing
    ends: bool = False  # nothing comes behind it
    extra: bool = False  # only who asked for the usage may see it
    failed: bool = False  # it ends the stream, and says that something broke
    plain: bytes | None = None  # what those see who did not ask for the usage; None: the event
    prompt: int = 0  # tokens of it, told before any text; for a report that leaves them out
    finished: bool = False  # the model came to its end, whether or not the stream says so as well


class Body(NamedTuple):
    """What one whole answer says."""

    usage: Usage | None = None  # None: it reports nothing
    text: int = 0  # bytes of it that were generated; 0 where a report spares the looking
    complete: bool = True  # the model came to an end
    broken: bool = False  # it is not the JSON that it should be


def _says_nothing(event: bytes) -> Event:
    return Event()


def _no_text(event: bytes) -> int:
    return 0


def _as_it_is(request: dict[str, Any], left: list[str]) -> None:
    pass


def _nothing(request: Any) -> list[str]:
    return []


def _no_output(sanitised: Sanitised, granted: int) -> None:
    pass


class AnswerContext(NamedTuple):
    """What a translated answer tells beside what the model server said."""

    id: str  # of the request
    model: str  # as the client knows it
    usage: Callable[[], Usage]  # what the key is charged for what has come so far
    tool_forms: dict[str, ToolForm]  # as in `Sanitised`
    stops: Sequence[str] = ()  # as there


Translation = Callable[[bytes], bytes]  # of the model server's answer into the client's


class Translator(Protocol):
    """Makes the translation of one answer."""

    def __call__(self, context: AnswerContext, *, whole: bool) -> Translation | None:
        """For a `whole` answer that `read_body` took for one, or for whole events, as often as some
        have come: `read_event` says which of them break the stream. None: nothing has to change."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dialect:
    """One route. The functions may change a request that they are given, but nothing else."""

    path: str  # what clients call
    upstream: str  # which route of the model server is asked
    scope: str  # what a key needs
    native: bool = False  # only Ollama has the route
    reference: Reference  # the request's shape, and what readers are told

    # Makes JSON of a body that has another form; None: it has to be JSON.
    to_json: Callable[[bytes | bytearray], bytes | bytearray | Refusal] | None = None
    # Keeps, translates and leaves out what stands in the JSON of a request, and names what it left
    # out. Returns the forms of tools that answers have to restore, if any. May raise
    # `strict_json.Refused`.
    tidy: Callable[[dict[str, Any], list[str]], dict[str, ToolForm] | None] = _as_it_is
    # What a request may cost at most, or why it is refused. Takes the struct that was read; leaves
    # `model` and `cloud` out.
    measure: Callable[[Any], Sanitised | Refusal]
    # Writes the granted output into the request as its cap.
    grant: Callable[[Sanitised, int], None] = _no_output

    # Leaves out of a struct what needs a scope that the key does not have; returns the names.
    leave_out: Callable[[Any], list[str]] = _nothing
    # What a request that only loads the model is answered where the model is not asked.
    load_answer: Callable[[Sanitised], bytes] | None = None

    # What a whole answer says, and where generated text begins in one that is cut.
    read_body: Callable[[bytes], Body]
    text_start: re.Pattern[bytes]

    framing: Framing | None = None  # None: it never streams, and what follows is not used
    report_markers: tuple[bytes, ...] = ()  # one of them is in every event that has to be read
    finish_markers: tuple[bytes, ...] = ()  # of events that say that the model has finished
    text_marker: bytes = b""  # stands once in each event that carries text
    # What an event says that holds a report marker; it comes without its separator.
    read_event: Callable[[bytes], Event] = _says_nothing
    # Bytes of generated text in an event; 0 where it cannot be read.
    text_size: Callable[[bytes], int] = _no_text
    # What ends a stream that is whole, where a server leaves it out; b"": none may.
    closing: bytes = b""
    # The last event of a stream that failed, of the JSON of its error.
    error_event: Callable[[bytes], bytes] = bytes

    # Answers with an estimate of its tokens: the model is not asked, and nothing is charged.
    count: Callable[[Sanitised], bytes] | None = None

    translator: Translator | None = None  # None: the model server's answers are the client's

    presets: PresetForm | None = None  # None: it serves none
    for_presets: "Dialect | None" = None  # serves them instead

    def sanitise(self, body: bytes | bytearray, find: Find = no_presets) -> Sanitised | Refusal:
        """Check a request and say what it may cost."""
        left: list[str] = []
        forms: dict[str, ToolForm] = {}
        found: list[Chosen | Refusal] = []
        message: list[str | None] = []
        read = self.to_json(body) if self.to_json else body
        if isinstance(read, Refusal):
            return read

        def prepare(tree: dict[str, Any]) -> None:
            chosen = find(tree)
            if chosen is not None:
                found.append(chosen)
                if isinstance(chosen, Refusal) or self.presets is None:
                    raise strict_json.Refused("")
                message.append(self.presets.admit(tree, chosen.preset, left))
            forms.update(self.tidy(tree, left) or {})

        request: Any = strict_json.parse(read, self.reference.request, prepare)
        if found:
            chosen = found[0]
            if isinstance(chosen, Refusal):
                return chosen
            if self.for_presets is not None:
                return self.for_presets.sanitise(body, find)
            if self.presets is None:
                return Refusal("preset_elsewhere", model=chosen.preset.called, param="model")
            if isinstance(request, Refusal):
                return msgspec.structs.replace(request, model=chosen.preset.called)
            request = self.presets.place(request, chosen.preset, message[0])
            return self._measured(request, left, forms, chosen)
        if isinstance(request, Refusal):
            return request
        return self._measured(request, left, forms, None)

    def _measured(
        self,
        request: Any,
        left: list[str],
        forms: dict[str, ToolForm],
        chosen: Chosen | None,
    ) -> Sanitised | Refusal:
        spelling: str | None = request.model
        model = strict_json.model_name(spelling) if spelling and not spelling.isspace() else ""
        if isinstance(model, Refusal):
            return model
        through = self.presets.measure if self.presets and chosen else None
        sanitised = (through or self.measure)(request)
        if isinstance(sanitised, Sanitised):
            if chosen is not None:
                sanitised.preset = chosen.preset
                sanitised.alias = chosen.spelling
                sanitised.dialect = self
            sanitised.ignored = left
            sanitised.tool_forms = forms
            sanitised.parsed.model = sanitised.parsed.model or ""
            sanitised.model = model
            sanitised.cloud = bool(model) and model_names.is_cloud(sanitised.parsed.model)
        return sanitised

    def narrow(self, sanitised: Sanitised) -> None:
        """Go on without the privilege: leave out what needs it."""
        sanitised.ignored += self.leave_out(sanitised.parsed)
        sanitised.privilege = None
        sanitised.context = 0
        sanitised.answered_here = sanitised.loads

    def serialise(self, sanitised: Sanitised, granted: int) -> bytes | Refusal:
        """The request as it goes upstream: our own JSON, with the granted output as its cap."""
        request = sanitised.parsed
        named = sanitised.listed or model_names.upstream_name(request.model, sanitised.model)
        request.model = named
        self.grant(sanitised, granted)
        return strict_json.encode(request)
