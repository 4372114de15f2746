"""Which peers are measured, and in which version. This is the only place that names versions."""

from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a registry. `installer`: pip, npm or go."""

    name: str
    installer: str
    package: str
    version: str
    extra: str = ""  # of a package for pip
    others: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    left_out: str = ""  # why it can be measured nowhere


PINNED = (
    # The newest whose extra `proxy` is on PyPI: that of 1.110 needs a package that is not.
    Pin("litellm", "pip", "litellm", "1.106.12", extra="proxy"),
    # With a newer server of Hono's, each of its streams is a 500: their headers can't be changed.
    Pin(
        "portkey",
        "npm",
        "@portkey-ai/gateway",
        "1.15.2",
        others=MappingProxyType({"@hono/node-server": "1.13.8"}),
    ),
    Pin("olla", "go", "github.com/thushan/olla", "v0.0.28"),
    Pin(
        "bifrost",
        "npm",
        "@maximhq/bifrost",
        "1.6.3",
        left_out="its package only downloads the program, from a place that is not a registry",
    ),
)
