"""`localllm tunnel setup`: a guide through setting up a named tunnel."""

import platform
import re
import sys
from pathlib import Path

import click

from gateway.commands import tunnel_parts as parts
from gateway.commands.running import Failed, run
from gateway.config.settings import Settings, load

_DASHBOARD = """
In Cloudflare's dashboard (https://dash.cloudflare.com), go to Networking, Tunnels, Create Tunnel.
Give the tunnel a name. The page then shows a command with a long token: copy the token.
Then open the tunnel and go to Routes, Add route, Published application. Enter your hostname, and
as Service URL {service}.
"""


def _hostname(_: click.Context, option: click.Parameter, value: str | None) -> str:
    from tunnel.hostname import hostname

    if not value:
        return ""
    try:
        return hostname(value)
    except ValueError as problem:
        raise click.BadParameter(f"{problem}.", param=option) from None


@click.command()
@click.option(
    "--token-file", metavar="FILE", help="Read the dashboard's token from FILE, or - for stdin."
)
@click.option("--credentials-file", metavar="FILE", help="Read a tunnel's credentials from FILE.")
@click.option("--hostname", metavar="NAME", callback=_hostname, help="The public hostname.")
@click.option("--name", metavar="NAME", help="The name of the tunnel at Cloudflare.")
@click.option("--overwrite-dns", is_flag=True, help="Replace a DNS record of that hostname.")
def setup(
    token_file: str | None,
    credentials_file: str | None,
    hostname: str,
    name: str | None,
    overwrite_dns: bool,
) -> None:
    """Set up a tunnel with a permanent address.

    In a terminal it asks for what it needs. Otherwise use --token-file with a token from the
    dashboard, --credentials-file with --hostname for an existing tunnel, or --hostname alone if
    cloudflared is logged in.
    """
    settings = load()
    given = [option for option in (token_file, credentials_file) if option]
    if len(given) > 1:
        raise click.UsageError("Use either --token-file or --credentials-file, not both.")
    if credentials_file and not hostname:
        raise click.UsageError("--credentials-file needs --hostname.")
    if name is not None and not re.fullmatch(r"[\w .-]{1,100}", name):
        raise click.UsageError("--name should be letters, digits, spaces, '.' and '-'.")
    if token_file:
        _by_token(settings, _text(token_file), hostname)
    elif credentials_file:
        _by_credentials(settings, _text(credentials_file), hostname)
    elif hostname or sys.stdin.isatty():
        _ask(settings, hostname, name, overwrite_dns)
    else:
        raise click.UsageError("There is no terminal to ask in. Use --token-file or --hostname.")


def _ask(settings: Settings, hostname: str, name: str | None, overwrite_dns: bool) -> None:
    if not hostname:
        click.echo("1  use a token from Cloudflare's dashboard")
        click.echo("2  log in here, and have the tunnel created")
        if click.prompt("Choose", type=click.Choice(["1", "2"]), default="1") == "1":
            click.echo(_DASHBOARD.format(service=parts.origin(settings)))
            pasted = click.prompt("Token (not shown)", hide_input=True)
            known = click.prompt("Hostname (Enter if unsure)", default="", show_default=False)
            _by_token(settings, pasted, _typed(known) if known else "")
            return
        hostname = _typed(click.prompt("Public hostname, such as llm.example.com"))
    _by_login(settings, hostname, name or f"localllm-{platform.node() or 'home'}", overwrite_dns)


def _typed(text: str) -> str:
    from tunnel.hostname import hostname

    try:
        return hostname(text)
    except ValueError as problem:
        raise Failed(f"{text!r} {problem}.") from None


def _by_token(settings: Settings, pasted: str, hostname: str) -> None:
    from tunnel.named_setup import set_up_by_token

    set_up_by_token(parts.folder(settings), pasted, hostname)
    run(parts.program(settings))
    _done(settings, hostname or "the hostname in the dashboard")
    click.echo(f"In the dashboard, its Service URL should be {parts.origin(settings)}")


def _by_credentials(settings: Settings, text: str, hostname: str) -> None:
    from tunnel.named_setup import set_up_by_credentials

    async def keep() -> None:
        program = await parts.program(settings)
        folder, origin = parts.folder(settings), parts.origin(settings)
        await set_up_by_credentials(program, folder, text, hostname, origin)

    run(keep())
    _done(settings, hostname)


def _by_login(settings: Settings, hostname: str, name: str, overwrite_dns: bool) -> None:
    from tunnel import named_setup

    async def create() -> None:
        program = await parts.program(settings)
        if not named_setup.is_logged_in():
            if not sys.stdin.isatty():
                raise Failed("You are not logged in to Cloudflare: run this in a terminal.")
            parts.say("Log in to Cloudflare and choose the domain of the hostname.")
            await named_setup.log_in(program)
        await named_setup.create(
            *(program, parts.folder(settings), name, hostname, parts.origin(settings)),
            overwrite_dns=overwrite_dns,
            say=parts.say,
        )

    run(create())
    _done(settings, hostname)


def _done(settings: Settings, hostname: str) -> None:
    click.echo(f"Set up in {parts.folder(settings)}: {hostname} leads to this machine.")
    click.echo("To run it next to the gateway: localllm tunnel run (or both: localllm up --tunnel)")


def _text(file: str) -> str:
    from tunnel.private_files import MAX_BYTES

    try:
        if file == "-":
            return sys.stdin.read(MAX_BYTES)
        with Path(file).open(encoding="utf-8", errors="replace") as source:
            return source.read(MAX_BYTES)
    except OSError as problem:
        raise Failed(f"{file} cannot be read: {problem.strerror}.") from None
