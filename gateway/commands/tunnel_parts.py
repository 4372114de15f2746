"""What the tunnel commands share: the settings, in the form that tunnel/ needs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.download_view import shown
from gateway.config import preflight
from gateway.config.settings import Settings

if TYPE_CHECKING:
    from tunnel.plan import Plan
    from tunnel.program import Program
    from tunnel.supervisor import Tunnel


class PermanentFailure(click.ClickException):
    """Only the owner can fix this, so a service should not try again (exit code 2)."""

    exit_code = 2


def folder(settings: Settings) -> Path:
    """The directory for everything that belongs to the tunnel."""
    from tunnel.status_file import FOLDER

    return settings.data_dir / FOLDER


def origin(settings: Settings) -> str:
    """The address that the tunnel forwards to."""
    return preflight.local_url(settings.host, settings.port)


async def program(settings: Settings) -> "Program":
    """A cloudflared, which is downloaded with a progress bar if there is none."""
    from tunnel.program import obtain

    with shown("cloudflared") as progress:
        return await obtain(settings.cloudflared_path, folder(settings), say, progress)


def plan(settings: Settings, *, quick: bool) -> "Plan":
    """The named tunnel that is set up, or a trial one."""
    from tunnel import plan as plans
    from tunnel.errors import TunnelError

    if quick:
        return plans.quick(origin(settings))
    named_by_settings = settings.tunnel_token_file, settings.tunnel_hostname
    try:
        found = plans.configured(folder(settings), *named_by_settings, origin(settings))
    except TunnelError as problem:
        raise PermanentFailure(str(problem)) from None
    if found is None:
        raise PermanentFailure(
            "No tunnel is set up. For a permanent address: localllm tunnel setup. For a trial: "
            "localllm up --tunnel"
        )
    return found


def is_set_up(settings: Settings) -> bool:
    """Whether there is a named tunnel to run."""
    from tunnel.plan import is_configured

    return is_configured(folder(settings), settings.tunnel_token_file)


def tunnel(settings: Settings, with_program: "Program", with_plan: "Plan") -> "Tunnel":
    from tunnel.supervisor import Tunnel

    return Tunnel(with_program, with_plan, folder(settings), settings.tunnel_grace_seconds)


def say(text: str) -> None:
    """Print a step to stderr."""
    click.echo(text, err=True)
