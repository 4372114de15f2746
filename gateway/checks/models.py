"""The model servers: whether they answer, which models they have, and where those run."""

from typing import TYPE_CHECKING

from gateway.checks.finding import Finding, ok, warn
from gateway.checks.parallel import parallel
from gateway.config.settings import Settings

if TYPE_CHECKING:
    from gateway.backends.probe import Found


async def model_servers(loaded: Settings) -> list[Finding]:
    """One finding for each machine, one about what they run at once, and one about Ollama's cloud.
    It is enough if one machine has the default model."""
    from gateway.backends.probe import choose, look_at_all

    urls, default = loaded.ollama_base_url, loaded.ollama_default_model
    found = await look_at_all(urls)
    missing = bool(found) and choose(found, default)[1] != default
    names = [f"ollama-{number}" for number in range(1, len(urls) + 1)] if urls[1:] else ["ollama"]
    machines = [
        _model_server(name, url, found.get(url), default, missing=missing, demo=not found)
        for name, url in zip(names, urls, strict=True)
    ]
    at_once = await parallel(loaded, found)
    return [*machines, at_once, cloud(found, allowed=loaded.allow_cloud_models)]


def _model_server(
    name: str, url: str, found: "Found | None", default: str, *, missing: bool, demo: bool
) -> Finding:
    if found is None:
        text = f"nothing answers at {url}; start Ollama (`ollama serve`) or set OLLAMA_BASE_URL."
        return warn(name, text + " Until then, `up` uses its demo model." * demo)
    if not found.version:
        return _other_server(name, url, found, missing=missing)
    if not found.models:
        return warn(name, f"{url} has no model; run: ollama pull {default}")
    text = f"{found.version} at {url}, {len(found.models)} models"
    if missing:
        return warn(name, f"{text}, but not the default model; run: ollama pull {default}")
    return ok(name, text + _in_memory(found))


def _other_server(name: str, url: str, found: "Found", *, missing: bool) -> Finding:
    """One that is no Ollama: its owner starts it with a model, and cannot pull another."""
    if not found.models:
        text = f"{url} answers, but not as Ollama, and lists no model at /v1/models."
        return warn(name, text + " Is OLLAMA_BASE_URL right?")
    text = f"a server that is no Ollama at {url}, with {', '.join(found.models[:3])}"
    text += f" and {len(found.models) - 3} more" if found.models[3:] else ""
    if missing:
        return warn(name, f"{text}; set OLLAMA_DEFAULT_MODEL={found.models[0]}")
    return ok(name, text)


def _in_memory(found: "Found") -> str:
    """What is loaded, with which context, and on what it runs."""
    each = [
        f"{model} (context {one.context_length or 'not told'}, {one.processor or 'not told where'})"
        for model, one in found.loaded.items()
    ]
    return f"; in memory: {', '.join(each)}" if each else ""


def cloud(found: "dict[str, Found]", *, allowed: bool) -> Finding:
    """Whether prompts can leave the machine. The gateway refuses cloud models, and Ollama can
    too."""
    if allowed:
        return warn(
            "cloud",
            "ALLOW_CLOUD_MODELS is true: prompts for cloud models leave this machine. "
            "Remove the setting if you do not want that.",
        )
    models = sorted({name for one in found.values() for name in one.cloud})
    if models:
        named = ", ".join(models[:3]) + (f" and {len(models) - 3} more" if models[3:] else "")
        return warn(
            "cloud",
            f"Ollama has models that run in its cloud ({named}); the gateway refuses them. "
            "Remove them with `ollama rm`, or start Ollama with OLLAMA_NO_CLOUD=1.",
        )
    if open_ := [url for url, one in found.items() if one.cloud_is_on]:
        return warn(
            "cloud",
            f"the gateway refuses cloud models, but Ollama at {' and '.join(open_)} accepts them. "
            "Start it with OLLAMA_NO_CLOUD=1 to refuse them there too.",
        )
    return ok("cloud", "no model runs in the cloud" if found else "cloud models are refused")
