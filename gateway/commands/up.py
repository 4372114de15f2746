"""`localllm up`: from nothing to a working endpoint, in one command."""

import click

from gateway.commands.running import run_server
from gateway.commands.settings_help import CommandWithSettings
from gateway.config.settings import load


@click.command(cls=CommandWithSettings)
@click.option("--no-demo", is_flag=True, help="Do not use the demo model; wait for Ollama.")
@click.option("--tunnel", is_flag=True, help="Open a tunnel too, and print its public address.")
def up(no_demo: bool, tunnel: bool) -> None:
    """Start everything. Begin here.

    Sets up the embedded database, its schema and a first key, and runs the gateway.
    If Ollama does not answer at OLLAMA_BASE_URL, a small demo model is used until it does.
    """
    settings = load()
    from gateway.commands.launch import launch

    run_server(settings, lambda signals: launch(settings, signals, demo=not no_demo, tunnel=tunnel))
