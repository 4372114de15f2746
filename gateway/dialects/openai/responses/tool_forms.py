"""How a client declared its tools, by the names under which the model knows them.

Models call plain functions. A tool of a namespace and a freeform one are shown to them as such
(kinds.py), and a call of one is put back into the client's form in the answer (restore.py).
"""

from typing import Any

from gateway.dialects.protocol import ToolForm
from gateway.dialects.shared.kinds import objects
from gateway.dialects.shared.strict_json import Refused

_LONGEST = 256  # characters of a name with its namespaces; OpenAI's have 64 each
_OTHERS = ("namespace", "custom")


def qualified(space: Any, name: Any) -> Any:
    """The name of a function in a namespace, as Ollama makes it. Raises `Refused`: each function
    gets its namespace's name, so a long one would fill the memory."""
    if not isinstance(space, str) or not isinstance(name, str) or not space:
        return name
    if len(space) + len(name) > _LONGEST:
        raise Refused(f"A tool's name has at most {_LONGEST} characters.", "tools")
    return name if name.startswith(f"{space}.") else f"{space}.{name}"


def tool_forms(tools: Any) -> dict[str, ToolForm]:
    """Those of `tools` that are no plain functions. Of two that get the same name, the first."""
    if not any(tool.get("type") in _OTHERS for tool in objects(tools)):
        return {}
    forms = _all_forms(tools)
    return {name: form for name, form in forms.items() if form.namespace or form.freeform}


def _all_forms(tools: Any) -> dict[str, ToolForm]:
    forms: dict[str, ToolForm] = {}
    for tool in objects(tools):
        kind, name = tool.get("type"), tool.get("name")
        if not isinstance(name, str):
            continue
        if kind != "namespace":
            forms.setdefault(name, ToolForm(name, freeform=kind == "custom"))
            continue
        for inner, form in _all_forms(tool.get("tools")).items():
            space = qualified(name, form.namespace) if form.namespace else name
            forms.setdefault(qualified(name, inner), form._replace(namespace=space))
    return forms
