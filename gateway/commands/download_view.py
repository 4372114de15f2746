"""The progress of a download: a bar in a terminal, an occasional line in a log."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click

_STEPS = 5


@contextmanager
def shown(what: str) -> Generator[Callable[[int, int], None]]:
    """Yields the function to call with the bytes received and the bytes in total."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, visible=False)
        yield lambda here, whole: bar.update(task, completed=here, total=whole, visible=True)


def _lines(what: str) -> Callable[[int, int], None]:
    told = 0

    def show(here: int, whole: int) -> None:
        nonlocal told
        step = here * _STEPS // whole
        if step > told:
            told = step
            click.echo(f"{what}: {100 * here // whole} % of {whole // 10**6} MB", err=True)

    return show
