"""`localllm usage`: who used how much of which model."""

from datetime import date, datetime
from typing import Any

import click

from gateway.commands.output import accepted, bar, json_option, number, print_json, print_table
from gateway.commands.running import with_store

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
    from gateway import administration

    first, last = start and start.date(), end and end.date()
    if key_id is None:
        report = accepted(
            with_store(lambda store, _: administration.all_usage(store, None, first, last))
        )
        rows = report["data"]
    else:
        known: str = key_id
        report = accepted(
            with_store(lambda store, _: administration.key_usage(store, known, first, last))
        )
        rows = report["by_day"]
    if as_json:
        print_json(report)
        return
    if key_id is not None:
        _print_month(report)
    if not rows:
        click.echo(f"Nothing was used {_range(first, last)}.")
        return
    _print_rows(rows)


def _print_month(report: dict[str, Any]) -> None:
    month, limits, key = report["month"], report["limits"], report["key"]
    used, limit = month["tokens_used"], limits["monthly_token_limit"]
    click.echo(f"{key['label']} ({key['prefix']}…)")
    click.echo(f"{bar(used, limit)} {number(used)} of {number(limit)} tokens this month,", nl=False)
    click.echo(f" {number(month['tokens_remaining'])} left until {month['resets_at'][:10]}")


def _print_rows(rows: list[dict[str, Any]]) -> None:
    most = max(row["total_tokens"] for row in rows)
    with_key = "api_key_id" in rows[0]
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
                *([str(row["api_key_id"])] if with_key else []),
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
