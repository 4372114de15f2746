"""Texts that Postgres keeps: no zero characters, no halves of surrogate pairs."""

from typing import Any, cast

UNKEEPABLE = "should hold no zero characters and no halves of surrogate pairs"


def is_keepable(value: Any) -> bool:
    """Whether all texts in a JSON value are."""
    if isinstance(value, str):
        return not any(one == "\0" or "\ud800" <= one <= "\udfff" for one in value)
    if isinstance(value, dict):
        members = cast(dict[str, Any], value).items()
        return all(is_keepable(key) and is_keepable(one) for key, one in members)
    return not isinstance(value, list) or all(map(is_keepable, cast(list[Any], value)))
