"""The list of settings in `--help` of the commands that run the gateway."""

import click

from gateway.config.settings_documents import rows


class CommandWithSettings(click.Command):
    """A command whose help ends with the list of settings."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Settings (environment or .env)"):
            table = [(name, f"{text} [{shown}]" if shown else text) for name, shown, text in rows()]
            formatter.write_dl(table, col_max=32)
