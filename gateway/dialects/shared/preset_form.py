"""How a dialect asks for a model through a preset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import Refusal
from gateway.dialects.shared.preset import Chosen, Preset

# Which preset the JSON of a request names; None: none.
Find = Callable[[dict[str, Any]], Chosen | Refusal | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PresetForm:
    """How a dialect asks for a model through a preset."""

    # Refuses and leaves out of the JSON what a preset does not take, and names what it left out.
    # Returns the message that its variables make, if `place` has to put it in. May raise `Refused`.
    admit: Callable[[dict[str, Any], Preset, list[str]], str | None]
    # Puts that message, the prompt and the parameters into the struct that was read. Returns it, or
    # another one.
    place: Callable[[Any, Preset, str | None], Any]
    measure: Callable[[Any], Any] | None = None  # as a dialect's, of another struct
    takes_variables: bool = False  # in the field `prompt`, which may name the preset as well


def no_presets(request: dict[str, Any]) -> None:
    """Implements `Find`."""
