"""The options of `localllm keys create` and `update`, and what they become in the HTTP API."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from gateway.commands.visitors_option import HELP, Visitors

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType[int]):
    """`90`, `90s`, `15m`, `24h` or `7d`, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,9})\s*([smhd]?)", str(value).strip().lower(), re.ASCII)
        if not found:
            self.fail(f"{value!r} should be a duration such as 0, 30m, 24h or 7d.", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class Cap(click.ParamType[int | str]):
    """A number of tokens, or `none`. Both `none` and an empty text become null."""

    name = "tokens"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        return "" if str(value) in {"", "none"} else click.INT.convert(value, param, ctx)


def key_options(command: Command) -> Command:
    """The options of both `create` and `update`, named as in the HTTP API."""
    for decorate in reversed(
        [
            click.option("--owner-email", "--email", metavar="EMAIL", help="Who uses it."),
            click.option(
                "--rate-limit-per-min", "--rate-limit", type=int, help="Requests per minute."
            ),
            click.option(
                "--monthly-token-limit", "--token-limit", type=int, help="Tokens per month."
            ),
            click.option(
                "--max-output-tokens",
                type=Cap(),
                metavar="TOKENS",
                help="Most tokens in one answer. `none`: only the server's own limit applies.",
            ),
            click.option(
                "--allowed-models",
                "--model",
                multiple=True,
                metavar="NAME",
                help="Models it may use: a name, or a pattern such as 'qwen2.5:*'. Repeat it, or "
                "separate them with commas. `all`: every model.",
            ),
            click.option(
                "--allowed-origins",
                "--origin",
                multiple=True,
                metavar="URL",
                help="Website whose pages may use it. Can be repeated. `all`: every website.",
            ),
            click.option(
                "--scopes",
                "--scope",
                multiple=True,
                metavar="NAME",
                help="What it may do. Default: chat, embeddings and models:read. models:pull: "
                "install models. ollama:native: options that change Ollama for everybody.",
            ),
            click.option(
                "--expires-at",
                "--expires",
                metavar="TIME",
                help="When it expires, such as 2030-01-31 or 2030-01-31T12:00Z, or `never`.",
            ),
            click.option("--visitors", type=Visitors(), metavar="WORDS", help=HELP),
        ]
    ):
        command = decorate(command)
    return command


def changes(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; `all`, `never` and an empty text become null."""
    changes: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        if isinstance(value, tuple):
            changes[name] = _list(value)  # type: ignore[arg-type]  # click gives tuples of text
        else:
            changes[name] = None if value in ("", "never", {}) else value
    return changes


def _list(values: Sequence[str]) -> list[str] | None:
    items = [item.strip() for value in values for item in value.split(",") if item.strip()]
    return None if "all" in items or not items else items
