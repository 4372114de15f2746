"""`localllm up`: from nothing to an endpoint that answers, in one command."""

import click

from gateway.commands.running import run_server
from gateway.commands.settings_help import CommandWithSettings
from gateway.config.settings import load


@click.command(cls=CommandWithSettings)
@click.option("--no-demo", is_flag=True, help="Never use the demo model; wait for Ollama.")
@click.option("--tunnel", is_flag=True, help="Also open a tunnel, and print its public address.")
def up(no_demo: bool, tunnel: bool) -> None:
    """Start everything, from nothing: begin here.

    The embedded database, its schema, a first key, the gateway.
    Where no Ollama answers at OLLAMA_BASE_URL a small demo model is used until one does.
    """
    settings = load()
    from gateway.commands.launch import launch

    run_server(settings, lambda signals: launch(settings, signals, demo=not no_demo, tunnel=tunnel))
