"""What one check has found."""

from typing import NamedTuple


class Finding(NamedTuple):
    """`state` is ok, warn or fail; `text` says what to do where it is not ok.

    The name of a check stays the same from version to version: programs read it.
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
