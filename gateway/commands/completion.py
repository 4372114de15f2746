"""`localllm completion`: the script with which a shell completes commands and options."""

import click

_HOW = {
    "bash": 'eval "$(localllm completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(localllm completion zsh)" in ~/.zshrc',
    "fish": "localllm completion fish > ~/.config/fish/completions/localllm.fish",
}


@click.command(epilog="\b\n" + "\n".join(_HOW.values()))
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(context.find_root().command, {}, "localllm", "_LOCALLLM_COMPLETE")
    click.echo(script.source_template % script.source_vars())
