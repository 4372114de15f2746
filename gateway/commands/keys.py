"""`localllm keys`: create, list, update, rotate and revoke API keys."""

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

# Claude Code takes some 45,000 tokens a turn: this is 500 turns on each of 22 working days. An
# agent asks for one thing after the other, with a few short requests beside each.
AGENT: dict[str, Any] = {"rate_limit_per_min": 120, "monthly_token_limit": 500_000_000}
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


@click.group()
def keys() -> None:
    """Create, list, update, rotate and revoke API keys."""


def _key_options(command: Command) -> Command:
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
        ]
    ):
        command = decorate(command)
    return command


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; `all`, `never` and an empty text become null."""
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
@click.option(
    "--agent",
    is_flag=True,
    help="Limits that a month of work with a coding agent needs, where no others are given: "
    f"{AGENT['rate_limit_per_min']} requests per minute, "
    f"{AGENT['monthly_token_limit'] // 10**6} million tokens per month.",
)
@click.option("--key-only", is_flag=True, help="Print only the key, for scripts.")
@json_option
def create(
    label: str | None,
    named_label: str | None,
    agent: bool,
    key_only: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Create a key for LABEL and show it once."""
    from gateway.admin import keys

    text = label if label is not None else named_label
    if text is None or (label is not None and named_label is not None):
        raise click.UsageError("Give the key one label: localllm keys create 'my website'")
    if key_only and as_json:
        raise click.UsageError("Use either --key-only or --json, not both.")
    wishes = (AGENT if agent else {}) | _changes(options)
    request = keys.CreateKey(label=text, **wishes)
    made = accepted(with_store(lambda store, settings: keys.create_key(store, settings, request)))
    if key_only:
        click.echo(made["key"])
    else:
        _show_new(made, as_json)


@keys.command("list")
@json_option
def show(as_json: bool) -> None:
    """Show all keys, with their limits and usage this month."""
    rows = with_store(lambda store, _: all_keys(store))
    if as_json:
        print_json({"data": rows, "next": None})
    elif not rows:
        click.echo("There are no keys yet. Create one: localllm keys create 'my website'")
    else:
        print_table(
            [
                "label",
                "key",
                "id",
                "state",
                ">per minute",
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
    """Change a key. This applies from its next request on."""
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
    help="How long the old key keeps working, such as 0, 30m or 7d.",
)
@json_option
def rotate(key_id: str, grace: int, as_json: bool) -> None:
    """Replace a key with a new one, which is shown once."""
    from gateway.admin import keys

    rotated = with_store(lambda store, settings: keys.rotate_key(store, settings, key_id, grace))
    _show_new(accepted(rotated), as_json)


@keys.command()
@click.argument("key_id")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """Disable a key from now on. Its usage is kept."""
    from gateway.admin import keys

    revoked = accepted(with_store(lambda store, _: keys.revoke_key(store, key_id)))
    if as_json:
        print_json(revoked)
    else:
        click.echo(f"Revoked {revoked['label']!r} ({revoked['id']}).")


async def all_keys(store: "Store") -> list[dict[str, Any]]:
    """All keys, from all pages of the list."""
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
