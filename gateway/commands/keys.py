"""`localllm keys`: create, list, update, rotate and revoke API keys."""

from typing import TYPE_CHECKING, Any

import click

from gateway.commands.key_options import Duration, changes, key_options
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
from gateway.config.settings import Settings

if TYPE_CHECKING:
    from gateway.core.errors import Refusal
    from gateway.stores import Store

# Claude Code takes some 45,000 tokens a turn: this is 500 turns on each of 22 working days. An
# agent asks for one thing after the other, with a few short requests beside each.
AGENT: dict[str, Any] = {"rate_limit_per_min": 120, "monthly_token_limit": 500_000_000}


@click.group()
def keys() -> None:
    """Create, list, update, rotate and revoke API keys."""


@keys.command()
@click.argument("label", required=False)
@click.option("--label", "named_label", metavar="TEXT", help="What the key is for.")
@key_options
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
    wishes = (AGENT if agent else {}) | changes(options)
    request = keys.CreateKey(label=text, **wishes)

    async def make(store: "Store", settings: Settings) -> Any:
        refusal = _address_refusal(settings, request.visitors)
        return refusal or await keys.create_key(store, settings, request)

    made = accepted(with_store(make))
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
@key_options
@json_option
def update(key_id: str, as_json: bool, **options: Any) -> None:
    """Change a key. This applies from its next request on."""
    from gateway.admin import keys

    wanted = changes(options)

    async def change(store: "Store", settings: Settings) -> Any:
        refusal = _address_refusal(settings, wanted.get("visitors"))
        return refusal or await keys.update_key(store, key_id, keys.UpdateKey(**wanted))

    changed = accepted(with_store(change))
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
    if not as_json:
        goes_on = (
            f"keeps working for {_in_words(grace)} at most" if grace else "does not work any more"
        )
        click.echo(f"The old key {goes_on}.")


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


def _address_refusal(settings: Settings, visitors: dict[str, Any] | None) -> "Refusal | None":
    from gateway.admin.trusted_addresses import address_refusal
    from tunnel.status_file import FOLDER, current

    has_tunnel = current(settings.data_dir / FOLDER) is not None
    return address_refusal(settings, visitors, has_tunnel=has_tunnel)


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


def _in_words(seconds: int) -> str:
    units = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    size, name = next(unit for unit in units if seconds % unit[0] == 0)
    return f"{seconds // size} {name}{'s' if seconds > size else ''}"


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
