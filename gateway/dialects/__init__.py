"""The languages that clients speak: a folder for each family, in it a file for each dialect.

Nothing lists them: what a module of this package, however deep, has of these names is found.
`FAMILY`    what the clients of one API expect: a `family.Family`
`DIALECTS`  routes that ask the model: a tuple of `protocol.Dialect`
`COUNTERS`  routes that say how many tokens a request has, and do not ask it
`ABSENT`    paths that such clients know and that are not here, each with the reason
"""

import importlib
import pkgutil
from functools import cache
from types import ModuleType

import msgspec

from gateway.core.errors import Refusal
from gateway.dialects.family import Family
from gateway.dialects.protocol import Dialect


@cache
def _modules() -> tuple[ModuleType, ...]:
    """All of this package, in the order of their names."""
    found = pkgutil.walk_packages(__path__, f"{__name__}.")
    return tuple(importlib.import_module(module.name) for module in found)


@cache
def all_families() -> tuple[Family, ...]:
    """In the order of their names."""
    found = {module.FAMILY for module in _modules() if hasattr(module, "FAMILY")}
    return tuple(sorted(found, key=lambda family: family.name))


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """In the order of their files."""
    return tuple(one for module in _modules() for one in getattr(module, "DIALECTS", ()))


@cache
def all_counters() -> tuple[Dialect, ...]:
    """Routes that estimate: dialects with a `count`."""
    return tuple(one for module in _modules() for one in getattr(module, "COUNTERS", ()))


@cache
def all_absent() -> dict[str, str]:
    """Paths that clients of these languages know and that are not here, and why."""
    return {
        path: why for module in _modules() for path, why in getattr(module, "ABSENT", {}).items()
    }


@cache
def _prefixes() -> tuple[tuple[str, Family], ...]:
    """Which family a path belongs to: the first whose prefix it has, the longest first."""
    pairs = [(prefix, family) for family in all_families() for prefix in family.prefixes]
    return tuple(sorted(pairs, key=lambda pair: len(pair[0]), reverse=True))


def family_of(path: str) -> Family:
    """The family whose clients call that path."""
    for prefix, family in _prefixes():
        if path.startswith(prefix):
            return family
    raise LookupError(path)  # none has the empty prefix


def error_body(path: str, refusal: Refusal, request_id: str) -> bytes:
    """A refusal as the clients of that path expect it: JSON."""
    # What it tells of the request may hold half a surrogate pair, which no JSON can carry.
    family = family_of(path)
    tellable = msgspec.structs.replace(
        refusal,
        words=refusal.words or family.words.get(refusal.reason, ""),
        detail=_unicode(refusal.detail),
        model=_unicode(refusal.model),
        param=_unicode(refusal.param) if refusal.param else None,
    )
    return msgspec.json.encode(family.make_error(tellable, request_id))


def _unicode(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
