"""`localllm alerts`: what the owner was told of, and whether telling works."""

import asyncio
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from gateway.commands.output import json_option, moment, print_json, print_table
from gateway.commands.running import Failed, progress, run, with_store
from gateway.config.settings import Settings, load

if TYPE_CHECKING:
    from gateway.alerts.channels import Channel

_SHOWN = 20
_NONE_SET = "Nobody is told of alerts: set ALERT_URLS or ALERT_WEBHOOK (docs/alerts.md)."


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=_SHOWN, help="How many to show.")
@json_option
@click.pass_context
def alerts(context: click.Context, limit: int, as_json: bool) -> None:
    """Show the newest alerts, and whether they were delivered.

    Alerts tell you of keys near their limits and of parts that fail, by ntfy, e-mail, Discord, a
    webhook and others: set ALERT_URLS or ALERT_WEBHOOK.
    """
    if context.invoked_subcommand is not None:
        return
    found = with_store(lambda store, _: store.admin("list_alerts", {"p_limit": limit}))["data"]
    rows = [one | {"text": _text(one)} for one in found]
    if as_json:
        print_json({"data": rows})
    elif rows:
        table = [[moment(one["time"]), one["text"], _deliveries(one)] for one in rows]
        print_table(["time (UTC)", "alert", "delivered"], table)
    else:
        click.echo("There were no alerts.")


@alerts.command()
@json_option
def test(as_json: bool) -> None:
    """Send a test through each channel, and say what comes of it."""
    from gateway.alerts.channels import channels, install_if_needed

    settings = load()
    found = channels(settings)
    if not found:
        raise Failed(_NONE_SET)

    async def attempt(settings: Settings) -> list[str | None]:
        await install_if_needed(settings, progress)
        return await asyncio.gather(*(_send(one) for one in found))

    problems = run(attempt(settings))
    results = list(zip((one.name for one in found), problems, strict=True))
    if as_json:
        print_json({"data": [{"channel": n, "ok": p is None, "problem": p} for n, p in results]})
    else:
        for name, problem in results:
            click.echo(f"{name}: {'delivered' if problem is None else f'not delivered: {problem}'}")
    if any(problems):
        raise Failed(f"{len([*filter(None, problems)])} of {len(found)} channels failed.")


async def _send(channel: "Channel") -> str | None:
    from gateway.alerts import Alert
    from gateway.alerts.watch import send

    about = {"machine": socket.gethostname()}
    return await send(channel, Alert(str(uuid4()), datetime.now(UTC), "test", "began", 1, about))


def _text(row: dict[str, Any]) -> str:
    import msgspec

    from gateway.alerts import Alert
    from gateway.alerts.texts import text

    alert = msgspec.convert(row, Alert)
    return text(alert, alert.time)


def _deliveries(row: dict[str, Any]) -> str:
    """Of each channel one line."""
    return "\n".join(
        f"{one['channel']}: "
        + (
            moment(one["delivered_at"])
            if one["delivered_at"]
            else f"{one['problem'] or 'under way'}; next {moment(one['next_attempt_at'])}"
        )
        for one in row["deliveries"]
    )
