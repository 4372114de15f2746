"""How commands run: settings read once, stopped by signals, failing in one line."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway import settings as settings_table
from gateway.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gateway.stores import Store

Result = TypeVar("Result")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Failed(click.ClickException):
    """The command could not do its work (exit 1); the text says what to do."""

    exit_code = 1


def read_settings() -> Settings:
    """The settings; a wrong one ends the command with the line that names it."""
    try:
        return settings_table.load()
    except SettingsError as problem:
        raise Failed(str(problem)) from None


def debugging() -> bool:
    """Whether the owner asked for tracebacks."""
    try:
        return settings_table.load().debug
    except SettingsError:
        return os.environ.get("DEBUG", "").lower() in {"1", "true", "yes", "on"}


def run(work: Coroutine[Any, Any, Result], *, fast: bool = False) -> Result:
    """Run to the end. The first SIGTERM or Ctrl-C cancels it, so that what it started is stopped;
    later ones do not disturb the stopping. `fast`: on uvloop, which takes a moment to import.
    """
    factory = None
    if fast and sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_stoppable(work))


async def _stoppable(work: Coroutine[Any, Any, Result]) -> Result:
    stopped = False
    this = asyncio.current_task()
    assert this is not None

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            this.cancel()

    _listen(stop)
    try:
        return await work
    except asyncio.CancelledError:
        if stopped:
            raise KeyboardInterrupt from None
        raise


def _listen(handler: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        with contextlib.suppress(NotImplementedError):  # on Windows Ctrl-C cancels by itself
            loop.add_signal_handler(number, handler)


@contextlib.contextmanager
def signals_handed_over() -> Generator[None]:
    """Within, somebody else minds the signals. Afterwards all is being stopped: none counts."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(number)
    try:
        yield
    finally:
        _listen(lambda: None)


def with_store(action: Callable[["Store", Settings], Awaitable[Result]]) -> Result:
    """Run `action` on the store that the settings name, opened for the moment."""
    from gateway.opening import open_store

    settings = read_settings()

    async def opened() -> Result:
        async with open_store(settings, progress) as opened:
            return await action(opened.store, settings)

    return run(opened())


def progress(text: str) -> None:
    """A step that takes a while, told on stderr where a person looks on."""
    if click.get_text_stream("stderr").isatty():
        click.secho(text, err=True, dim=True)
