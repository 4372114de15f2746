from tests.support.fixtures import (
    client,
    dsn,
    gateway,
    home,
    key,
    localllm,
    shared_dsn,
    shared_upstream,
    unharmed,
    upstream,
)

__all__ = [
    "client",
    "dsn",
    "gateway",
    "home",
    "key",
    "localllm",
    "shared_dsn",
    "shared_upstream",
    "unharmed",
    "upstream",
]
