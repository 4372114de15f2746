"""A request to messages: the fields that are passed on.

They are those that Ollama reads; one that is not named here does not reach the model server. The
shapes hold after kinds.py has left out and translated what they do not know.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.dialects.shared.fields import MOST_TOKENS, STREAM, Choice, Int, ModelName


class BlockSource(Struct, omit_defaults=True):
    type: str
    media_type: str | None = None
    data: str | None = None


class SystemBlock(Struct, omit_defaults=True):
    type: str
    text: str | None = None


class ResultBlock(SystemBlock, omit_defaults=True):
    """What may stand in the result of a tool."""

    source: BlockSource | None = None


class ContentBlock(ResultBlock, omit_defaults=True):
    """Text, a picture, a thought, a call of a tool or its result, as `type` says."""

    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: str | list[ResultBlock] | None = None
    is_error: bool | None = None


class MessageParam(Struct):
    role: str
    content: str | list[ContentBlock]


class ToolParam(Struct, omit_defaults=True):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None


class ToolChoiceParam(Struct, omit_defaults=True):
    type: Choice
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(Struct, omit_defaults=True):
    type: Choice
    budget_tokens: Int | None = None


class OutputFormat(Struct, omit_defaults=True):
    """JSON of this schema."""

    type: Choice
    schema: dict[str, Any] | None = None


class OutputConfig(Struct, omit_defaults=True):
    effort: Choice | None = None
    format: OutputFormat | None = None


class Conversation(Struct, omit_defaults=True, kw_only=True):
    """What a message is asked for with, and its tokens are counted of."""

    model: ModelName = None
    messages: Annotated[
        list[MessageParam],
        Meta(min_length=1, description="The conversation so far, oldest first."),
    ]
    system: str | list[SystemBlock] | None = None
    stream: Annotated[bool | None, STREAM] = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Int | None = None
    stop_sequences: Annotated[
        list[str] | None, Meta(description="Texts at which the answer ends.")
    ] = None
    tools: Annotated[
        list[ToolParam] | None,
        Meta(description="What the model may ask you to call, of the type `custom`."),
    ] = None
    tool_choice: ToolChoiceParam | None = None
    thinking: Annotated[
        ThinkingConfig | None, Meta(description="For models that think: enabled or disabled.")
    ] = None
    output_config: OutputConfig | None = None


class MessagesRequest(Conversation, omit_defaults=True, kw_only=True):
    """Fields that are not listed here do not reach the model."""

    max_tokens: Annotated[int, Meta(ge=1, le=2**63 - 1), MOST_TOKENS]


class CountTokensRequest(Conversation, omit_defaults=True, kw_only=True):
    """The fields of a message's request; `max_tokens` says nothing here."""

    max_tokens: Int | None = None
