"""`localllm doctor`: find problems, and say how to fix them."""

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from gateway.commands.output import json_option, print_json
from gateway.commands.running import Failed, progress, run

if TYPE_CHECKING:
    from gateway.checks.finding import Finding

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}
_NAMES = 11  # characters of the longest name of a check
_WIDEST = 100


def _url(_: click.Context, option: click.Parameter, value: str | None) -> str:
    from gateway.config.values import http_url

    try:
        return http_url(value) if value else ""
    except ValueError:
        raise click.BadParameter(
            "should be an address such as https://llm.example.com.", param=option
        ) from None


@click.command()
@click.option("--url", metavar="URL", callback=_url, help="Check this public address instead.")
@json_option
def doctor(url: str, as_json: bool) -> None:
    """Find problems, and say how to fix them.

    Checks Python, settings, data directory, secrets, store, outbox, Ollama and its cloud, port,
    host, whether Ollama is exposed, cloudflared, tunnel, services and where alerts go; then the
    public address, as seen from outside: https, public (is it this gateway?), cors, stream, closed.

    It changes nothing and needs no key. It may start the embedded Postgres for a moment.

    --json prints {"ok": bool, "checks": [{"check", "state", "text"}]}; state is ok, warn or fail.
    The names of checks do not change between versions. Exit code 1 if a check failed.
    """
    from gateway.checks.checkup import examine

    findings = run(examine(progress, (lambda _: None) if as_json else _show, url))
    failures = [finding for finding in findings if finding.state == "fail"]
    if as_json:
        checks = [finding._asdict() for finding in findings]
        print_json({"ok": not failures, "checks": checks})
    if failures:
        raise Failed(f"{len(failures)} of {len(findings)} checks failed.")


def _show(finding: "Finding") -> None:
    """Print a finding on one line; in a terminal, wrap its text with a hanging indent."""
    mark, colour = _MARKS[finding.state]
    head = f"{mark} {finding.state:<4} {finding.check:<{_NAMES}} "
    text = finding.text
    if sys.stdout.isatty():
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        lines = textwrap.wrap(
            text, max(width - len(head), 20), break_long_words=False, break_on_hyphens=False
        )
        text = f"\n{' ' * len(head)}".join(lines)
    state = head[: len(mark) + 5]
    click.echo(click.style(state, fg=colour) + head[len(state) :] + text)
