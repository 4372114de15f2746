"""Check a request to messages, and say what it may cost."""

from collections.abc import Sequence

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.prompt import prompt_size
from gateway.dialects.anthropic.shapes import BlockSource, MessagesRequest, SystemBlock, ToolParam
from gateway.dialects.protocol import Sanitised

_SYSTEM = {"text"}
_RESULT = {"text", "image", "document"}
_CONTENT = {*_RESULT, "tool_use", "tool_result", "thinking", "redacted_thinking"}
# A URL or a file's id would make the model server fetch what the caller chose.
_SOURCES = {"image": {"base64"}, "document": {"base64", "text"}}


def measure(request: MessagesRequest) -> Sanitised | Refusal:
    """What it may cost."""
    prompt = _wrong_tool(request.tools or ()) or _wrong_content(request) or prompt_size(request)
    if isinstance(prompt, Refusal):
        return prompt
    return Sanitised(
        request=request,
        stream=bool(request.stream),
        wants_usage=True,
        prompt_bytes=prompt.size,
        messages=len(request.messages) + bool(request.system),
        prompt_bound=prompt.bound,
        max_output=request.max_tokens,
    )


def grant(sanitised: Sanitised, granted: int) -> None:
    """Cap the answer."""
    sanitised.request.max_tokens = granted


def _wrong_tool(tools: Sequence[ToolParam]) -> Refusal | None:
    """Ollama runs a tool of the type `web_search_…` itself, and asks a server on the internet."""
    for at, tool in enumerate(tools):
        if tool.type is not None and tool.type != "custom":
            return _refusal(
                f"tools[{at}].type",
                f"Tools of the type '{tool.type[:80]}' cannot be used here: nothing runs on this "
                "side, and the model does not know them. Describe the tool with 'input_schema', "
                "and run it yourself.",
            )
    return None


def _wrong_content(request: MessagesRequest) -> Refusal | None:
    if isinstance(request.system, list):
        problem = _wrong_block(request.system, _SYSTEM, "system")
        if problem:
            return problem
    for at, message in enumerate(request.messages):
        if isinstance(message.content, str):
            continue
        problem = _wrong_block(message.content, _CONTENT, f"messages[{at}].content")
        if problem:
            return problem
        for number, block in enumerate(message.content):
            if isinstance(block.content, list):
                path = f"messages[{at}].content[{number}].content"
                problem = _wrong_block(block.content, _RESULT, path)
                if problem:
                    return problem
    return None


def _wrong_block(blocks: Sequence[SystemBlock], types: set[str], path: str) -> Refusal | None:
    """The first that is of another type, or whose data would have to be fetched."""
    for at, block in enumerate(blocks):
        if block.type not in types:
            allowed = ", ".join(sorted(types))
            text = f"A block of the type '{block.type[:80]}' cannot stand here, only {allowed}."
            return _refusal(f"{path}[{at}].type", text)
        source: BlockSource | None = getattr(block, "source", None)
        if source is not None and source.type not in _SOURCES.get(block.type, ()):
            return _refusal(
                f"{path}[{at}].source.type",
                f"A source of the type '{source.type[:80]}' cannot be used here: nothing is "
                "fetched for a request. Send the data itself, as 'base64'.",
            )
    return None


def _refusal(path: str, text: str) -> Refusal:
    return Refusal("invalid_request", f"{text} ({path})", param=path)
