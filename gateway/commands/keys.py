"""`localllm keys`: make, show, change, rotate and revoke API keys."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.commands.output import (
    accepted,
    bar,
    json_option,
    moment,
    number,
    print_json,
    print_table,
)
from gateway.commands.running import with_store

if TYPE_CHECKING:
    from gateway.stores import Store

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
            self.fail(f"{value!r} should be a time such as 0, 30m, 24h or 7d.", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class Cap(click.ParamType[int | str]):
    """A number of tokens, or `none`, which becomes null as an empty text does."""

    name = "tokens"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        return "" if str(value) in {"", "none"} else click.INT.convert(value, param, ctx)


@click.group()
def keys() -> None:
    """Make, show, change, rotate and revoke API keys."""


def _key_options(command: Command) -> Command:
    """The options that `create` and `update` share, named as in the HTTP API."""
    for decorate in reversed(
        [
            click.option("--owner-email", "--email", metavar="E-MAIL", help="Who has it."),
            click.option("--rate-limit-per-min", "--rate-limit", type=int, help="Calls a minute."),
            click.option(
                "--monthly-token-limit", "--token-limit", type=int, help="Tokens a month."
            ),
            click.option(
                "--max-output-tokens",
                type=Cap(),
                metavar="TOKENS",
                help="Tokens of one answer. `none`: no cap but the server's own.",
            ),
            click.option(
                "--allowed-models",
                "--model",
                multiple=True,
                metavar="NAME",
                help="A model it may use, or several, such as 'qwen2.5:*'; repeat it, or separate "
                "by commas. `all`: every model.",
            ),
            click.option(
                "--allowed-origins",
                "--origin",
                multiple=True,
                metavar="URL",
                help="A website whose pages may use it; repeat it. `all`: every website.",
            ),
            click.option(
                "--scopes",
                "--scope",
                multiple=True,
                metavar="NAME",
                help="What it may do: chat, embeddings and models:read, unless others are named. "
                "models:pull: install models. ollama:native: what changes Ollama for everybody.",
            ),
            click.option(
                "--expires-at",
                "--expires",
                metavar="TIME",
                help="When it ends, such as 2030-01-31 or 2030-01-31T12:00Z. `never`: does not.",
            ),
        ]
    ):
        command = decorate(command)
    return command


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """What was named on the command line; `all`, `never` and an empty text become null."""
    changes: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        if isinstance(value, tuple):
            changes[name] = _list(value)  # type: ignore[arg-type]  # click gives tuples of text
        else:
            changes[name] = None if value in ("", "never") else value
    return changes


def _list(values: Sequence[str]) -> list[str] | None:
    items = [item.strip() for value in values for item in value.split(",") if item.strip()]
    return None if "all" in items or not items else items


@keys.command()
@click.argument("label", required=False)
@click.option("--label", "named_label", metavar="TEXT", help="What the key is for.")
@_key_options
@click.option("--key-only", is_flag=True, help="Print nothing but the key, for a script.")
@json_option
def create(
    label: str | None, named_label: str | None, key_only: bool, as_json: bool, **options: Any
) -> None:
    """Make a key for LABEL and show it, once."""
    from gateway.admin import keys

    text = label if label is not None else named_label
    if text is None or (label is not None and named_label is not None):
        raise click.UsageError("Give the key one label: localllm keys create 'my website'")
    if key_only and as_json:
        raise click.UsageError("--key-only and --json exclude each other.")
    request = keys.CreateKey(label=text, **_changes(options))
    made = accepted(with_store(lambda store, settings: keys.create_key(store, settings, request)))
    if key_only:
        click.echo(made["key"])
    else:
        _show_new(made, as_json)


@keys.command("list")
@json_option
def show(as_json: bool) -> None:
    """Show every key, its limits and what it used this month."""
    rows = with_store(lambda store, _: all_keys(store))
    if as_json:
        print_json({"data": rows, "next": None})
    elif not rows:
        click.echo("There is no key yet. Make one: localllm keys create 'my website'")
    else:
        print_table(
            [
                "label",
                "key",
                "id",
                "state",
                ">a minute",
                "this month",
                ">used",
                ">limit",
                "expires",
            ],
            [_row(row) for row in rows],
        )


@keys.command()
@click.argument("key_id")
@click.option("--label", metavar="TEXT", help="What the key is for.")
@_key_options
@json_option
def update(key_id: str, as_json: bool, **options: Any) -> None:
    """Change a key; it holds from its next call on."""
    from gateway.admin import keys

    request = keys.UpdateKey(**_changes(options))
    changed = accepted(with_store(lambda store, _: keys.update_key(store, key_id, request)))
    if as_json:
        print_json(changed)
    else:
        click.echo(f"Changed {changed['label']!r} ({changed['id']}).")


@keys.command()
@click.argument("key_id")
@click.option(
    "--grace",
    type=Duration(),
    default="24h",
    show_default=True,
    metavar="TIME",
    help="How long the old key goes on, such as 0, 30m or 7d.",
)
@json_option
def rotate(key_id: str, grace: int, as_json: bool) -> None:
    """Put a new key in place of the old one and show it, once."""
    from gateway.admin import keys

    rotated = with_store(lambda store, settings: keys.rotate_key(store, settings, key_id, grace))
    _show_new(accepted(rotated), as_json)


@keys.command()
@click.argument("key_id")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """Refuse a key from now on; what it used stays in the books."""
    from gateway.admin import keys

    revoked = accepted(with_store(lambda store, _: keys.revoke_key(store, key_id)))
    if as_json:
        print_json(revoked)
    else:
        click.echo(f"Revoked {revoked['label']!r} ({revoked['id']}).")


async def all_keys(store: "Store") -> list[dict[str, Any]]:
    """The keys of every page."""
    from gateway.admin import keys

    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = accepted(await keys.list_keys(store, cursor, limit=500))
        rows += page["data"]
        cursor = page["next"]
        if cursor is None:
            return rows


def _show_new(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    click.echo(f"Key for {made['label']!r} ({made['id']}):\n\n  {made['key']}\n")
    click.echo(made["message"])


def _row(row: dict[str, Any]) -> list[str]:
    used, limit = row["tokens_used_month"], row["monthly_token_limit"]
    return [
        row["label"],
        f"{row['prefix']}…",
        row["id"],
        _state(row),
        number(row["rate_limit_per_min"]),
        bar(used, limit),
        number(used),
        number(limit),
        moment(row.get("expires_at")),
    ]


def _state(row: dict[str, Any]) -> str:
    from datetime import UTC, datetime

    if row.get("revoked_at") or not row["is_active"]:
        return "revoked"
    expiry = row.get("expires_at")
    return "expired" if expiry and datetime.fromisoformat(expiry) <= datetime.now(UTC) else "active"
