"""`localllm usage`: requests and tokens by key, day and model."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.keys import all_keys
from gateway.commands.output import accepted, bar, json_option, number, print_json, print_table
from gateway.commands.running import with_store

if TYPE_CHECKING:
    from gateway.admin.usage_query import UsageQuery
    from gateway.stores import Store

_DAY = click.DateTime(["%Y-%m-%d"])
_COLUMNS = (
    *(("month", "month"), ("day", "date"), ("hour", "hour"), ("key", "label")),
    *(("model", "model"), ("visitor", "visitor")),
)
_NUMBERS = (
    *((">requests", "requests"), (">prompt", "prompt_tokens")),
    *((">output", "completion_tokens"), (">tokens", "total_tokens")),
)


@click.command()
@click.argument("key_id", required=False)
@click.option("--from", "start", type=_DAY, metavar="DAY", help="First day, such as 2030-01-31.")
@click.option("--to", "end", type=_DAY, metavar="DAY", help="Last day.")
@click.option(
    "--by",
    metavar="WHAT",
    help="Group by any of month, day, key and model or visitor, such as month,model.",
)
@json_option
def usage(
    key_id: str | None,
    start: datetime | None,
    end: datetime | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Show requests and tokens by day and model.

    For all keys, or for the one with KEY_ID. The default range is the current month (UTC).
    """
    days = start and start.date(), end and end.date()
    asked = _asked(*days, by, key_id)
    if key_id is None or "visitor" in asked.group_by:
        report, labels = with_store(lambda store, _: _of_all(store, asked))
        rows = [_labelled(row, labels) for row in report["data"]]
    else:
        known: str = key_id
        report = with_store(lambda store, _: _of_key(store, known, asked))
        rows = report["data"] if asked.group_by else report["by_day"]
    if as_json:
        print_json(report)
        return
    if "month" in report:
        _print_month(report)
    if rows:
        _print_rows(rows, report.get("total"))
    else:
        click.echo(f"No usage {_range(*days)}.")


def _asked(first: date | None, last: date | None, by: str | None, key: str | None) -> "UsageQuery":
    from gateway.admin.usage_query import OF_ALL_KEYS, OF_ONE_KEY, UsageQuery, grouping

    known = OF_ALL_KEYS if key is None else (*OF_ONE_KEY, "visitor")
    try:
        groups = grouping(by, known) if by is not None else ()
    except ValueError as problem:
        raise click.BadParameter(f"{problem}.", param_hint="'--by'") from None
    return UsageQuery(first, last, groups, key)


async def _of_key(store: "Store", key_id: str, asked: "UsageQuery") -> dict[str, Any]:
    from gateway.admin import keys

    return accepted(await keys.key_usage(store, key_id, asked))


async def _of_all(store: "Store", asked: "UsageQuery") -> tuple[dict[str, Any], dict[str, str]]:
    """The report, and the name to show for each key in it."""
    from gateway.admin import keys

    report = accepted(await keys.all_usage(store, asked))
    names = {row["id"]: f"{row['label']} ({row['prefix']}…)" for row in await all_keys(store)}
    return report, names


def _labelled(row: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """With names in place of ids, where there are any."""
    if "api_key_id" in row:
        row = row | {"label": labels[row["api_key_id"]]}
    return row | {"visitor": row["visitor_name"]} if row.get("visitor_name") else row


def _print_month(report: dict[str, Any]) -> None:
    month, limits, key = report["month"], report["limits"], report["key"]
    used, limit = month["tokens_used"], limits["monthly_token_limit"]
    click.echo(f"{key['label']} ({key['prefix']}…)")
    click.echo(f"{bar(used, limit)} {number(used)} of {number(limit)} tokens this month,", nl=False)
    click.echo(f" {number(month['tokens_remaining'])} left until {month['resets_at'][:10]}")


def _print_rows(rows: list[dict[str, Any]], total: dict[str, Any] | None) -> None:
    most = max(row["total_tokens"] for row in rows)
    columns = [(heading, field) for heading, field in _COLUMNS if field in rows[0]]
    table = [
        [
            *(str(row[field]) for _, field in columns),
            *(number(row[field]) for _, field in _NUMBERS),
            bar(row["total_tokens"], most),
        ]
        for row in rows
    ]
    if total is not None:
        blank = [""] * (len(columns) - 1)
        table.append(["total", *blank, *(number(total[field]) for _, field in _NUMBERS), ""])
    print_table([*(name for name, _ in (*columns, *_NUMBERS)), ""], table)


def _range(first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return "this month"
    return " ".join([*([f"from {first}"] if first else []), *([f"until {last}"] if last else [])])
