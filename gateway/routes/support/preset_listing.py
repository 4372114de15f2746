"""Presets in the lists of models: by name, and with nothing of what is behind it but whether the
key may use it."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from gateway.backends.ollama_shapes import InstalledModel, ModelDetails, ShownModel
from gateway.core import alias_names, model_names
from gateway.dialects.shared.preset import Preset
from gateway.services import Services
from gateway.stores import Identity, StoreUnavailable

_DETAILS = ModelDetails(format="preset", family="preset", families=["preset"])


async def usable_presets(services: Services, identity: Identity) -> list[Preset]:
    """Those that the key may use; none while nobody knows them."""
    try:
        known = await services.presets.read()
    except StoreUnavailable:
        return []
    allowed = identity.allowed_models
    return [known[name] for name in sorted(known) if model_names.is_allowed(name, allowed)]


async def preset_called(services: Services, identity: Identity, spelling: str) -> Preset | None:
    """The usable preset of that name."""
    real = alias_names.real_name(services.settings.model_aliases, spelling)
    name = real.strip().lower()
    if not name.startswith(model_names.PRESET):
        return None
    usable = await usable_presets(services, identity)
    return next((one for one in usable if one.called == name), None)


def as_openai(preset: Preset) -> dict[str, Any]:
    created = int(datetime.fromisoformat(preset.created_at).timestamp())
    return {"id": preset.called, "object": "model", "created": created, "owned_by": "localllm"}


def as_ollama(preset: Preset) -> InstalledModel:
    return InstalledModel(
        name=preset.called,
        model=preset.called,
        modified_at=preset.updated_at,
        size=0,
        digest=sha256(preset.revision.encode()).hexdigest(),
        details=_DETAILS,
    )


def as_shown(preset: Preset) -> ShownModel:
    return ShownModel(
        details=_DETAILS,
        model_info={"general.architecture": "preset"},
        capabilities=["completion"],
        modified_at=preset.updated_at,
    )
