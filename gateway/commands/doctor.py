"""`localllm doctor`: what is wrong here, and what to do about it."""

import click

from gateway.commands.output import json_option, print_json
from gateway.commands.running import Failed, progress, run

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Find out what is wrong here.

    Checks Python, settings, data directory, secrets, store, outbox, Ollama and port.

    It changes nothing, but may start the embedded Postgres for the moment.
    """
    from gateway.checkup import examine

    findings = run(examine(progress))
    failures = [finding for finding in findings if finding.state == "fail"]
    if as_json:
        checks = [finding._asdict() for finding in findings]
        print_json({"ok": not failures, "checks": checks})
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.state]
            state = click.style(f"{mark} {finding.state:<4}", fg=colour)
            click.echo(f"{state} {finding.check:<9} {finding.text}")
    if failures:
        raise Failed(f"{len(failures)} of {len(findings)} checks failed.")
