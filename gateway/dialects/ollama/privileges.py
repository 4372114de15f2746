"""What of Ollama's own API changes the machine for everybody, or goes round the model's template:
the scope `ollama:native` is for it.

For a key without the scope, what changes the machine is left out, since the answer is the same
without it; many clients always send some. What changes the answer is refused.
"""

from typing import Any, NamedTuple

from msgspec import Meta, Struct

from gateway.dialects.ollama.options import LOADING
from gateway.dialects.protocol import Privilege
from gateway.dialects.shared import loading

SCOPE = loading.SCOPE
NEEDS_SCOPE = Meta(description=f"Needs the scope `{SCOPE}`.")
_LOADS = "loads the model anew, or keeps or drops it, for everybody who uses this server"
_FORGES = "goes round the model's own template"


class _KeptBack(NamedTuple):
    silent: object  # the value that says nothing
    why: str
    needed: bool  # without it the answer would be another


KEPT_BACK: dict[str, _KeptBack] = {
    "raw": _KeptBack(False, _FORGES, True),
    "template": _KeptBack("", _FORGES, True),
    "context": _KeptBack([], _FORGES, True),
    "_debug_render_only": _KeptBack(False, "shows the model's own prompt", True),
    "keep_alive": _KeptBack(None, _LOADS, False),
    "shift": _KeptBack(None, _LOADS, False),  # llama-server is started with it
}


def silence(request: Struct) -> None:
    """Leave out what says nothing."""
    for name, one in KEPT_BACK.items():
        attribute = name.removeprefix("_")
        if one.silent is not None and getattr(request, attribute, None) == one.silent:
            setattr(request, attribute, None)


def privilege(request: Struct, empty: str | None) -> Privilege | None:
    """What of a silenced request needs the scope, if anything; first what cannot be left out.
    `empty`: the field that should hold what the model is to read, and holds nothing."""
    if empty:
        return loading.privilege(empty)
    for name, one in KEPT_BACK.items():
        if getattr(request, name.removeprefix("_"), None) is not None:
            return Privilege(SCOPE, name, one.why, one.needed)
    options = getattr(request, "options", None)
    for name in LOADING if options is not None else ():
        if getattr(options, name) is not None:
            return Privilege(SCOPE, f"options.{name}", _LOADS)
    return None


def leave_out(request: Any) -> list[str]:
    """Leave out what changes the machine; the names of what that was."""
    names = [name for name, one in KEPT_BACK.items() if not one.needed]
    left = [name for name in names if getattr(request, name, None) is not None]
    for name in left:
        setattr(request, name, None)
    for name in LOADING if request.options is not None else ():
        if getattr(request.options, name) is not None:
            setattr(request.options, name, None)
            left.append(f"options.{name}")
    return left
