"""How long the prompt can be that a template makes of a request to messages."""

from typing import NamedTuple

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.shapes import (
    ContentBlock,
    Conversation,
    MessageParam,
    SystemBlock,
)
from gateway.dialects.shared.prompt import (
    USUAL_ROLE,
    length,
    picture_size,
    printed_size,
    prompt_bound,
)


class PromptSize(NamedTuple):
    size: int  # bytes of all texts
    bound: int  # tokens, with what a template adds around them


def prompt_size(request: Conversation) -> PromptSize | Refusal:
    """All that can end up in the prompt: texts, pictures, calls, results, definitions of tools."""
    blocks = [block for message in request.messages for block in _blocks(message)]
    form = request.output_config.format if request.output_config else None
    size = printed_size([request.tools, [block.input for block in blocks]], form)
    if isinstance(size, Refusal):
        return size
    system = request.system or ""
    size += length(request.tool_choice.name) if request.tool_choice else 0
    size += length(system) if isinstance(system, str) else sum(map(_block_size, system))
    for message in request.messages:
        size += max(0, length(message.role) - USUAL_ROLE)
        size += length(message.content) if isinstance(message.content, str) else 0
    size += sum(map(_content_size, blocks))
    wraps = bool(system) + sum(max(1, len(_blocks(message))) for message in request.messages)
    return PromptSize(size, prompt_bound(size, messages=wraps, tools=len(request.tools or ())))


def _blocks(message: MessageParam) -> list[ContentBlock]:
    return message.content if isinstance(message.content, list) else []


def _content_size(block: ContentBlock) -> int:
    inner = block.content or ""
    size = length(inner) if isinstance(inner, str) else sum(map(_block_size, inner))
    texts = (block.thinking, block.id, block.name, block.tool_use_id)
    return size + sum(map(length, texts)) + _block_size(block)


def _block_size(block: SystemBlock) -> int:
    """Of its text, and of its picture."""
    source = getattr(block, "source", None)
    return length(block.text) + (picture_size(source.data) if source else 0)
