"""Ollama's answers about its models, without what callers should not see: the Modelfile, prompts
and templates, licences and file paths. Only the fields that are named here are passed on."""

from typing import Any, cast

from msgspec import UNSET, Struct, UnsetType

# The keys of `model_info` whose texts are passed on. Under any other key, a GGUF file may have any
# text: prompts, a template, a licence, the model's origin.
_TEXTS = {
    *(f"general.{key}" for key in ("architecture", "basename", "size_label", "type")),
    *("tokenizer.ggml.model", "tokenizer.ggml.pre"),
}
_LONGEST = 64  # characters of such a text; a licence or a template has more


class ModelDetails(Struct):
    format: str | UnsetType = UNSET
    family: str | UnsetType = UNSET
    families: list[str] | UnsetType | None = UNSET
    parameter_size: str | UnsetType = UNSET
    quantization_level: str | UnsetType = UNSET
    context_length: int | UnsetType = UNSET
    embedding_length: int | UnsetType = UNSET


class InstalledModel(Struct):
    """Models in memory have `expires_at`, `size_vram` and `context_length`; models in Ollama's
    cloud have `remote_…`."""

    name: str
    model: str | UnsetType = UNSET
    modified_at: str | UnsetType = UNSET
    size: int | UnsetType = UNSET
    digest: str | UnsetType = UNSET
    details: ModelDetails | UnsetType = UNSET
    capabilities: list[str] | UnsetType | None = UNSET
    expires_at: str | UnsetType = UNSET
    size_vram: int | UnsetType = UNSET
    context_length: int | UnsetType = UNSET
    remote_model: str | UnsetType = UNSET
    remote_host: str | UnsetType = UNSET


class InstalledModels(Struct):
    """The models that this key can use."""

    models: list[InstalledModel]


class ShowRequest(Struct):
    """Older clients send `name` instead of `model`; without either the default model is meant."""

    model: str | None = None
    name: str | None = None


class Tensor(Struct):
    name: str
    type: str
    shape: list[int]


class ShownModel(Struct):
    """One model, without its Modelfile, prompts, template, licence and paths."""

    details: ModelDetails
    model_info: dict[str, Any]
    parameters: str | UnsetType = UNSET
    projector_info: dict[str, Any] | UnsetType = UNSET
    tensors: list[Tensor] | UnsetType | None = UNSET
    capabilities: list[str] | UnsetType | None = UNSET
    modified_at: str | UnsetType = UNSET
    remote_model: str | UnsetType = UNSET
    remote_host: str | UnsetType = UNSET

    def cleared(self) -> "ShownModel":
        """Itself, with nothing but numbers and a few names in its metadata."""
        self.model_info = _named(self.model_info)
        if self.projector_info is not UNSET:
            self.projector_info = _named(self.projector_info)
        return self


class OllamaVersion(Struct):
    version: str


def _named(info: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in info.items() if _is_plain(key, value)}


def _is_plain(key: str, value: object) -> bool:
    if isinstance(value, list):
        return all(_is_plain("", item) for item in cast(list[object], value))
    if isinstance(value, str):
        named = key in _TEXTS and len(value) <= _LONGEST
        return named and "/" not in value and "\\" not in value
    return not isinstance(value, dict)
