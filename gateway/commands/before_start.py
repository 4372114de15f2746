"""What `up` and `serve` look at before anything slow begins."""

import asyncio
from pathlib import Path

import click

from gateway.commands.running import Failed
from gateway.config import near_names, preflight
from gateway.config.dotenv_file import read_dotenv
from gateway.config.settings import Settings


async def check_before_start(settings: Settings) -> None:
    """Raise what keeps the gateway from running here; say what its owner may have meant."""
    try:
        preflight.check_port(settings.host, settings.port)
    except preflight.NotReady:
        from gateway.checks.listening import is_gateway

        url = preflight.local_url(settings.host, settings.port)
        if not await asyncio.to_thread(is_gateway, url):
            raise
        raise Failed(
            f"localllm is already running at {url}. To start it anew, stop it first; for a second "
            f"one, use another port: PORT={preflight.another_port(settings.port)}"
        ) from None
    preflight.check_model_servers(settings.host, settings.port, settings.ollama_base_url)
    preflight.check_data_dir(settings.data_dir)
    if told := near_names.advice(read_dotenv(Path(".env"))):
        click.echo(told, err=True)
