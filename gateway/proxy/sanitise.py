"""Sanitise: what does the request ask for, and of which model?"""

import re
from collections.abc import Mapping

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Sanitised
from gateway.dialects.shared.preset_form import Find, no_presets

_UNTOLD = re.compile(r"[^\w.-]", re.ASCII)  # what no name of a field holds
_LONGEST, _MOST_NAMES = 64, 20


def sanitise(
    dialect: Dialect,
    body: bytes | bytearray,
    aliases: Mapping[str, str],
    default_model: str,
    find: Find = no_presets,
) -> Sanitised | Refusal:
    """The request after every check that needs neither database nor model server. It names the
    real model: `default_model` where the client named none, or what `aliases` (by canonical name)
    has for its name, or the preset that `find` finds."""
    request = dialect.sanitise(body, find)
    if isinstance(request, Refusal):
        return request
    if request.preset is not None:
        try:
            _ask_for(request, request.preset.model)
        except ValueError:  # no model can be called so
            return Refusal("unknown_model", model=request.preset.called, param="model")
        return request
    if not request.model:
        _ask_for(request, default_model)
    real = aliases.get(request.model)
    if real is not None:
        request.alias = request.parsed.model
        _ask_for(request, real)
    return request


def ignored_header(request: Sanitised) -> tuple[bytes, bytes] | None:
    """The header that names what was left out of a request; None: nothing was. Some of the names
    are the client's own words."""
    if not request.ignored:
        return None
    names = [_UNTOLD.sub("?", name)[:_LONGEST] for name in dict.fromkeys(request.ignored)]
    more = len(names) - _MOST_NAMES
    shown = names[:_MOST_NAMES] + ([f"and {more} more"] if more > 0 else [])
    return b"x-localllm-ignored", ", ".join(shown).encode()


def _ask_for(request: Sanitised, spelling: str) -> None:
    request.parsed.model = spelling
    request.model = model_names.requested_name(spelling)
    request.cloud = model_names.is_cloud(spelling)
