"""Other names for models, so that a website made for another service works unchanged.

`MODEL_ALIASES=gpt-4o-mini=qwen2.5:7b`: who asks for the first gets the second. `aliases` is that
setting, with canonical names as its keys.
"""

from collections.abc import Mapping

from gateway.core import model_names


def real_name(aliases: Mapping[str, str], spelling: str) -> str:
    """The model that an alias stands for, or the spelling itself."""
    try:
        return aliases.get(model_names.canonical_name(spelling), spelling)
    except ValueError:
        return spelling


def aliases_of(aliases: Mapping[str, str], model: str) -> list[str]:
    """The other names of an installed model, as they are listed beside it. ValueError: the model
    has no name that can be one."""
    name = model_names.requested_name(model)
    return [
        alias.removesuffix(":latest")
        for alias, real in aliases.items()
        if model_names.requested_name(real) == name
    ]
