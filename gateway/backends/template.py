"""What a model's template writes by itself: prompt that no client sent, but that costs as much.

Whoever may pull models chooses their templates. So each pattern also matches what never ends:
there is nothing to be tried again from the next character, and a megabyte takes a moment.
"""

import re

# Actions of Go's templates and of Jinja's, and the quoted texts in them, which may be printed. A
# comment prints nothing. The group: it never ends.
_ACTION = re.compile(
    r"\{\{-?\s*/\*.*?(?:\*/\s*-?\}\}|(\Z))|\{#.*?(?:#\}|(\Z))|\{\{.*?(?:\}\}|(\Z))|\{%.*?(?:%\}|(\Z))",
    re.DOTALL,
)
_QUOTED = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\'(?:[^\'\\]|\\.)*(?:\'|\\?\Z)|`[^`]*(?:`|\Z)', re.DOTALL
)


def literal_bytes(template: str) -> int:
    """Bytes of all that stands in a template as it is, each once: what it repeats with each message
    is part of the overhead of messages."""
    size, end = 0, 0
    for action in _ACTION.finditer(template):
        if action.lastindex:
            break
        size += _length(template[end : action.start()])
        end = action.end()
        if not _is_comment(action[0]):
            size += sum(max(0, _length(text) - 2) for text in _QUOTED.findall(action[0]))
    return size + _length(template[end:])


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _is_comment(action: str) -> bool:
    return action.startswith("{#") or action[2:].lstrip("- \t\r\n").startswith("/*")
