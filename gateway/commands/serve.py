"""`localllm serve`: the gateway for production. It never guesses: what is missing is named."""

import click

from gateway.commands.running import Failed, progress, read_settings, run, signals_handed_over
from gateway.commands.settings_help import CommandWithSettings
from gateway.settings import Settings


@click.command(cls=CommandWithSettings)
def serve() -> None:
    """Run the gateway in front of Ollama. No demo model; refuses a bad or missing setting."""
    settings = read_settings()
    if not settings.admin_secret:
        raise Failed(
            "ADMIN_SECRET is not set. Set it to a long random text; this makes one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    run(_serve(settings), fast=True)


async def _serve(settings: Settings) -> None:
    from gateway import preflight, server
    from gateway.opening import open_store
    from gateway.supervision import supervised
    from gateway.upstream import Target, Upstream

    preflight.check_port(settings.host, settings.port)
    preflight.check_data_dir(settings.data_dir)
    url = preflight.local_url(settings.host, settings.port)

    def ready() -> None:
        click.echo(f"localllm runs at {url} ({settings.store} store, Ctrl-C stops it)")

    async with open_store(settings, progress) as opened, supervised(opened.postgres):
        upstream = Upstream(Target(settings.ollama_base_url), settings.ollama_timeout)
        with signals_handed_over():
            await server.serve(settings, opened.store, upstream, ready=ready)
