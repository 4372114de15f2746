"""`localllm tunnel`: a public HTTPS address for the gateway, through Cloudflare."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.commands import tunnel_parts as parts
from gateway.commands.banner import TRIAL_NOTE
from gateway.commands.output import json_option, print_json
from gateway.commands.running import Failed, Signals, run_server
from gateway.commands.running import run as run_to_its_end
from gateway.commands.settings_help import CommandWithSettings
from gateway.commands.tunnel_setup import setup
from gateway.commands.two_stage import two_stage
from gateway.config.settings import Settings, load

if TYPE_CHECKING:
    from tunnel.supervisor import Tunnel

_MARKS = {"connected": ("✓", "green"), "off": ("✗", "red"), "failed": ("✗", "red")}


@click.group()
def tunnel() -> None:
    """Give the gateway a public HTTPS address, without opening a port.

    For a trial, `localllm up --tunnel` is enough. For a permanent address start with
    `tunnel setup`.
    """


@tunnel.command(cls=CommandWithSettings)
@click.option(
    "--quick", is_flag=True, help="Use a temporary trial address instead of the tunnel set up."
)
def run(quick: bool) -> None:
    """Run the tunnel that was set up, until Ctrl-C.

    For use alongside `localllm serve`, as a service. Exit code 2 if it can never work as set up.
    """
    settings = load()
    run_server(settings, lambda signals: _run(settings, signals, quick))


async def _run(settings: Settings, signals: Signals, quick: bool) -> None:
    from gateway.config import preflight
    from tunnel.errors import PermanentError

    preflight.check_data_dir(settings.data_dir)
    plan = parts.plan(settings, quick=quick)
    opened = parts.tunnel(settings, await parts.program(settings), plan)
    if quick:
        parts.say(TRIAL_NOTE)
    signals.leave_to_server()
    stopping: list[asyncio.Task[None]] = []
    printing = asyncio.create_task(_print_address(opened))
    try:
        with two_stage(lambda: stopping.append(asyncio.create_task(opened.stop())), opened.cut):
            await opened.run()
        await asyncio.gather(*stopping)
    except PermanentError as problem:
        raise parts.PermanentFailure(str(problem)) from None
    finally:
        printing.cancel()


async def _print_address(opened: "Tunnel") -> None:
    """Print the address. Where it leads is set in the dashboard; the watch warns if not here."""
    click.echo(f"The tunnel is open: {await opened.url()} (press Ctrl-C to close)")


@tunnel.command()
@json_option
def status(as_json: bool) -> None:
    """Show whether the tunnel is running, and its address.

    Exit code 1 unless it is connected.
    """
    state = run_to_its_end(_state(load()))
    if as_json:
        print_json(state)
    else:
        _show(state)
    if state["state"] != "connected":
        raise Failed(
            "The tunnel is not connected."
            if state["state"] != "off"
            else "No tunnel is running here. Start it: localllm tunnel run"
            if state["set_up"]
            else "No tunnel is running here. Set one up: localllm tunnel setup"
        )


async def _state(settings: Settings) -> dict[str, Any]:
    from tunnel import status_file
    from tunnel.errors import TunnelError
    from tunnel.program import find

    folder = parts.folder(settings)
    status = status_file.current(folder) or status_file.failed(folder)
    try:
        found = await find(settings.cloudflared_path, parts.folder(settings))
    except TunnelError:
        found = None
    hostname = status.hostname if status else ""
    return {
        "state": status.state if status else "off",
        "since": _moment(status.since) if status else None,
        "kind": status.kind if status else None,
        "url": f"https://{hostname}" if hostname else None,
        "connections": status.connections if status else 0,
        "problem": status.problem or None if status else None,
        "process": status.supervisor_pid if status and status.state != "failed" else None,
        "set_up": parts.is_set_up(settings),
        "cloudflared": {"path": str(found.path), "version": found.version} if found else None,
    }


def _show(state: dict[str, Any]) -> None:
    mark, colour = _MARKS.get(state["state"], ("!", "yellow"))
    where = f" {state['url']}" if state["url"] else ""
    since = f" since {state['since'][:16].replace('T', ' ')} UTC" if state["since"] else ""
    click.echo(f"{click.style(mark, fg=colour)} {state['state']}{where}{since}")
    if state["problem"]:
        click.echo(f"  {state['problem']}")
    if state["cloudflared"]:
        click.echo("  cloudflared {version}: {path}".format(**state["cloudflared"]))
    else:
        click.echo("  cloudflared will be installed when it is needed")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


tunnel.add_command(setup)
