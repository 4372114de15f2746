"""Which preset a request names: with `model`, by an alias, or in OpenAI's `prompt`."""

from collections.abc import Mapping
from typing import Any, cast

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect
from gateway.dialects.shared.preset import Chosen, Preset


class PresetLookup:
    """Implements `Find`. `presets`: by the names that callers use; None: they have to be read, and
    `wanted` says so once one is asked for."""

    def __init__(
        self,
        dialect: Dialect,
        aliases: Mapping[str, str],
        presets: Mapping[str, Preset] | None,
    ) -> None:
        self._dialect = dialect
        self._aliases = aliases
        self._presets = presets
        self.wanted = False

    def __call__(self, request: dict[str, Any]) -> Chosen | Refusal | None:
        spelling: Any = request.get("model") or ""
        if not isinstance(spelling, str):
            return None  # the shape of the request refuses it
        if not self._aliases and "prompt" not in request and "@" not in spelling:
            return None  # nearly each request
        name = self._name(spelling)
        form = self._dialect.presets
        takes = form is not None and form.takes_variables
        prompt: Any = request.get("prompt") if takes else None
        asked: Any = cast(dict[str, Any], prompt).get("id") if isinstance(prompt, dict) else None
        if isinstance(asked, str) and self._name(asked):
            if spelling.strip() and name != self._name(asked):
                text = "'model' and 'prompt.id' name different things: leave 'model' out."
                return Refusal("invalid_request", text, param="prompt.id", model=self._name(asked))
            spelling, name = spelling if spelling.strip() else asked, self._name(asked)
        if not name:
            return None
        if self._presets is None:
            self.wanted = True
            return Refusal("store_unavailable")
        preset = self._presets.get(name)
        if preset is None:
            return Refusal("unknown_model", model=name, param="model")
        return Chosen(preset, spelling.strip())

    def _name(self, spelling: str) -> str:
        """The name of a preset that it stands for; "": none."""
        try:
            name = model_names.requested_name(spelling)
            name = model_names.requested_name(self._aliases.get(name, name))
        except ValueError:
            return ""
        return name if name.startswith(model_names.PRESET) else ""
