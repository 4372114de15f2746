"""The result of one check."""

from typing import NamedTuple


class Finding(NamedTuple):
    """`state` is ok, warn or fail. If it is not ok, `text` says what to do.

    The name of a check does not change between versions, because programs read it.
    """

    check: str
    state: str
    text: str


def ok(check: str, text: str) -> Finding:
    return Finding(check, "ok", text)


def warn(check: str, text: str) -> Finding:
    return Finding(check, "warn", text)


def fail(check: str, text: str) -> Finding:
    return Finding(check, "fail", text)
