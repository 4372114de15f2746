"""`localllm serve`: the gateway for production. It never guesses: it names what is missing."""

import click

from gateway.commands.running import Failed, Signals, progress, run_server
from gateway.commands.settings_help import CommandWithSettings
from gateway.config.settings import Settings, load


@click.command(cls=CommandWithSettings)
def serve() -> None:
    """Run the gateway in front of Ollama.

    For production: there is no demo model, and a bad or missing setting is an error.
    """
    settings = load()
    if not settings.admin_secret and settings.manages_keys:
        raise Failed(
            "ADMIN_SECRET is not set. Set it to a long random text, for example the output of: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    run_server(settings, lambda signals: _serve(settings, signals))


async def _serve(settings: Settings, signals: Signals) -> None:
    from gateway.commands.before_start import check_before_start

    await check_before_start(settings)

    from gateway import server
    from gateway.backends.pool import BackendPool
    from gateway.config import preflight
    from gateway.database.opening import open_store
    from gateway.database.supervision import supervised

    async with open_store(settings, progress) as opened, supervised(opened.postgres):

        def ready() -> None:
            signals.leave_to_server()
            url = preflight.local_url(settings.host, settings.port)
            click.echo(f"localllm is running at {url} ({settings.store} store, Ctrl-C to stop)")
            if opened.problem:
                click.echo(opened.problem, err=True)

        await server.serve(settings, opened.store, BackendPool(settings), ready=ready)
