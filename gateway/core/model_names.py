"""Model names as Ollama reads them: one model has many spellings, so names are made canonical
before they are compared.

Ollama trims names, ignores case, and fills in registry, namespace and tag. A final `:local`,
`:cloud` or `…-cloud` says where the model runs (docs/ollama.md, traps 2 and 3).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_REGISTRY = "registry.ollama.ai"
_NAMESPACE = "library"
_HOST = re.compile(r"[a-z0-9_][a-z0-9_.:-]{0,349}", re.ASCII)
_NAMESPACE_SHAPE = re.compile(r"[a-z0-9_][a-z0-9_-]{0,79}", re.ASCII)
_PART = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,79}", re.ASCII)
_FOREIGN = re.compile(r"[!-~]([ -~]{0,198}[!-~])?", re.ASCII)
_LONGEST = 200  # characters of a name
PRESET = "@preset/"  # how the name of a preset begins, which only this gateway knows
_PRESET_ENTRY = re.compile(r"@preset/[a-z0-9*][a-z0-9_.*-]{0,63}", re.ASCII)
_PATTERN = re.compile(r"[a-z0-9_*][a-z0-9_.:/*-]{0,199}", re.ASCII)


def _source(name: str) -> tuple[str, str]:
    """The name without its last suffix, and where that says the model runs: local, cloud or ""."""
    base, colon, suffix = name.strip().rpartition(":")
    suffix = suffix.strip().lower()
    if colon and suffix in {"local", "cloud"}:
        return base, suffix
    if colon and suffix.endswith("-cloud") and "/" not in suffix:
        return f"{base}:{suffix.removesuffix('-cloud')}", "cloud"
    return name, ""


def is_cloud(name: str) -> bool:
    """Whether this spelling alone makes Ollama forward the request to its cloud."""
    return _source(name)[1] == "cloud"


def canonical_name(name: str) -> str:
    """The canonical spelling: `Library/X` → `x:latest`. ValueError: it cannot be a model's name."""
    return _canonical(name) if len(name) <= _LONGEST else _read_canonical(name)


def _read_canonical(name: str) -> str:
    text = name.strip().lower()
    base, source = _source(text)
    if source and _source(base)[1]:
        raise ValueError(f"'{name[:80]}' says twice where the model runs")
    if source == "local":
        text = base
    text = text.partition("://")[2] or text
    head, slash, last = text.rpartition("/")
    model, colon, tag = last.partition(":")
    tag = tag if colon else "latest"
    host, _, namespace = head.rpartition("/") if slash else ("", "", _NAMESPACE)
    host = host or _REGISTRY
    valid = (
        _HOST.fullmatch(host)
        and _NAMESPACE_SHAPE.fullmatch(namespace)
        and _PART.fullmatch(model)
        and _PART.fullmatch(tag.removesuffix(":cloud"))
    )
    if not valid or len(text) > _LONGEST:
        raise ValueError(f"'{name[:80]}' is not a model name")
    short = f"{model}:{tag}"
    if host != _REGISTRY:
        return f"{host}/{namespace}/{short}"
    return short if namespace == _NAMESPACE else f"{namespace}/{short}"


_canonical = lru_cache(maxsize=1024)(_read_canonical)  # each request names one, and few are named


def requested_name(name: str) -> str:
    """The same for a name that a request may have. Servers that are no Ollama list paths of files
    and more: what cannot be one of Ollama's names stands for itself. ValueError: a cloud's name, or
    no name at all."""
    try:
        return canonical_name(name)
    except ValueError:
        text = name.strip().lower()
        if _FOREIGN.fullmatch(text) and ".." not in text and not _source(text)[1]:
            return text
        raise


def is_foreign(canonical: str) -> bool:
    """Whether only a server that is no Ollama can have it."""
    try:
        return canonical_name(canonical) != canonical
    except ValueError:
        return True


def canonical_entry(entry: str) -> str:
    """The canonical spelling of an entry of `allowed_models`: a name, or a pattern with `*`. A
    pattern is compared with whole names, so nothing is filled in. Raises ValueError for neither."""
    preset = re.sub(r"\*+", "*", entry.strip().lower())
    if preset.startswith(PRESET):
        if not _PRESET_ENTRY.fullmatch(preset):
            raise ValueError(f"'{entry[:80]}' is not the name of a preset")
        return preset
    if "*" not in entry:
        return canonical_name(entry)
    text = re.sub(r"\*+", "*", entry.strip().lower())
    bare = text.partition("://")[2] or text
    short = bare.removeprefix(f"{_REGISTRY}/").removeprefix(f"{_NAMESPACE}/")
    widened = short != text and short.startswith("*")  # library/*, https://* would be every model
    if widened or not _PATTERN.fullmatch(short):
        raise ValueError(f"'{entry[:80]}' is not a model name")
    return short


def is_allowed(name: str, entries: Sequence[str] | None) -> bool:
    """Whether a key with these `allowed_models` may use the model, all in canonical form. None
    allows every model, an empty list none. The SQL function `gateway.model_allowed` is its twin."""
    return entries is None or any(_matches(name, entry) for entry in entries)


def _matches(name: str, entry: str) -> bool:
    """`*` in the entry matches any run of characters. Linear in the length of the name."""
    first, *middle = entry.split("*")
    if not middle:
        return name == entry
    last = middle.pop()
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def upstream_name(name: str, canonical: str) -> str:
    """The name to send: the client's spelling where it is plain, because Ollama echoes it."""
    text = name.strip()
    return text if canonical in {text, f"{text}:latest"} else canonical
