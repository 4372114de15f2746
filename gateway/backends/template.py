"""What a model's template writes by itself: prompt that no client sent, but that costs as much."""

import re

# Actions of Go's templates and of Jinja's, and the quoted texts in them, which may be printed. A
# comment prints nothing.
_ACTION = re.compile(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`', re.DOTALL)


def literal_bytes(template: str) -> int:
    """Bytes of all that stands in a template as it is, each once: what it repeats with each message
    is part of the overhead of messages."""
    size, end = 0, 0
    for action in _ACTION.finditer(template):
        size += len(template[end : action.start()].encode("utf-8", "surrogatepass"))
        end = action.end()
        if not _is_comment(action[0]):
            size += sum(
                len(text.encode("utf-8", "surrogatepass")) - 2
                for text in _QUOTED.findall(action[0])
            )
    return size + len(template[end:].encode("utf-8", "surrogatepass"))


def _is_comment(action: str) -> bool:
    return action.startswith("{#") or action[2:].lstrip("- \t\r\n").startswith("/*")
