"""The command line, `localllm`: exit code 0 done, 1 failed, 2 wrong usage; errors are one line."""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from gateway.commands.alerts import alerts
from gateway.commands.completion import completion
from gateway.commands.database import db
from gateway.commands.doctor import doctor
from gateway.commands.keys import keys
from gateway.commands.presets import presets
from gateway.commands.running import debugging
from gateway.commands.serve import serve
from gateway.commands.service import service
from gateway.commands.supabase import supabase
from gateway.commands.tunnel import tunnel
from gateway.commands.up import up
from gateway.commands.usage import usage

NAME = "localllm"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name=NAME, message="%(prog)s %(version)s")
def cli() -> None:
    """Use the model on your own machine from any website: keys, quotas and rate limits for Ollama.

    Start with `localllm up`.
    """


for _command in (
    up,
    serve,
    tunnel,
    keys,
    presets,
    usage,
    alerts,
    doctor,
    db,
    service,
    supabase,
    completion,
):
    cli.add_command(_command)


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; its exit code."""
    try:
        colour = False if os.environ.get("NO_COLOR") else None  # None: if it is a terminal
        code = cli.main(list(arguments), prog_name=NAME, standalone_mode=False, color=colour)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as problem:
        problem.show()
        return 2
    except click.UsageError as problem:
        where = problem.ctx.command_path if problem.ctx else NAME
        text = problem.format_message()
        stop = "" if text.endswith((".", "?", "?)")) else "."
        return _fail(f"{text}{stop} See: {where} --help", 2)
    except click.ClickException as problem:
        return _fail(problem.format_message(), problem.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _fail("Stopped.", 130)
    except Exception as problem:
        if debugging():
            traceback.print_exc()
        return _fail(_explain(problem), 1)


def _explain(problem: Exception) -> str:
    """Our own exceptions are written for the owner; others get a hint how to find out more."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    if type(problem).__module__.split(".")[0] in {"gateway", "tunnel"}:
        return text
    return f"{type(problem).__name__}: {text}. Set DEBUG=true to see where."


def _fail(text: str, code: int) -> int:
    click.echo(f"{NAME}: {' '.join(text.split())}", err=True)
    return code


if __name__ == "__main__":
    main()
