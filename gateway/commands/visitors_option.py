"""`--visitors` of `localllm keys create` and `update`: the visitors of a key in a few words."""

import json
from typing import Any, cast

import click

# Where no limit is named: some 20 short questions a day of each visitor, and no more than a person
# types.
DEFAULT = {"tokens_per_day": 20_000, "requests_per_min": 6}
_KINDS = ("address", "token", "issuer")
_TEXTS = {"issuer", "audience"}
HELP = (
    "Limits for each visitor of a website: `address` (by where they are), `token` (your server "
    "makes one for each) or `issuer` (they have logged in), and limits such as "
    "tokens_per_day=20000, with spaces or commas between. `none`: no visitors."
)


class Visitors(click.ParamType[dict[str, Any]]):
    """`address tokens_per_day=2000`, JSON as the HTTP API has it, or `none`."""

    name = "visitors"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        if isinstance(value, dict):
            return cast(dict[str, Any], value)
        text = str(value).strip()
        if text in {"", "none"}:
            return {}
        if text.startswith("{"):
            try:
                return json.loads(text)
            except ValueError:
                self.fail("this is not JSON.", param, ctx)
        visitors: dict[str, Any] = {"by": []}
        for word in text.replace(",", " ").split():
            name, named, given = word.partition("=")
            if not named and name in _KINDS:
                visitors["by"].append(name)
            elif named and given:
                _put(visitors, name, given if name in _TEXTS else _value(given))
            else:
                self.fail(
                    f"{word!r} should be one of {', '.join(_KINDS)}, or a limit such as "
                    "tokens_per_day=20000.",
                    param,
                    ctx,
                )
        if not visitors.keys() & DEFAULT.keys():
            visitors |= DEFAULT
        return visitors


def _put(visitors: dict[str, Any], name: str, value: object) -> None:
    """`plans.pro.tokens_per_day` lies in `plans`, in `pro`."""
    *places, last = name.split(".")
    for place in places:
        visitors = visitors.setdefault(place, {})
    visitors[last] = value


def _value(text: str) -> int | bool | str:
    """The store says what is wrong with anything else."""
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isascii() and text.isdigit() else text
