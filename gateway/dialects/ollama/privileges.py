"""What of Ollama's own API changes the machine for everybody, or goes round the model's template:
the scope `ollama:native` is for it."""

from msgspec import Meta, Struct

from gateway.dialects.protocol import Privilege

SCOPE = "ollama:native"
NEEDS_SCOPE = Meta(description=f"Needs the scope `{SCOPE}`.")
_RENDERED = "_debug_render_only"
_LOADS = "loads the model anew, or keeps or drops it, for everybody who uses this server"
_FORGES = "goes round the model's own template"

# What needs it, with the value that says nothing, and why.
KEPT_BACK: dict[str, tuple[object, str]] = {
    "keep_alive": (None, _LOADS),
    "shift": (None, _LOADS),  # llama-server is started with it
    "raw": (False, _FORGES),
    "template": ("", _FORGES),
    "context": ([], _FORGES),
    _RENDERED: (False, "shows the model's own prompt"),
}
KEPT_BACK_OPTIONS = (
    *("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "numa", "use_mmap"),
    *("use_mlock", "low_vram", "f16_kv", "logits_all", "vocab_only", "embedding_only"),
    "draft_num_predict",
)
# Of a request with nothing to read Ollama loads the model, or drops it.
_EMPTY = "is empty, which loads or drops the model for everybody who uses this server"


def silence(request: Struct) -> None:
    """Leave out what says nothing."""
    for name, (silent, _) in KEPT_BACK.items():
        attribute = name.removeprefix("_")
        if silent is not None and getattr(request, attribute, None) == silent:
            setattr(request, attribute, None)


def privilege(request: Struct, empty: str | None) -> Privilege | None:
    """What of a silenced request needs the scope, if anything. `empty`: the field that should hold
    what the model is to read, and holds nothing."""
    if empty:
        return Privilege(SCOPE, empty, _EMPTY)
    for name, (_, why) in KEPT_BACK.items():
        if getattr(request, name.removeprefix("_"), None) is not None:
            return Privilege(SCOPE, name, why)
    options = getattr(request, "options", None)
    for name in KEPT_BACK_OPTIONS:
        if getattr(options, name, None) is not None:
            return Privilege(SCOPE, f"options.{name}", _LOADS)
    return None
