"""`localllm usage`: who used how much of which model."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.keys import all_keys
from gateway.commands.output import accepted, bar, json_option, number, print_json, print_table
from gateway.commands.running import with_store

if TYPE_CHECKING:
    from gateway.stores import Store

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("key_id", required=False)
@click.option("--from", "start", type=_DAY, metavar="DAY", help="First day, such as 2030-01-31.")
@click.option("--to", "end", type=_DAY, metavar="DAY", help="Last day.")
@json_option
def usage(key_id: str | None, start: datetime | None, end: datetime | None, as_json: bool) -> None:
    """Show requests and tokens by day and model.

    Of all keys, or of the one with KEY_ID. Without --from and --to it is the current month (UTC).
    """
    span = start and start.date(), end and end.date()
    if key_id is None:
        report, labels = with_store(lambda store, _: _of_all(store, *span))
        rows = [row | {"label": labels[row["api_key_id"]]} for row in report["data"]]
    else:
        known: str = key_id
        report = with_store(lambda store, _: _of_key(store, known, *span))
        rows = report["by_day"]
    if as_json:
        print_json(report)
        return
    if key_id is not None:
        _print_month(report)
    if rows:
        _print_rows(rows)
    else:
        click.echo(f"Nothing was used {_range(*span)}.")


async def _of_key(
    store: "Store", key_id: str, first: date | None, last: date | None
) -> dict[str, Any]:
    from gateway import administration

    return accepted(await administration.key_usage(store, key_id, first, last))


async def _of_all(
    store: "Store", first: date | None, last: date | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The report, and what people call the keys in it."""
    from gateway import administration

    report = accepted(await administration.all_usage(store, None, first, last))
    names = {row["id"]: f"{row['label']} ({row['prefix']}…)" for row in await all_keys(store)}
    return report, names


def _print_month(report: dict[str, Any]) -> None:
    month, limits, key = report["month"], report["limits"], report["key"]
    used, limit = month["tokens_used"], limits["monthly_token_limit"]
    click.echo(f"{key['label']} ({key['prefix']}…)")
    click.echo(f"{bar(used, limit)} {number(used)} of {number(limit)} tokens this month,", nl=False)
    click.echo(f" {number(month['tokens_remaining'])} left until {month['resets_at'][:10]}")


def _print_rows(rows: list[dict[str, Any]]) -> None:
    most = max(row["total_tokens"] for row in rows)
    with_key = "label" in rows[0]
    print_table(
        [
            "day",
            *(["key"] if with_key else []),
            "model",
            ">requests",
            ">prompt",
            ">output",
            ">tokens",
            "",
        ],
        [
            [
                str(row["date"]),
                *([row["label"]] if with_key else []),
                row["model"],
                number(row["requests"]),
                number(row["prompt_tokens"]),
                number(row["completion_tokens"]),
                number(row["total_tokens"]),
                bar(row["total_tokens"], most),
            ]
            for row in rows
        ],
    )


def _range(first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return "this month"
    return " ".join([*([f"from {first}"] if first else []), *([f"until {last}"] if last else [])])
