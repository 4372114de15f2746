"""`localllm service`: have the system start the gateway and its tunnel, and keep them running."""

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.output import json_option, print_json
from gateway.commands.running import Failed, progress, run
from gateway.commands.tunnel_parts import is_set_up
from gateway.config import settings as settings_table
from gateway.config.settings import Settings

if TYPE_CHECKING:
    from gateway.service.job import Manager

_PATIENCE = 90.0  # seconds

_system = click.option(
    "--system", is_flag=True, help="For the whole machine, started at boot; needs root."
)
_MARKS = {True: ("✓", "green"), False: ("✗", "red")}


@click.group()
def service() -> None:
    """Keep the gateway running, also after a reboot.

    Uses systemd on Linux, launchd on macOS and the Task Scheduler on Windows.
    """


@service.command()
@_system
@click.option("--run-as", metavar="USER", help="With --system: the user to run as.")
@click.option(
    "--tunnel/--no-tunnel", default=None, help="Run the tunnel too [default: if one is set up]."
)
@click.option("--dry-run", is_flag=True, help="Only print the files that would be written.")
def install(system: bool, run_as: str | None, tunnel: bool | None, dry_run: bool) -> None:
    """Install, enable and start the services. Run it again after a change.

    Settings are read from `.env` in the directory where you run this.
    """
    from gateway.service import job

    if run_as and not system:
        raise click.UsageError("--run-as needs --system.")
    loaded = settings_table.load()
    hidden = job.only_here()
    if hidden:
        raise Failed(
            f"{', '.join(hidden)}: set only in this shell, which a service does not see. "
            "Add it to .env, or unset it."
        )
    jobs = job.jobs(loaded, tunnel=is_set_up(loaded) if tunnel is None else tunnel)
    manager = _manager(loaded, system, run_as)
    if dry_run:
        for path, text in manager.files(jobs).items():
            click.echo(f"# {path}\n{text}")
        return
    _make_ready(loaded, system, run_as)
    notes = manager.install(jobs)
    _wait_until_it_answers(loaded, manager.logs(False, 20))
    for note in notes:
        click.echo(note)


@service.command()
@_system
@json_option
def status(system: bool, as_json: bool) -> None:
    """Show whether the services are running. Exit code 1 if an installed one is not."""
    states = _manager(settings_table.load(), system).states()
    there = [state for state in states if state.state is not None]
    if as_json:
        print_json({"services": [state._asdict() for state in states]})
    else:
        for state in there:
            mark, colour = _MARKS[state.running]
            click.echo(f"{click.style(mark, fg=colour)} {state.name:<16} {state.state}")
    if not there:
        raise Failed("No service is installed. Install it: localllm service install")
    if not all(state.running for state in there):
        raise Failed("A service is not running. See why: localllm service logs")


@service.command()
@_system
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines.")
@click.option("-n", "--lines", type=click.IntRange(1, 100_000), default=100, show_default=True)
def logs(system: bool, follow: bool, lines: int) -> None:
    """Show the logs of the services. The system keeps and rotates them."""
    command = _manager(settings_table.load(), system).logs(follow, lines)
    try:
        code = subprocess.run(command, check=False).returncode
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed on this machine.") from None
    except KeyboardInterrupt:
        return
    if code:
        raise Failed(f"{command[0]} ended with exit code {code}.")


@service.command()
@_system
def uninstall(system: bool) -> None:
    """Stop and remove the services. Keys, usage and settings are kept."""
    loaded = settings_table.load()
    gone = _manager(loaded, system).uninstall()
    if not gone:
        raise Failed("No service is installed.")
    click.echo(f"Removed {' and '.join(gone)}. The data in {loaded.data_dir} was kept.")


def _manager(loaded: Settings, system: bool, run_as: str | None = None) -> "Manager":
    from gateway.service.managers import manager

    return manager(loaded.data_dir, system=system, account=run_as)


def _make_ready(loaded: Settings, system: bool, run_as: str | None) -> None:
    """Provide what a service cannot ask for later: its data directory, packages, and a secret."""
    from gateway.config import preflight, secret_files
    from gateway.config.secret_files import ADMIN_SECRET_FILE

    if system and sys.platform != "win32":
        _check_owner(loaded.data_dir, run_as)
    preflight.check_data_dir(loaded.data_dir)
    run(_bring_extras(loaded))
    path = loaded.data_dir / ADMIN_SECRET_FILE
    if loaded.admin_secret or not loaded.manages_keys:
        return
    if not system:
        secret_files.read_or_make(path, secret_files.new_secret)
    elif not path.exists():
        raise Failed(
            f"{path} does not exist. Run `localllm up` once as the user that the service will run "
            "as, or set ADMIN_SECRET in .env."
        )


async def _bring_extras(loaded: Settings) -> None:
    """Install optional packages now: a service may not write to the environment."""
    from gateway.database import opening
    from gateway.http import cloudflare_access

    await opening.install_if_needed(loaded, progress)
    await cloudflare_access.install_if_needed(loaded)


def _check_owner(data_dir: Path, run_as: str | None) -> None:
    """Refuse a data directory of another user: under sudo the default is root's, which the
    service could not enter."""
    from gateway.service.managers import whose_rights

    whose = whose_rights(run_as)
    try:
        owner = data_dir.owner()
    except (OSError, KeyError):
        owner = None
    if owner != whose:
        raise Failed(
            f"The data directory {data_dir} does not belong to {whose}, the user that the service "
            f"would run as. Run `localllm up` once as {whose}, then pass the data directory that "
            "it prints: sudo DATA_DIR=… localllm service install --system"
        )


def _wait_until_it_answers(loaded: Settings, logs: list[str]) -> None:
    """Wait for the gateway: its first start creates a database. If it fails, show the log."""
    from gateway.checks.listening import is_gateway
    from gateway.config import preflight

    url = preflight.local_url(loaded.host, loaded.port)
    progress("Waiting for the gateway to answer.")
    end = time.monotonic() + _PATIENCE
    while not is_gateway(url):
        if time.monotonic() > end:
            subprocess.run(logs, check=False)
            raise Failed(f"It is installed, but does not answer at {url}. See its log above.")
        time.sleep(0.5)
    click.echo(f"localllm is running at {url}, and will start automatically from now on.")
