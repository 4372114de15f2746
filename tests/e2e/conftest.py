from tests.support.fixtures import (
    client,
    dsn,
    forgetful_upstream,
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
    "forgetful_upstream",
    "gateway",
    "home",
    "key",
    "localllm",
    "shared_dsn",
    "shared_upstream",
    "unharmed",
    "upstream",
]
