"""Check a request to messages, and say what it may cost."""

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.prompt import prompt_size
from gateway.dialects.anthropic.shapes import CountTokensRequest, MessagesRequest
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import schemas


def measure(request: MessagesRequest | CountTokensRequest) -> Sanitised | Refusal:
    """What it may cost."""
    form = request.output_config.format if request.output_config else None
    problem = schemas.refusal(
        form.schema if form else None,
        "output_config.format",
        (tool.input_schema for tool in request.tools or ()),
    )
    if problem is not None:
        return problem
    prompt = prompt_size(request)
    if isinstance(prompt, Refusal):
        return prompt
    return Sanitised(
        parsed=request,
        stream=bool(request.stream),
        wants_usage=True,
        prompt_bytes=prompt.size,
        messages=len(request.messages) + bool(request.system),
        prompt_bound=prompt.bound,
        max_output=request.max_tokens,
        stops=request.stop_sequences or [],
    )


def grant(sanitised: Sanitised, granted: int) -> None:
    """Cap the answer."""
    sanitised.parsed.max_tokens = granted
