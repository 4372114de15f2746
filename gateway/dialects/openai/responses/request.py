"""A request for a response: the fields that are passed on, and what they may cost.

Ollama keeps nothing between two requests. What would be state is refused where the answer would be
another one without it, and left out where it only asks for storage (`store`, `background`).
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.core.errors import Refusal
from gateway.dialects.openai.responses.items import InputItem, refusal
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import loading, schemas
from gateway.dialects.shared.fields import MOST_TOKENS, Choice, Int, ModelName, TopK, least_cap
from gateway.dialects.shared.prompt import length, printed_size, prompt_bound

_REFUSED = Meta(description="Refused: nothing is kept here. Send the conversation as `input`.")
_STATE = ("previous_response_id", "conversation", "prompt")
_NONE: tuple[Any, ...] = (None, "", {}, {"id": ""}, {"id": None})  # an empty id is none


class FunctionTool(Struct, omit_defaults=True):
    """A function that the model may ask you to call."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ForcedFunction(Struct):
    """The function that the model has to call."""

    type: str
    name: str


class TextFormat(Struct, omit_defaults=True):
    type: str
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextOptions(Struct, omit_defaults=True):
    format: TextFormat | None = None


class ReasoningOptions(Struct, omit_defaults=True):
    effort: Choice | None = None
    summary: Choice | None = None
    generate_summary: Choice | None = None


class ResponseRequest(Struct, omit_defaults=True):
    """Fields that are not listed here do not reach the model."""

    model: ModelName = None
    input: Annotated[
        str | list[InputItem] | None,
        Meta(
            description="A text, or the conversation so far; without it, and without "
            "`instructions`, the model is only loaded."
        ),
    ] = ""
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Annotated[Int | None, MOST_TOKENS] = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[FunctionTool] | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    truncation: Choice | None = None
    tool_choice: Choice | ForcedFunction | None = None
    parallel_tool_calls: bool | None = None
    top_k: TopK | None = None
    min_p: float | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    previous_response_id: Annotated[str | None, _REFUSED] = None
    conversation: Annotated[Any, _REFUSED] = None
    prompt: Annotated[
        Any,
        Meta(
            description='A preset: `{"id": "@preset/NAME", "variables": {…}}`; `model` may be left '
            "out. Any other is refused: nothing is kept here."
        ),
    ] = None


def measure(request: ResponseRequest) -> Sanitised | Refusal:
    """What it may cost."""
    request.input = request.input or ""
    loads = not request.input and not request.instructions
    items = request.input if isinstance(request.input, list) else [InputItem(content=request.input)]
    problem = _kept(request)
    if isinstance(request.input, list):
        problem = problem or refusal(items)
    form = request.text.format if request.text else None
    problem = problem or schemas.refusal(
        form.schema if form else None,
        "text.format",
        (tool.parameters for tool in request.tools or ()),
    )
    if problem is not None:
        return problem
    printed = printed_size(request.tools, request.text, request.chat_template_kwargs)
    if isinstance(printed, Refusal):
        return printed
    size = printed + length(request.instructions) + sum(item.size() for item in items)
    messages = len(items) + bool(request.instructions)
    return Sanitised(
        parsed=request,
        stream=bool(request.stream),
        wants_usage=True,
        prompt_bytes=size,
        messages=messages,
        prompt_bound=prompt_bound(size, messages=max(1, messages), tools=len(request.tools or ())),
        max_output=1 if loads else least_cap(request.max_output_tokens),  # 0 were no end
        loads=loads,
        privilege=loading.privilege("input") if loads else None,
    )


def grant(sanitised: Sanitised, granted: int) -> None:
    """Cap the answer, and put into words what others than Ollama take in no other way."""
    request: ResponseRequest = sanitised.parsed
    request.max_output_tokens = granted
    if sanitised.listed and not sanitised.loads:
        request.input = request.input or [InputItem(role="user", content="")]
        for item in request.input if isinstance(request.input, list) else ():
            item.spell_out()


def _kept(request: ResponseRequest) -> Refusal | None:
    for name in _STATE:
        if getattr(request, name) not in _NONE:
            text = f"'{name}' is refused: nothing is kept here. Send the conversation as 'input'."
            return Refusal("invalid_request", text, param=name)
        setattr(request, name, None)
    return None
